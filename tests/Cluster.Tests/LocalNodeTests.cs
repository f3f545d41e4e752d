using System.Diagnostics.Metrics;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Imaging.Nifti;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Lifting;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;

namespace ToNNO.Cluster.Tests;

/// <summary>The node of <c>tonno run</c>, in this process.</summary>
public sealed class LocalNodeTests : IDisposable
{
    private static readonly MethodOptions _wide = new() { Directions = 400, Window = FilterWindow.Hann };
    private readonly Workplace _work = new();
    private readonly NodeRun _node;

    public LocalNodeTests() => _node = new NodeRun(_work);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _work.Dispose();
        Assert.Empty(FallbackGuard.Refused);
    }

    [Fact]
    public async Task Run_OneEncoderOrTwoOrThroughTheSerializer_SameBytes()
    {
        for (var index = 0; index < 3; index++)
        {
            _work.Write($"v{index}.nii", Workplace.Volume(index, edge: 20).Plain());
        }

        var model = SmallModel.Save(_work["model"]);
        IReadOnlyDictionary<string, string>? hashes = null;
        foreach (var (encoders, serialize) in new[] { (1, false), (2, false), (2, true) })
        {
            var listener = new RunListener();
            var concluded = await _node.RunAsync(model, encoders, serialize, listener);
            Assert.All(concluded, volume => Assert.Equal((VolumeState.Completed, ""), (volume.State, volume.ReasonCode)));
            Assert.Equal(1, listener.Progress!.Fraction);
            var result = Documents.TryParse<VolumeResult>(File.ReadAllBytes(Path.Combine(_work.Out, VolumeResult.PathOf(new VolumeId("v0")))))!;
            Assert.Equal([16], result.Software.Batches!);
            Assert.NotEmpty(result.Software.Libtorch!);
            Assert.True(result.Slices.Planned > 2 * NodeRun.SlicesPerLease, $"{result.Slices.Planned} slices are too few to be shared out");
            hashes ??= _work.HeatmapHashes();
            Assert.Equal(3, hashes.Count);
            Assert.Equal(hashes, _work.HeatmapHashes());
            Directory.Delete(_work.Out, recursive: true);
        }
    }

    [Fact]
    public async Task Run_InterruptedAndAgain_RowsInTheStoreAreNotEncodedAgain()
    {
        for (var index = 0; index < 2; index++)
        {
            _work.Write($"v{index}.nii", Workplace.Volume(index, edge: 24).Plain());
        }

        var whole = new RunListener();
        await _node.RunAsync("builtin:sum", 1, true, whole);
        var hashes = _work.HeatmapHashes();
        Directory.Delete(_work.Out, recursive: true);

        using var interruption = new CancellationTokenSource();
        var interrupted = new RunListener { OnProgress = progress => (progress.SlicesEncoded > 0 ? interruption : null)?.Cancel() };
        await _node.RunAsync("builtin:sum", 1, true, interrupted, interruption.Token);
        Assert.True(_work.StoredRows() >= 1 || _work.Done().Count > 0);
        var resumed = new RunListener();
        await _node.RunAsync("builtin:sum", 1, true, resumed);
        Assert.True(whole.Progress!.SlicesEncoded > 0);
        Assert.InRange(resumed.Progress!.SlicesEncoded, 0, whole.Progress.SlicesEncoded - 1);
        Assert.Equal(hashes, _work.HeatmapHashes());
    }

    [Fact]
    public async Task Run_ManyRunsOnOneNode_NoTensorStays()
    {
        var model = SmallModel.Save(_work["model"]);
        var settings = NodeRun.Settings(model);
        using var node = LocalNode.Build(_node.Options(encoders: 2, serialize: true));
        await node.StartAsync(Cancel);
        var counts = new List<long>();
        for (var index = 0; index < 6; index++)
        {
            var path = _work.Write($"v{index}.nii", Workplace.Volume(index, edge: 24).Plain());
            var events = await RunClient.RunAsync(node, new($"run-{index}"), settings, [new RunInput(new($"v{index}"), [path])], Cancel).ToListAsync(Cancel);
            Assert.Equal(VolumeState.Completed, events.OfType<RunProtocol.VolumeConcluded>().Single().State);
            counts.Add(LiveTensors());
        }

        await node.StopAsync(Cancel);
        TestContext.Current.TestOutputHelper!.WriteLine($"live tensors after each run: {string.Join(", ", counts)}");
        Assert.All(counts.Skip(1), count => Assert.Equal(counts[1], count)); // torch keeps a few of its own from the first use on
    }

    [Fact]
    public async Task Run_Adaptive_LesionInAWideVolume_AThirdOfTheSlicesForTheSamePeakAndTheSameBytesHoweverItRuns()
    {
        // A uniform body, in which every slice must be encoded, and a lesion ten times as bright.
        _work.Write("v.nii", new NiftiBytes
        {
            Shape = new(40, 40, 40),
            Intensity = (i, j, k) => i is > 26 and < 31 && j is > 9 and < 14 && k is > 19 and < 24 ? 1 : 0.1f,
        }.Plain());
        var full = new RunListener();
        await _node.RunAsync("builtin:sum", 2, true, full, options: _wide);
        var whole = _work.Result("v");
        Directory.Delete(_work.Out, recursive: true);
        Assert.Equal((whole.Slices.Planned, 0), (whole.Slices.Skipped + whole.Slices.Encoded, whole.Slices.Guessed));

        var adaptive = _wide with { Adaptive = true, Until = 0.005 }; // beyond the first pass whose guide leaves planes out
        IReadOnlyDictionary<string, string>? hashes = null;
        foreach (var (encoders, serialize) in new[] { (1, false), (2, true) })
        {
            await _node.RunAsync("builtin:sum", encoders, serialize, new RunListener(), options: adaptive);
            var result = _work.Result("v");
            Assert.InRange(result.Slices.Encoded, 1, whole.Slices.Encoded / 3);
            Assert.True(result.Slices.Guessed > 0);
            Assert.Equal(result.Slices.Planned, result.Slices.Skipped + result.Slices.Encoded + result.Slices.Guessed);
            Assert.Equal(whole.Heatmaps[0].PeakIndex, result.Heatmaps[0].PeakIndex);
            Assert.InRange(result.Heatmaps[0].Maximum / whole.Heatmaps[0].Maximum, 0.95, 1.05);
            AssertPasses(result, 0.005);
            hashes ??= _work.HeatmapHashes();
            Assert.Equal(hashes, _work.HeatmapHashes());
            Directory.Delete(_work.Out, recursive: true);
        }

        using var interruption = new CancellationTokenSource();
        var interrupted = new RunListener { OnProgress = progress => (progress.SlicesEncoded > whole.Slices.Encoded / 8 ? interruption : null)?.Cancel() };
        await _node.RunAsync("builtin:sum", 1, true, interrupted, interruption.Token, adaptive);
        await _node.RunAsync("builtin:sum", 1, true, new RunListener(), options: adaptive);
        Assert.Equal(hashes, _work.HeatmapHashes());
    }

    [Fact]
    public async Task Run_Until_SmoothVolume_StopsEarlyWithAHeatmapThatIsNearTheWholeOne()
    {
        _work.Write("v.nii", new NiftiBytes
        {
            Shape = new(24, 24, 24),
            Intensity = (i, j, k) => (float)Math.Exp(-(((i - 12) * (i - 12)) + ((j - 11) * (j - 11)) + ((k - 10) * (k - 10))) / 50.0),
        }.Plain());
        await _node.RunAsync("builtin:sum", 2, true, new RunListener(), options: _wide);
        var whole = _work.Result("v");
        Directory.Delete(_work.Out, recursive: true);
        Assert.Null(whole.Passes);
        Assert.InRange(whole.Heatmaps[0].Consistency!.ReprojectionResidual, 1e-6, 0.4); // the sum of pixels is linear; a Gaussian below a quarter of its peak is left out
        Assert.InRange(whole.Heatmaps[0].Consistency!.IntegralSpread, 1e-9, 0.01);

        await _node.RunAsync("builtin:sum", 2, true, new RunListener(), options: _wide with { Until = 0.05 });

        var result = _work.Result("v");
        Assert.InRange(result.Sampling.Directions, 48, 256);
        Assert.Equal(400, result.Settings.Directions);
        Assert.Equal(result.Sampling.Directions * result.Sampling.Offsets, result.Slices.Planned);
        Assert.InRange(result.Heatmaps[0].Maximum / whole.Heatmaps[0].Maximum, 0.97, 1.03);
        AssertPasses(result, 0.05);
    }

    /// <summary>The result tells each pass, the last of them the first that changed the heatmap less than was asked.</summary>
    private static void AssertPasses(VolumeResult result, double until)
    {
        var passes = result.Passes!;
        Assert.Equal(DirectionPasses.Ends(result.Settings.Directions).Take(passes.Count), passes.Select(pass => pass.Directions));
        Assert.Equal(result.Sampling.Directions, passes[^1].Directions);
        Assert.Null(passes[0].Change);
        Assert.True(passes[^1].Change <= until || passes[^1].Directions == result.Settings.Directions);
        Assert.All(passes.Skip(1).SkipLast(1), pass => Assert.True(pass.Change > until));
    }

    [Theory]
    [InlineData(CamMethod.Averaged, MapKind.GradCam)]
    [InlineData(CamMethod.Tomographic, MapKind.LayerCam)]
    [InlineData(CamMethod.OneAxis, MapKind.LayerCam)]
    [InlineData(CamMethod.ThreeAxes, MapKind.GradCam)]
    [InlineData(CamMethod.CentreBlob, MapKind.Unspecified)]
    public async Task Run_EveryOtherMethod_SameBytesHoweverItRunsAndAfterAnInterruption(CamMethod method, MapKind kind)
    {
        for (var index = 0; index < 2; index++)
        {
            _work.Write($"v{index}.nii", Workplace.Volume(index, edge: 20).Plain());
        }

        var model = SmallModel.Save(_work["model"]);
        MethodOptions options;
        using (var encoder = EncoderFactory.Open(model, "cpu"))
        {
            var (set, count) = CamResolution.Axes(method) ?? (DirectionSetKind.Rings, 24);
            options = new MethodOptions { Set = set, Directions = count, Cam = CamResolution.Resolve(encoder, method, kind, layer: null) };
        }

        IReadOnlyDictionary<string, string>? hashes = null;
        foreach (var (encoders, serialize) in new[] { (1, false), (2, true) })
        {
            var concluded = await _node.RunAsync(model, encoders, serialize, new RunListener(), options: options);
            Assert.All(concluded, volume => Assert.Equal((VolumeState.Completed, ""), (volume.State, volume.ReasonCode)));
            hashes ??= _work.HeatmapHashes();
            Assert.Equal(2, hashes.Count);
            Assert.Equal(hashes, _work.HeatmapHashes());
            Assert.Equal(options.Cam, _work.Result("v0").Settings.Cam);
            Assert.Null(_work.Result("v0").Heatmaps[0].Consistency);
            Assert.True(_work.Result("v0").Heatmaps[0].Maximum > 0);
            Directory.Delete(_work.Out, recursive: true);
        }

        using var interruption = new CancellationTokenSource();
        var interrupted = new RunListener { OnProgress = progress => (progress.SlicesEncoded > 0 || method == CamMethod.CentreBlob ? interruption : null)?.Cancel() };
        await _node.RunAsync(model, 1, true, interrupted, interruption.Token, options);
        await _node.RunAsync(model, 1, true, new RunListener(), options: options);
        Assert.Equal(hashes, _work.HeatmapHashes());
    }

    [Fact]
    public async Task Run_CentreBlob_IsABallAndAsksForNoSlice()
    {
        _work.Write("v.nii", Workplace.Volume(1, edge: 21).Plain());
        CamSettings cam;
        using (var sum = new SumEncoder())
        {
            cam = CamResolution.Resolve(sum, CamMethod.CentreBlob, MapKind.Unspecified, layer: null);
        }

        var (set, count) = CamResolution.Axes(CamMethod.CentreBlob)!.Value;
        var options = new MethodOptions { Set = set, Directions = count, Cam = cam, Threshold = new(0.7, OfPeak: true) };
        var listener = new RunListener();
        await _node.RunAsync("builtin:sum", 2, true, listener, options: options);
        var result = _work.Result("v");
        Assert.Equal((0, 0, result.Slices.Planned), (result.Slices.Encoded, result.Slices.Cut, result.Slices.Skipped));
        Assert.Equal((null, null), (result.Software.Libtorch, result.Software.Batches));
        Assert.Equal(1, listener.Progress!.Fraction);
        Assert.Equal(["heatmap.nii.gz", "mask.nii.gz", "preview.png"], result.Files.Keys.Order(StringComparer.Ordinal)); // there is no sinogram

        var heatmap = NiftiReader.Read(Path.Combine(_work.Out, "v", "heatmap.nii.gz"), long.MaxValue, Cancel);
        var expected = CentreBlob.Of(heatmap.Volume.Geometry);
        Assert.Equal(expected, heatmap.Volume.Samples.AsFloats());
        var mask = NiftiReader.Read(Path.Combine(_work.Out, "v", "mask.nii.gz"), long.MaxValue, Cancel).Volume.Samples.AsFloats();
        Assert.Equal(expected.Select(value => value >= 0.7 * expected.Max() ? 1f : 0), mask);

        // A sinogram that another method left goes with its result.
        await _node.RunAsync("builtin:sum", 1, false, new RunListener());
        Assert.True(File.Exists(Path.Combine(_work.Out, "v", "sinogram.npz")));
        await _node.RunAsync("builtin:sum", 1, false, new RunListener(), options: options);
        Assert.False(File.Exists(Path.Combine(_work.Out, "v", "sinogram.npz")));
        Assert.Equal(result.Files["heatmap.nii.gz"], _work.Result("v").Files["heatmap.nii.gz"]);
    }

    [Fact]
    public async Task Run_AveragedCamOfTheSumEncoder_IsTheVolumeTimesThePixelArea()
    {
        _work.Write("v.nii", new NiftiBytes
        {
            Shape = new(24, 24, 24),
            Intensity = (i, j, k) => (float)Math.Exp(-(((i - 12) * (i - 12)) + ((j - 11) * (j - 11)) + ((k - 10) * (k - 10))) / 50.0),
        }.Plain());
        CamSettings cam;
        using (var sum = new SumEncoder())
        {
            cam = CamResolution.Resolve(sum, CamMethod.Averaged, MapKind.GradCam, layer: null);
        }

        await _node.RunAsync("builtin:sum", 2, true, new RunListener(), options: new MethodOptions { Directions = 12, Cam = cam, PixelMm = 0.5 });

        var result = _work.Result("v");
        Assert.Equal((12, 11, 10), (result.Heatmaps[0].PeakIndex.I, result.Heatmaps[0].PeakIndex.J, result.Heatmaps[0].PeakIndex.K));
        Assert.InRange(result.Heatmaps[0].Maximum, 0.94 * 0.25, 0.25); // the volume's peak is 1 and a pixel .25 mm²; interpolation takes a little
    }

    private static long LiveTensors()
    {
        var live = -1L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == EncoderTelemetry.MeterName && instrument.Name == "tonno.torch.live_tensors")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => live = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.True(live >= 0, "the gauge is not there");
        return live;
    }
}
