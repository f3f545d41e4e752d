using System.ComponentModel.DataAnnotations;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Networks;
using ToNNO.Encoders.Training;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Training;

public sealed class SliceTrainerTests
{
    private static readonly SliceTrainingOptions _options = new()
    {
        BatchSize = 16,
        SliceSize = 24,
        Steps = 150,
        LearningRate = 0.01,
        Device = "cpu",
    };

    private static readonly SmallCnnArchitecture _architecture = new()
    {
        Layers = [new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8 }],
        AreaUnitMm2 = 10,
    };

    [Fact]
    public void Train_BrightBlobs_AreFound()
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        var reports = new List<TrainingProgress>();
        var last = SliceTrainer.Train(network, new EncoderFixtures.BlobSource(1, 24), _options, reports.Add, TestContext.Current.CancellationToken);
        var auc = SliceTrainer.Validate(network, new EncoderFixtures.BlobSource(1_000_003, 24), 20, _options);
        Assert.True(auc[0] > 0.95, $"AUC {auc[0]}");
        Assert.Equal([50, 100, 150], reports.Select(report => report.Step));
        Assert.Equal(last, reports[^1]);
        Assert.True(last.Loss < reports[0].Loss);
    }

    [Fact]
    public void Train_Areas_LogitIsTheArea()
    {
        // Blobs cover different areas; what is learned says how much, not whether.
        using var network = new SmallCnn(_architecture, seed: 1);
        var options = new SliceTrainingOptions { BatchSize = 16, SliceSize = 24, Steps = 150, LearningRate = 0.01, Loss = SliceLoss.Huber, Device = "cpu" };
        SliceTrainer.Train(network, new BrightArea(1), options, cancellationToken: TestContext.Current.CancellationToken);
        using var session = new SliceTrainingSession(network, new BrightArea(1), options);
        var (logits, areas) = session.Answers(new BrightArea(1_000_003), 20);
        var (mean, rest) = (areas.Average(), logits.Zip(areas, (logit, area) => Math.Pow(logit - area, 2)).Average());
        // Nine tenths of the variance: what is noise in a trained network of two layers is well below.
        Assert.True(rest < 0.1 * areas.Average(area => Math.Pow(area - mean, 2)), $"{rest}");
    }

    [Fact]
    public void Train_SameSeed_SameWeights()
    {
        float[] Trained(int seed)
        {
            using var network = new SmallCnn(_architecture, seed);
            SliceTrainer.Train(network, new EncoderFixtures.BlobSource(1, 24), Short(20), cancellationToken: TestContext.Current.CancellationToken);
            return SmallCnnTests.Weights(network);
        }

        // Torch's own number of threads is part of what fixes sums of gradients.
        set_num_threads(1);
        var first = Trained(1);
        Assert.Equal(first, Trained(1));
        Assert.NotEqual(first, Trained(2));
    }

    [Fact]
    public void Train_Steps_LeaveNoTensor()
    {
        var counts = new List<long>();
        using var network = new SmallCnn(_architecture, seed: 1);
        EncoderFixtures.NoTensorStays(() =>
        {
            counts.Clear();
            SliceTrainer.Train(
                network, new EncoderFixtures.BlobSource(1, 24), Short(12, reportEvery: 4), _ => counts.Add(Tensor.TotalCount), TestContext.Current.CancellationToken);
            SliceTrainer.Validate(network, new EncoderFixtures.BlobSource(2, 24), 2, _options);
        });
        Assert.Equal(3, counts.Count);
        Assert.Single(counts.Distinct());
    }

    [Fact]
    public void Train_Cancelled_StopsAndLeavesNetworkUsable()
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        using var stopping = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => SliceTrainer.Train(
            network, new EncoderFixtures.BlobSource(1, 24), Short(1000, reportEvery: 3), _ => stopping.Cancel(), stopping.Token));
        Assert.False(network.training);
        Assert.All(SmallCnnTests.Weights(network), weight => Assert.True(float.IsFinite(weight)));
    }

    [Fact]
    public void Train_NaNSlices_SaysSo()
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        var error = Assert.Throws<EncoderException>(() => SliceTrainer.Train(
            network, new NaNSource(), Short(10), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("encoder.training_diverged", error.Code);
    }

    [Fact]
    public void Train_BadOptions_AreRefused()
    {
        using var network = new SmallCnn(_architecture, seed: 1);
        Assert.Throws<ValidationException>(() => SliceTrainer.Train(
            network, new NaNSource(), new SliceTrainingOptions { Steps = 0 }, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void LearningRateAt_Cosine_FallsToZero()
    {
        Assert.Equal(0.01, SliceTrainer.LearningRateAt(0, _options), 1e-15);
        Assert.Equal(0.005, SliceTrainer.LearningRateAt(75, _options), 1e-15);
        Assert.Equal(0, SliceTrainer.LearningRateAt(150, _options), 1e-15);
    }

    private static SliceTrainingOptions Short(int steps, int reportEvery = 50) => new()
    {
        BatchSize = 8,
        SliceSize = 24,
        Steps = steps,
        LearningRate = 0.01,
        ReportEvery = reportEvery,
        Device = "cpu",
    };

    /// <summary>Blobs, labelled by ten pixels of them.</summary>
    private sealed class BrightArea(int seed) : ISliceSource
    {
        private readonly EncoderFixtures.BlobSource _blobs = new(seed, 24);

        public void Fill(int batch, Span<float> pixels, Span<float> labels)
        {
            _blobs.Fill(batch, pixels, labels);
            for (var slice = 0; slice < labels.Length; slice++)
            {
                var area = 0;
                foreach (var pixel in pixels.Slice(slice * 24 * 24, 24 * 24))
                {
                    area += pixel >= 0.7f ? 1 : 0;
                }

                labels[slice] = area / 10f;
            }
        }
    }

    private sealed class NaNSource : ISliceSource
    {
        public void Fill(int batch, Span<float> pixels, Span<float> labels) => pixels.Fill(float.NaN);
    }
}
