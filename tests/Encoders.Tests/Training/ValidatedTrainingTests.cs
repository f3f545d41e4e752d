using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Networks;
using ToNNO.Encoders.Training;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Training;

public sealed class ValidatedTrainingTests : IDisposable
{
    private const int Edge = 16;
    private const int PerVolume = 4;

    private static readonly SmallCnnArchitecture _architecture = new() { Layers = [new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8 }], AreaUnitMm2 = 10 };
    private static readonly SliceTrainingOptions _options = new() { BatchSize = 8, SliceSize = Edge, Steps = 60, LearningRate = 0.01, ReportEvery = 10, Device = "cpu" };
    private static readonly StoppingOptions _stopping = new() { EvaluateEvery = 10, Patience = 100 };

    private readonly EncoderFixtures.TemporaryFolder _folder = new();

    // Torch's own number of threads is part of what fixes sums of gradients.
    public ValidatedTrainingTests() => set_num_threads(1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_InterruptedAgainAndAgain_SameWeightsAsAtOnce()
    {
        using var whole = new SmallCnn(_architecture, seed: 1);
        var history = Run(whole, "whole");
        Assert.Equal([10, 20, 30, 40, 50, 60], history.Select(evaluation => evaluation.Step));

        // In the middle of an interval, so that steps after the last checkpoint are lost and done again.
        foreach (var stop in new[] { 20, 40 })
        {
            using var begun = new SmallCnn(_architecture, seed: 1);
            using var stopping = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Run(
                begun, "parts", (at, evaluations) => { if (at.Step >= stop + 10 && evaluations.Count < (stop + 10) / 10) { stopping.Cancel(); } }, stopping.Token));
        }

        using var resumed = new SmallCnn(_architecture, seed: 1);
        Assert.Equal(history, Run(resumed, "parts"));
        Assert.Equal(SmallCnnTests.Weights(whole), SmallCnnTests.Weights(resumed));
    }

    [Fact]
    public void Run_BestIsNotLast_EndsWithTheBest()
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        var history = Run(network, "c", turn: 30);
        var best = ValidatedTraining.BestOf(history, SliceLoss.CrossEntropy)!;
        Assert.True(best is { Step: < 60, Auc: > 0.9 } && history[^1].Loss > best.Loss + 0.1, $"{best}, {history[^1]}");
        using var session = new SliceTrainingSession(network, new EncoderFixtures.BlobSource(1, Edge), _options);
        var again = ValidatedTraining.Judge(session.Answers(Validation().Slices, 8), Validation(), new TrainingProgress(best.Step, 0, best.TrainingLoss, 0), SliceLoss.CrossEntropy);
        Assert.Equal(best, again);
    }

    [Fact]
    public void Export_ResNet_RestoredGoesOnAlike()
    {
        var options = new SliceTrainingOptions { BatchSize = 4, SliceSize = Edge, Steps = 4, LearningRate = 1e-3, Device = "cpu" };
        float[] Trained(bool interrupted)
        {
            using var scope = NewDisposeScope();
            using var network = new TrainableResNet(new ResNetArchitecture(18), seed: 3);
            var source = new EncoderFixtures.BlobSource(1, Edge);
            SliceTrainingState state;
            using (var session = new SliceTrainingSession(network, source, options))
            {
                session.Advance(interrupted ? 2 : 4, cancellationToken: TestContext.Current.CancellationToken);
                state = session.Export();
            }

            if (!interrupted)
            {
                return [.. state.Weights().OrderBy(pair => pair.Key, StringComparer.Ordinal).SelectMany(pair => pair.Value)];
            }

            using var other = new TrainableResNet(new ResNetArchitecture(18), seed: 4);
            using var next = new SliceTrainingSession(other, source, options);
            next.Restore(state);
            next.Advance(4, cancellationToken: TestContext.Current.CancellationToken);
            return [.. next.Export().Weights().OrderBy(pair => pair.Key, StringComparer.Ordinal).SelectMany(pair => pair.Value)];
        }

        Assert.True(Trained(false).AsSpan().SequenceEqual(Trained(true)));
    }

    [Fact]
    public void State_ResNet_EncodesAsItEvaluates()
    {
        using var scope = NewDisposeScope();
        using var trainable = new TrainableResNet(new ResNetArchitecture(18), seed: 3);
        using (var session = new SliceTrainingSession(
            trainable, new EncoderFixtures.BlobSource(1, Edge), new SliceTrainingOptions { BatchSize = 4, SliceSize = Edge, Steps = 2, LearningRate = 1e-3, Device = "cpu" }))
        {
            session.Advance(2, cancellationToken: TestContext.Current.CancellationToken);
        }

        using var noGrad = no_grad();
        using var encoding = new ResNet(trainable.Architecture, trainable.State());
        encoding.Prepare(CPU);
        var slices = tensor(EncoderFixtures.Pixels(1, 3 * Edge * Edge), [3, 1, Edge, Edge]);
        var (expected, actual) = (trainable.call(slices, 1).data<float>().ToArray(), encoding.call(slices, 1).data<float>().ToArray());
        // float32 through twenty layers, with the normalisations folded in.
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * (1 + Math.Abs(pair.First))));
        Assert.True(expected.Max() - expected.Min() > 1e-3);
    }

    [Fact]
    public void Judge_Logits_AucOfMeansAndBalancedLoss()
    {
        // Means 1, 2 and -1: the first negative outscores one of the positives.
        var validation = new ValidationSlices(new EncoderFixtures.BlobSource(1, Edge), [true, false, false], 2);
        var judged = ValidatedTraining.Judge(([0, 2, 2, 2, -1, -1, 99, 99], new float[8]), validation, new TrainingProgress(7, 9, 0.25, 0), SliceLoss.CrossEntropy);
        static double Loss(double logit) => Math.Log(1 + Math.Exp(-logit));
        Assert.Equal((7, 0.25, 0.5), (judged.Step, judged.TrainingLoss, judged.Auc));
        Assert.Equal(0.5 * (((Loss(0) + Loss(2)) / 2) + ((Loss(-2) + Loss(1)) / 2)), judged.Loss, 1e-12);
    }

    [Fact]
    public void Judge_Amounts_BalancedHuberLoss()
    {
        // Half the square of .5 and 0, then of differences of 3 and 1: less a half beyond 1.
        var validation = new ValidationSlices(new EncoderFixtures.BlobSource(1, Edge), [true, false], 2);
        var judged = ValidatedTraining.Judge(([2.5f, 4, 3, 1], [2, 4, 0, 0]), validation, new TrainingProgress(7, 9, 0.25, 0), SliceLoss.Huber);
        Assert.Equal((1, 0.5 * (((0.125 + 0) / 2) + ((2.5 + 0.5) / 2))), (judged.Auc, judged.Loss));
    }

    [Fact]
    public void HasStalled_NoBetterOne_AfterPatience()
    {
        static TrainingEvaluation At(int step, double auc, double loss) => new(step, 0, auc, loss);
        var stopping = new StoppingOptions { Patience = 2 };
        Assert.False(ValidatedTraining.HasStalled([], stopping, SliceLoss.CrossEntropy));
        Assert.False(ValidatedTraining.HasStalled([At(1, 0.8, 0.5), At(2, 0.7, 0.1)], stopping, SliceLoss.CrossEntropy));
        Assert.True(ValidatedTraining.HasStalled([At(1, 0.8, 0.5), At(2, 0.7, 0.1), At(3, 0.8, 0.5)], stopping, SliceLoss.CrossEntropy));
        Assert.False(ValidatedTraining.HasStalled([At(1, 0.8, 0.5), At(2, 0.7, 0.1), At(3, 0.8, 0.4)], stopping, SliceLoss.CrossEntropy));
        // Of amounts the loss alone decides.
        Assert.True(ValidatedTraining.HasStalled([At(1, 0.8, 0.3), At(2, 0.9, 0.5), At(3, 0.9, 0.4)], stopping, SliceLoss.Huber));
    }

    [Theory]
    [InlineData(0, "training.checkpoint_corrupt")]
    [InlineData(100, "training.checkpoint_corrupt")]
    [InlineData(-1, "training.checkpoint_corrupt")]
    [InlineData(null, "training.checkpoint_other")]
    public void Run_CheckpointDamagedOrOther_Refused(int? flipped, string code)
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        using var stopping = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(network, "c", (_, evaluations) => { if (evaluations.Count > 0) { stopping.Cancel(); } }, stopping.Token));
        if (flipped is { } at)
        {
            var bytes = File.ReadAllBytes(_folder["c"]);
            bytes[at < 0 ? bytes.Length + at : at] ^= 1;
            File.WriteAllBytes(_folder["c"], bytes);
        }

        var refused = Assert.Throws<EncoderException>(() => Run(network, "c", key: flipped is null ? "other" : "key"));
        Assert.Equal(code, refused.Code);
    }

    [Fact]
    public void Run_PlaceIsNoFolder_RefusedBeforeAnyStep()
    {
        File.WriteAllText(_folder["file"], "");
        using var network = new SmallCnn(_architecture, seed: 1);
        var refused = Assert.Throws<EncoderException>(() => Run(network, "file/c", (_, _) => Assert.Fail("A step was made.")));
        Assert.Equal("model.unwritable", refused.Code);
    }

    [Fact]
    public void Run_Steps_LeaveNoTensor()
    {
        var number = 0;
        using var network = new SmallCnn(_architecture, seed: 1);
        EncoderFixtures.NoTensorStays(() => Run(network, $"{++number}"));
    }

    private static ValidationSlices Validation()
    {
        // Volumes are runs of a fixed source's slices; a slice that shows a blob is a volume of its own kind here.
        var (pixels, labels) = (new float[16 * Edge * Edge], new float[16]);
        new EncoderFixtures.BlobSource(1_000_003, Edge).Fill(0, pixels, labels);
        return new(new RepeatedSlices(pixels, labels), [.. labels.Select(label => label > 0)], PerVolume);
    }

    private IReadOnlyList<TrainingEvaluation> Run(
        SmallCnn network, string checkpoint, Action<TrainingProgress, IReadOnlyList<TrainingEvaluation>>? progress = null, CancellationToken? cancel = null, string key = "key", int turn = int.MaxValue) =>
        ValidatedTraining.Run(
            network, new TurningSource(turn), Validation(), _options, _stopping, _folder[checkpoint], key, progress, cancel ?? TestContext.Current.CancellationToken);

    /// <summary>Blobs, whose labels are turned round from a batch on.</summary>
    private sealed class TurningSource(int turn) : ISliceSource
    {
        private readonly EncoderFixtures.BlobSource _blobs = new(1, Edge);

        public void Fill(int batch, Span<float> pixels, Span<float> labels)
        {
            _blobs.Fill(batch, pixels, labels);
            foreach (ref var label in labels)
            {
                label = batch < turn ? label : 1 - label;
            }
        }
    }

    /// <summary>Each of some slices <see cref="PerVolume"/> times.</summary>
    private sealed class RepeatedSlices(float[] pixels, float[] labels) : ISliceSource
    {
        public void Fill(int batch, Span<float> into, Span<float> intoLabels)
        {
            for (var slot = 0; slot < intoLabels.Length; slot++)
            {
                var slice = ((batch * intoLabels.Length) + slot) / PerVolume % labels.Length;
                pixels.AsSpan(slice * Edge * Edge, Edge * Edge).CopyTo(into[(slot * Edge * Edge)..]);
                intoLabels[slot] = labels[slice];
            }
        }
    }
}
