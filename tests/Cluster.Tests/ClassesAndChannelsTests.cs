using ToNNO.Contracts;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Commands;
using static TorchSharp.torch;

namespace ToNNO.Cluster.Tests;

/// <summary>Models of several classes and channels, through the real run path.</summary>
/// <remarks>The model's logits are plane integrals: of channel a, of channel b, and of both together. Its heatmaps must hence be these volumes.</remarks>
public sealed class ClassesAndChannelsTests : IDisposable
{
    private static readonly Vector3D _inA = new(-2, 1, 3);
    private static readonly Vector3D _inB = new(3, -2, -1);
    private readonly Workplace _work = new();
    private readonly NodeRun _node;

    public ClassesAndChannelsTests() => _node = new NodeRun(_work);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _work.Dispose();
        Assert.Empty(FallbackGuard.Refused);
    }

    [Fact]
    public async Task Run_ChannelsOnGridsOfTheirOwn_EachHeatmapIsThePlantedVolumeOnTheFirstGridHoweverItRuns()
    {
        WriteCase("case");
        var (model, options) = (SaveModel(), new MethodOptions { Directions = 256 });
        Dictionary<string, string>? hashes = null;
        foreach (var (encoders, serialize) in new[] { (1, false), (2, true) })
        {
            var concluded = await _node.RunAsync(model, encoders, serialize, new RunListener(), Cancel, options, "_a", "_b");
            Assert.Equal((VolumeState.Completed, ""), (concluded.Single().State, concluded.Single().ReasonCode));
            hashes ??= Hashes();
            Assert.Equal(8, hashes.Count); // heatmap and preview of each class, the sinogram and the result itself, whose times differ
            Assert.Equal(hashes.Where(file => file.Key != "result.json"), Hashes().Where(file => file.Key != "result.json"));
            if (!serialize)
            {
                AssertHeatmaps();
                Directory.Delete(_work.Out, recursive: true);
            }
        }

        Directory.Delete(_work.Out, recursive: true);
        using var interruption = new CancellationTokenSource();
        var interrupted = new RunListener { OnProgress = progress => (progress.SlicesEncoded > 0 ? interruption : null)?.Cancel() };
        await _node.RunAsync(model, 1, true, interrupted, interruption.Token, options, "_a", "_b");
        await _node.RunAsync(model, 1, true, new RunListener(), Cancel, options, "_a", "_b");
        Assert.Equal(hashes!.Where(file => file.Key != "result.json"), Hashes().Where(file => file.Key != "result.json"));
    }

    [Fact]
    public async Task Run_AdaptiveWithSeveralClasses_LeavesPlanesOutAndKeepsTheLesionsOfEach()
    {
        WriteCase("case", edge: 40, background: 0.1f);
        var (model, full) = (SaveModel(), new MethodOptions { Directions = 400, Classes = ["a", "b"] });
        await _node.RunAsync(model, 2, true, new RunListener(), Cancel, full, "_a", "_b");
        var whole = _work.Result("case");
        Directory.Delete(_work.Out, recursive: true);

        await _node.RunAsync(model, 2, true, new RunListener(), Cancel, full with { Adaptive = true, Until = 0.005 }, "_a", "_b");

        var result = _work.Result("case");
        Assert.True(result.Slices.Guessed > 0);
        Assert.InRange(result.Slices.Encoded, 1, whole.Slices.Encoded / 2);
        foreach (var (expected, actual) in whole.Heatmaps.Zip(result.Heatmaps))
        {
            Assert.True((expected.PeakMm - actual.PeakMm).Length < 1.8, $"{actual.Class}: {actual.PeakMm}, not {expected.PeakMm}"); // a voxel to each side
            Assert.InRange(actual.Maximum / expected.Maximum, 0.9, 1.1);
        }
    }

    [Fact]
    public async Task Run_WindowOfEachVolumesOwn_TheSameScanAtAnotherGainGivesTheSameHeatmap()
    {
        var random = new Random(8);
        var noise = Enumerable.Range(0, 16 * 16 * 16).Select(_ => random.NextSingle()).ToArray();
        foreach (var (name, gain) in new[] { ("once", 1f), ("fourfold", 4f), ("flat", 0f) }) // a power of two rounds nothing
        {
            _work.Write($"{name}.nii", new NiftiBytes { Shape = new(16, 16, 16), Intensity = (i, j, k) => gain * noise[i + (16 * (j + (16 * k)))] }.Plain());
        }

        SaveModel(new IntensityMap(2, 98, 0, -1, 1, new WindowRule(WindowUnit.Percentile, BesidesFill: true)));
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", _work["model"], "-o", _work.Out, "--directions", "16");

        Assert.StartsWith("volume.uniform: flat: flat.nii ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.Equal(["fourfold", "once"], _work.Done());
        var (once, fourfold) = (_work.Result("once"), _work.Result("fourfold"));
        var sorted = noise.Order().ToArray();
        Assert.Equal(sorted[(int)(0.98 * (sorted.Length - 1))], once.Input.Intensities!.Single().High, 2e-3);
        Assert.Equal(4 * once.Input.Intensities!.Single().High, fourfold.Input.Intensities!.Single().High);
        Assert.Equal(once.Settings.Intensities, fourfold.Settings.Intensities);
        Assert.Equal(once.Files["heatmap.nii.gz"].Sha256, fourfold.Files["heatmap.nii.gz"].Sha256);
    }

    [Fact]
    public async Task Run_FilesNamedByChannel_AreGroupedAndEveryFileIsAccountedFor()
    {
        WriteCase("whole");
        WriteCase("half");
        File.Delete(Path.Combine(_work.In, "half_b.nii.gz"));
        WriteCase("apart", shift: new Vector3D(500, 0, 0));
        _work.Write("whole_mask.nii", Workplace.Volume(1).Plain());
        var outcome = await TonnoProcess.RunAsync(
            "run", "-i", _work.In, "-m", SaveModel(), "-o", _work.Out, "--channels", "_a,_b", "--class", "b", "--directions", "16", "--report", _work["report.json"]);

        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.Equal(["whole"], _work.Done());
        Assert.Equal(["heatmap.nii.gz", "preview.png", "result.json", "sinogram.npz"], Directory.EnumerateFiles(Path.Combine(_work.Out, "whole")).Select(Path.GetFileName).Order()!);
        Assert.Equal("b", _work.Result("whole").Heatmaps.Single().Class);
        Assert.Equal(["whole_a.nii", "whole_b.nii.gz"], _work.Result("whole").Input.Names);
        Assert.Equal(
            ["channels.apart: apart: apart_b.nii.gz and apart_a.nii lie in different places, so they cannot be channels of one volume; register them.", "file.missing: half: half_b.nii does not exist: check the path."],
            outcome.Errors.Order());
        Assert.Contains("1 files left out (1 channels.no_name); --report lists them", outcome.Out);
        Assert.Equal("whole_mask.nii", Path.GetFileName(_work.Report()["leftOut"]!.AsArray().Single()!["source"]!.GetValue<string>()));
        Assert.Equal(2, _work.Report()["volumes"]!.AsArray().Single(volume => volume!["volumeId"]!.GetValue<string>() == "whole")!["sources"]!.AsArray().Count);

        // Again: nothing is done twice; another class is other work.
        var stamps = _work.Stamps();
        await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", _work["model"], "-o", _work.Out, "--channels", "_a,_b", "--class", "b", "--directions", "16");
        Assert.Equal(stamps, _work.Stamps());
        await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", _work["model"], "-o", _work.Out, "--channels", "_a,_b", "--class", "a", "--class", "b", "--directions", "16");
        Assert.Equal(["whole"], _work.Done());
        Assert.Equal(
            ["heatmap-a.nii.gz", "heatmap-b.nii.gz", "preview-a.png", "preview-b.png", "result.json", "sinogram.npz"],
            Directory.EnumerateFiles(Path.Combine(_work.Out, "whole")).Select(Path.GetFileName).Order()!);

        // Each class's heatmap again, of the sinogram that holds all.
        foreach (var name in new[] { "a", "b" })
        {
            var again = await TonnoProcess.RunAsync("recon", "-i", Path.Combine(_work.Out, "whole"), "-o", _work[$"{name}.nii.gz"], "--class", name);
            Assert.True(again.ExitCode == 0, again.ToString());
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(_work.Out, "whole", $"heatmap-{name}.nii.gz"), Cancel), await File.ReadAllBytesAsync(_work[$"{name}.nii.gz"], Cancel));
        }

        var overwriting = await TonnoProcess.RunAsync("recon", "-i", Path.Combine(_work.Out, "whole"), "-o", Path.Combine(_work.Out, "whole", "heatmap-a.nii.gz"), "--class", "b");
        Assert.Equal(2, overwriting.ExitCode);
        Assert.StartsWith("output.misplaced: ", Assert.Single(overwriting.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoFileOfAnyChannel_SaysSoEvenQuietly()
    {
        WriteCase("case");
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", SaveModel(), "-o", _work.Out, "-q"); // named _a and _b, not _0000
        Assert.Equal(4, outcome.ExitCode);
        Assert.StartsWith("input.no_channels: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_IntoTheModelsFolder_IsRefused()
    {
        WriteCase("case");
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", SaveModel(), "-o", _work["model"], "--channels", "_a,_b");
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("output.misplaced: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OneFileForAllChannels_EachChannelIsIt()
    {
        WriteCase("case");
        var outcome = await TonnoProcess.RunAsync(
            "run", "-i", Path.Combine(_work.In, "case_a.nii"), "-m", SaveModel(), "-o", _work.Out, "--channels", ",", "--class", "a", "--class", "b", "--directions", "16");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        var result = _work.Result("case_a");
        Assert.Equal(["case_a.nii", "case_a.nii"], result.Input.Names);
        Assert.Equal(result.Files["heatmap-a.nii.gz"].Sha256, result.Files["heatmap-b.nii.gz"].Sha256);
    }

    [Theory]
    [InlineData("averaged-cam")]
    [InlineData("tomographic-cam")]
    [InlineData("cam-axis")]
    public async Task Run_MapsOfSeveralClasses_EachClassHasItsHeatmap(string method)
    {
        foreach (var (ending, nnUNet) in new[] { ("_a.nii", "_0000.nii"), ("_b.nii.gz", "_0001.nii.gz") })
        {
            WriteCase("case");
            File.Move(Path.Combine(_work.In, "case" + ending), Path.Combine(_work.In, "case" + nnUNet), overwrite: true);
        }

        foreach (var rest in new[] { "_a.nii", "_b.nii.gz" })
        {
            File.Delete(Path.Combine(_work.In, "case" + rest));
        }

        var outcome = await TonnoProcess.RunAsync(
            ["run", "-i", _work.In, "-m", SaveModel(), "-o", _work.Out, "--method", method, .. method == "cam-axis" ? Array.Empty<string>() : ["--directions", "12"]]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        var heatmaps = _work.Result("case").Heatmaps;
        Assert.Equal(["a", "b", "both"], heatmaps.Select(heatmap => heatmap.Class));
        Assert.True((heatmaps[0].PeakMm - _inA).Length < 3, $"{heatmaps[0].PeakMm}");
        Assert.True((heatmaps[1].PeakMm - _inB).Length < 3, $"{heatmaps[1].PeakMm}");
        var sinogram = SinogramFile.Read(Path.Combine(_work.Out, "case", "sinogram.npz"));
        Assert.Equal((2.0, FilterWindow.None), (sinogram.Alpha, sinogram.Window)); // of the logits, not of the maps
    }

    [Theory]
    [InlineData("model.channels", "--channels", "_a")]
    [InlineData("model.channels", "--channels", "_a,_a")]
    [InlineData("model.class_unknown", "--class", "c")]
    public async Task Run_ChannelsOrClassesThatTheModelHasNot_AreRefusedBeforeAnyWork(string code, string option, string value)
    {
        WriteCase("case");
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", SaveModel(), "-o", _work.Out, option, value);
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith(code + ": ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work.Out));
    }

    /// <summary>A blob of height 1 in each channel: a on a grid of 1 mm, b on one of 1.5 mm that is turned.</summary>
    /// <param name="shift">Moves channel b's grid.</param>
    private void WriteCase(string name, int edge = 24, float background = 0, Vector3D shift = default)
    {
        static float Blob(AffineTransform affine, Vector3D at, int i, int j, int k) =>
            affine.ToWorld(i, j, k) - at is var d ? (float)Math.Exp(-d.Dot(d) / (2 * 2.5 * 2.5)) : 0;
        var a = AffineTransform.Scaling(1, 1, 1, -0.5 * (edge - 1) * new Vector3D(1, 1, 1));
        var frame = SliceFrame.For(new Vector3D(0.2, -0.3, 0.9).Normalized());
        var coarse = edge + 4; // 1.5 mm: it holds all of a
        var b = new AffineTransform(1.5 * frame.U, 1.5 * frame.V, 1.5 * frame.N, shift - (0.75 * (coarse - 1) * (frame.U + frame.V + frame.N)));
        _work.Write($"{name}_a.nii", new NiftiBytes { Shape = new(edge, edge, edge), Affine = a, Intensity = (i, j, k) => background + Blob(a, _inA, i, j, k) }.Plain());
        _work.Write($"{name}_b.nii.gz", new NiftiBytes { Shape = new(coarse, coarse, coarse), Affine = b, Intensity = (i, j, k) => Blob(b, _inB, i, j, k) }.Gzip());
    }

    private void AssertHeatmaps()
    {
        float[] Read(string name) => NiftiReader.Read(Path.Combine(_work.Out, "case", name), long.MaxValue).Volume.Samples.AsFloats();
        var grid = NiftiReader.Read(Path.Combine(_work.In, "case_a.nii"), long.MaxValue);
        float[][] heatmaps = [Read("heatmap-a.nii.gz"), Read("heatmap-b.nii.gz"), Read("heatmap-both.nii.gz")];
        var result = _work.Result("case");
        Assert.Equal(["a", "b", "both"], result.Heatmaps.Select(heatmap => heatmap.Class));
        var (differences, norms) = (new double[3], new double[3]);
        for (var at = 0; at < heatmaps[0].Length; at++)
        {
            var index = VoxelIndex.At(at, grid.Header.Shape);
            var x = grid.Header.Geometry.Affine.ToWorld(index.I, index.J, index.K);
            if (x.Length > 10)
            {
                continue; // towards the corners few slices meet
            }

            double Planted(Vector3D centre) => Math.Exp(-(x - centre).Dot(x - centre) / (2 * 2.5 * 2.5));
            double[] expected = [Planted(_inA), Planted(_inB), Planted(_inA) + Planted(_inB)];
            for (var one = 0; one < 3; one++)
            {
                differences[one] += Math.Pow(heatmaps[one][at] - expected[one], 2);
                norms[one] += Math.Pow(expected[one], 2);
            }

            Assert.Equal(heatmaps[0][at] + heatmaps[1][at], heatmaps[2][at], 2e-4); // linear, but for the rounding of float32 logits of some hundreds
        }

        // Trilinear slices of a blob of σ = 2.5 mm: from voxels of 1 mm they lose 4 % of its height, from 1.5 mm 10 %.
        Assert.True(Math.Sqrt(differences[0] / norms[0]) < 0.08, $"a is off by {Math.Sqrt(differences[0] / norms[0]):P1}");
        Assert.True(Math.Sqrt(differences[1] / norms[1]) < 0.16, $"b is off by {Math.Sqrt(differences[1] / norms[1]):P1}");
        Assert.True((result.Heatmaps[0].PeakMm - _inA).Length < 1, $"{result.Heatmaps[0].PeakMm}");
        Assert.True((result.Heatmaps[1].PeakMm - _inB).Length < 1, $"{result.Heatmaps[1].PeakMm}");
    }

    private Dictionary<string, string> Hashes() => Directory.EnumerateFiles(Path.Combine(_work.Out, "case")).ToDictionary(
        file => Path.GetFileName(file), file => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));

    /// <param name="intensity">For a model of one channel and the class a alone; null for the one of two channels.</param>
    private string SaveModel(IntensityMap? intensity = null)
    {
        using var scope = NewDisposeScope();
        var (channels, classes) = intensity is null ? (2, 3) : (1, 1);
        var architecture = new SmallCnnArchitecture
        {
            InputChannels = channels,
            Classes = classes,
            Layers = [new ConvLayer { Channels = channels, Kernel = 1, Activation = Activation.Identity }],
            Pooling = PixelPooling.Sum,
            AreaUnitMm2 = 1,
        };
        ModelFolder.Save(
            _work["model"],
            new ModelMetadata
            {
                Version = "1.0.0",
                Task = "Integrates each channel, and both",
                Description = "For tests",
                Classes = ((string[])["a", "b", "both"])[..classes],
                Architecture = architecture,
                // b is shown twice as bright as it is, and the head halves it.
                Intensities = intensity is null ? [new(0, 2, 0, 0, 2), new(0, 1, 0, 0, 2)] : [intensity],
            },
            new Dictionary<string, Tensor>
            {
                ["layers.0.weight"] = eye(channels).reshape(channels, channels, 1, 1),
                ["layers.0.bias"] = zeros(channels),
                ["head.weight"] = tensor(intensity is null ? [1, 0, 0, 0.5f, 1, 0.5f] : new float[] { 1 }, [classes, channels, 1, 1]),
                ["head.bias"] = zeros(classes),
                ["bias"] = zeros(classes),
            });
        return _work["model"];
    }
}
