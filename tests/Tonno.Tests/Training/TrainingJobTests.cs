using System.CommandLine;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Tests.Demo;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Tests.Training;

public sealed class TrainingJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_BrightBalls_AreToldApart()
    {
        var request = Request("model", patients: 30) with { Steps = 100, EvaluateEvery = 25, ValidationShare = 0.4, ValidationSlices = 24 };
        var trained = Run(request);
        Assert.True(trained.Auc > 0.9, $"{trained}");

        var card = ModelFolder.Load(request.Model);
        using var network = card.Network;
        Assert.Equal(trained.Sha256, card.Card.Sha256);
        Assert.Equal("ball", Assert.Single(card.Card.Classes));
        Assert.Equal((null, 2), (card.Card.SliceSize, card.Card.PixelMm));
        Assert.Equal((0.5, "hann", new HeatmapThreshold(0.65, OfPeak: true)), (card.Card.Alpha, card.Card.Window, card.Card.Threshold));
        var training = card.Metadata.Training!;
        Assert.Equal((18, 12), (Count(training, "train"), Count(training, "validation")));
        Assert.Equal(Math.Round(trained.Auc, 4), training["scores"]!["validation_auc"]!.GetValue<double>());
        Assert.DoesNotContain("\"P1", File.ReadAllText(Path.Combine(request.Model, ModelFolder.MetadataFile)), StringComparison.Ordinal);
        Assert.False(File.Exists(TrainingJob.CheckpointPath(request.Model)));
    }

    [Fact]
    public void Run_AgainOrInterrupted_SameModel()
    {
        var first = Run(Request("first"));
        Assert.Equal(first.Sha256, Run(Request("second")).Sha256);
        Assert.Equal(first.Sha256, Run(Request("reading") with { MemoryBytes = 0 }).Sha256);
        Assert.NotEqual(first.Sha256, Run(Request("other") with { Seed = 1 }).Sha256);

        using var stopping = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(Request("resumed"), text => { if (text.StartsWith("step 20", StringComparison.Ordinal)) { stopping.Cancel(); } }, stopping.Token));
        Assert.True(File.Exists(TrainingJob.CheckpointPath(_folder["resumed"])));
        Assert.False(Directory.Exists(_folder["resumed"]));
        var texts = new List<string>();
        Assert.Equal(first.Sha256, Run(Request("resumed"), texts.Add).Sha256);
        Assert.DoesNotContain(texts, text => text.StartsWith("step 10 ", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_RoundsInterrupted_SameModel()
    {
        var first = Run(Request("first") with { Rounds = 1 });
        Assert.NotEqual(first.Sha256, Run(Request("without")).Sha256);
        Assert.False(File.Exists(TrainingJob.CheckpointPath(_folder["first"]) + ".1"));

        // In the second round, whose masks are then made anew.
        using var stopping = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(
            Request("resumed") with { Rounds = 1 }, text => { if (text.StartsWith("round 1, step 20", StringComparison.Ordinal)) { stopping.Cancel(); } }, stopping.Token));
        var texts = new List<string>();
        Assert.Equal(first.Sha256, Run(Request("resumed") with { Rounds = 1 }, texts.Add).Sha256);
        Assert.DoesNotContain(texts, text => text.StartsWith("step ", StringComparison.Ordinal) || text.StartsWith("round 1, step 10 ", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_Rounds_LogitGrowsWithTheBall()
    {
        var request = Request("model", patients: 30) with { Steps = 100, EvaluateEvery = 25, ValidationShare = 0.4, ValidationSlices = 24, Rounds = 1 };
        Assert.True(Run(request).Auc > 0.9);
        using var encoder = EncoderFactory.Open(request.Model, "cpu");
        float Logit(double radius)
        {
            var (pixels, logits) = (new float[16 * 16], new float[1]);
            for (var at = 0; at < pixels.Length; at++)
            {
                pixels[at] = Math.Pow((at % 16) - 7.5, 2) + Math.Pow((at / 16) - 7.5, 2) < radius * radius ? 1 : 0.2f;
            }

            encoder.Encode(pixels, 1, new SliceFormat(16, 2), logits);
            return logits[0];
        }

        Assert.True(Logit(0) < Logit(2) && Logit(2) < Logit(3.5), $"{Logit(0)}, {Logit(2)}, {Logit(3.5)}");
    }

    [Fact]
    public void Run_LabelOfAnotherVolumeChanged_DoesNotGoOn()
    {
        using var stopping = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(Request("model"), text => { if (text.StartsWith("step 20", StringComparison.Ordinal)) { stopping.Cancel(); } }, stopping.Token));
        var labels = _folder["volumes/labels.csv"];
        File.WriteAllText(labels, File.ReadAllText(labels).Replace("v0.nii,yes", "v0.nii,no", StringComparison.Ordinal));
        var refused = Assert.Throws<EncoderException>(() => TrainingJob.Prepare(Request("model", write: false)).Run((_, _) => { }, TestContext.Current.CancellationToken));
        Assert.Equal("training.checkpoint_other", refused.Code);
    }

    [Fact]
    public void Run_ResNet_GivesItsModel()
    {
        var request = Request("model") with { IsResNet = true, Steps = 2, EvaluateEvery = 2, BatchSize = 4, Size = 16, ValidationSlices = 2, Percentiles = (1, 99) };
        var trained = Run(request);
        using var encoder = EncoderFactory.Open(request.Model, "cpu");
        Assert.Equal((trained.Sha256, 16), (encoder.Card.Sha256, encoder.Card.SliceSize));
        Assert.Equal(new WindowRule(WindowUnit.Percentile, BesidesFill: false), encoder.Card.Intensities[0].Rule);
        var logits = new float[1];
        encoder.Encode(new float[256], 1, new SliceFormat(16, 2), logits);
        Assert.True(float.IsFinite(logits[0]));
    }

    [Fact]
    public void Prepare_ModelThere_Refused()
    {
        var request = Request("model");
        Directory.CreateDirectory(request.Model);
        File.WriteAllText(Path.Combine(request.Model, "precious"), "");
        Assert.Equal("model.exists", Assert.Throws<EncoderException>(() => TrainingJob.Prepare(request)).Code);
    }

    [Fact]
    public void Run_NoVolume_RefusedBeforeTraining()
    {
        var request = Request("model");
        File.WriteAllText(_folder["volumes/v3.nii"], "no volume");
        var refused = Assert.Throws<CommandException>(() => Run(request));
        Assert.Equal((ExitCodes.Usage, true), (refused.ExitCode, refused.Code.StartsWith("nifti.", StringComparison.Ordinal)));
        Assert.False(File.Exists(TrainingJob.CheckpointPath(request.Model)));
    }

    [Fact]
    public void Fill_RareLabel_ComesAsOftenAndByPatient()
    {
        SyntheticVolumes.Write(_folder["volumes"], patients: 6);
        var volumes = TrainingVolumes.Open(
            [.. Enumerable.Range(0, 6).Select(number => _folder[$"volumes/v{number}.nii"])], long.MaxValue, (_, _) => { }, TestContext.Current.CancellationToken);
        // One positive; of the negatives four are one patient's, whose windows tell them from the other's: theirs are all white.
        var white = new IntensityMap(-9, -8, 0);
        SlicedVolume[] sliced =
        [
            new(0, true, "a", new IntensityMap(0, 4, 0)),
            .. Enumerable.Range(1, 4).Select(index => new SlicedVolume(index, false, "b", white)),
            new(5, false, "c", new IntensityMap(0, 4, 0)),
        ];
        var source = new TrainingSlices(volumes, sliced, 16, 2, seed: 3);
        var (pixels, labels) = (new float[400 * 256], new float[400]);
        source.Fill(0, pixels, labels);
        Assert.Equal(200, labels.Count(label => label == 1));
        var whites = Enumerable.Range(0, 400).Count(slot => pixels.AsSpan(slot * 256, 256).IndexOfAnyExcept(1f) < 0);
        Assert.InRange(whites, 70, 130); // half of 200, and four deviations
    }

    [Fact]
    public void Choose_Volumes_CoversTheLargest()
    {
        static VolumeGeometry Cube(int edge, double mm) => new(new(edge, edge, edge), AffineTransform.Scaling(mm, mm, mm));
        Assert.Equal(new TrainingGrid(40, 2), TrainingGrid.Choose([Cube(10, 2), Cube(20, 2), Cube(10, 3)], null, null));
        Assert.Equal(96, TrainingGrid.Choose([Cube(100, 1)], null, null).Size);
        Assert.Equal(100 * Math.Sqrt(3) / 96, TrainingGrid.Choose([Cube(100, 1)], null, null).PixelMm, 1e-3);
        Assert.Equal(new TrainingGrid(24, 5), TrainingGrid.Choose([Cube(100, 1)], 5, 24));
    }

    /// <summary>The README's command, with its paths in a folder of the test's.</summary>
    [Fact]
    public async Task Command_OfReadme_TrainsAModel()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(SampleFolder.Root, "README.md"), TestContext.Current.CancellationToken);
        var command = Regex.Match(readme, @"(?m)^    \./tonno (train .*)$").Groups[1].Value.Split(' ');
        Assert.Equal(["train", "--labels", "scans/labels.csv", "-m", "model"], command);
        SyntheticVolumes.Write(_folder["scans"]);
        string[] arguments = ["--labels", _folder["scans/labels.csv"], "-m", _folder["model"], "--steps", "20"];
        Assert.Equal(ExitCodes.Completed, await TrainCommand.Create().Parse(arguments).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
        ModelFolder.Load(_folder["model"]).Network.Dispose();
    }

    [Theory]
    [InlineData("--window", "3,1")]
    [InlineData("--window", "1")]
    [InlineData("--percentiles", "-1,50")]
    [InlineData("--percentiles", "1,99", "--window", "1,2")]
    [InlineData("--validation", "1.5")]
    [InlineData("--validation", "half")]
    [InlineData("--architecture", "vit")]
    [InlineData("--steps", "0")]
    [InlineData("--rounds", "-1")]
    [InlineData("--layers", "0")]
    [InlineData("--layers", "8,")]
    [InlineData("--layers", "8:")]
    [InlineData("--layers", "8:0,8")]
    [InlineData("--layers", "8:2:2")]
    [InlineData("--layers", "8,8", "--architecture", "resnet18")]
    public void Command_Misused_IsUsage(params string[] arguments) =>
        Assert.NotEmpty(TrainCommand.Create().Parse(["--labels", "l.csv", "-m", "m", .. arguments]).Errors);

    [Fact]
    public void Command_Layers_ChannelsAndPooling()
    {
        var command = TrainCommand.Create();
        var option = command.Options.Single(option => option.Name == "--layers");
        var parsed = command.Parse(["--labels", "l.csv", "-m", "m", "--layers", "16,24:2"]);
        Assert.Empty(parsed.Errors);
        Assert.Equal([(16, 1), (24, 2)], parsed.GetValue((System.CommandLine.Option<IReadOnlyList<ToNNO.Encoders.Networks.ConvLayer>?>)option)!.Select(layer => (layer.Channels, layer.MaxPool)));
    }

    private static int Count(JsonObject training, string side) => training["patients"]![side]!.AsArray().Count;

    private TrainingRequest Request(string model, int patients = 12, bool write = true) => new()
    {
        Labels = write ? SyntheticVolumes.Write(_folder["volumes"], patients) : _folder["volumes/labels.csv"],
        Model = _folder[model],
        ClassName = "ball",
        Steps = 40,
        EvaluateEvery = 10,
        BatchSize = 16,
        PixelMm = 2,
        Size = 16,
        ValidationSlices = 8,
        Device = "cpu",
    };

    private static TrainedModel Run(TrainingRequest request, Action<string>? onText = null, CancellationToken? cancel = null) =>
        TrainingJob.Prepare(request).Run((_, text) => onText?.Invoke(text), cancel ?? TestContext.Current.CancellationToken);
}
