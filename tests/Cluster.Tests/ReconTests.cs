using System.IO.Compression;
using System.Runtime.InteropServices;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Cluster.Tests;

/// <summary><c>tonno recon</c> on what <c>tonno run</c> left.</summary>
public sealed class ReconTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("", 100, 16)]
    [InlineData("--alpha 0.5 --window hann --set fibonacci --spacing 1.3", 100, 16)]
    [InlineData("--until 1", 48, 8)] // stops after the second pass, and takes leases of half a block
    [InlineData("--adaptive", 100, 8)]
    public async Task Recon_TheRunsSettings_TheSameFiles(string options, int directions, int block)
    {
        _work.Write("v.nii", Oblique().Plain());
        await RunAsync("v", [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--threshold", "40%"]);
        var sinogram = SinogramFile.Read(_work["out/v/sinogram.npz"]);
        Assert.Equal((directions, block), (sinogram.Plan.Directions.Count, sinogram.BlockDirections));
        var again = await TonnoProcess.RunAsync("recon", "-i", _work["out/v"], "-o", _work["again.nii.gz"], "--threshold", "40%");
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.StartsWith($"again.nii.gz: 14x13x12, class {sinogram.Classes[0]}, {directions} directions, ", again.Summary, StringComparison.Ordinal);
        Assert.Equal(Unzip(_work["out/v/heatmap.nii.gz"]), Unzip(_work["again.nii.gz"]));
        Assert.Equal(Unzip(_work["out/v/mask.nii.gz"]), Unzip(_work["again.mask.nii.gz"]));
        Assert.Empty(Directory.EnumerateFiles(_work[""], "*.tmp"));
        await TonnoProcess.RunAsync("recon", "-i", _work["out/v"], "-o", _work["again.nii.gz"]);
        Assert.False(File.Exists(_work["again.mask.nii.gz"])); // it was another heatmap's
    }

    [Fact]
    public async Task Recon_OverAFileOfAnothers_Refused()
    {
        var scan = _work.Write("v.nii", Oblique().Plain());
        await RunAsync("v", []);
        var outcome = await TonnoProcess.RunAsync("recon", "-i", _work["out/v"], "-o", scan);
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("output.misplaced: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.Equal(Oblique().Plain(), await File.ReadAllBytesAsync(scan, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Recon_OtherFilter_TheHeatmapOfARunWithIt()
    {
        _work.Write("v.nii", Oblique().Plain());
        await RunAsync("v", []);
        File.Move(_work["out/v/sinogram.npz"], _work["kept.npz"]);
        await RunAsync("v", ["--alpha", "0.5", "--window", "cosine"]);
        var name = SinogramFile.Read(_work["kept.npz"]).Classes[0];
        var again = await TonnoProcess.RunAsync(
            "recon", "-i", _work["kept.npz"], "-o", _work["new/again.nii"], "--alpha", "0.5", "--window", "cosine", "--class", name, "-q");
        Assert.True(again is { ExitCode: 0, Out: [] }, again.ToString());
        Assert.Equal(Unzip(_work["out/v/heatmap.nii.gz"]), await File.ReadAllBytesAsync(_work["new/again.nii"], TestContext.Current.CancellationToken));
        Assert.False(File.Exists(_work["new/again.mask.nii"]));
    }

    [Fact]
    public async Task Recon_WhatCannotBe_RefusedByASentence()
    {
        _work.Write("v.nii", Oblique().Plain());
        await RunAsync("v", []);
        var sinogram = _work["out/v/sinogram.npz"];
        await File.WriteAllBytesAsync(_work["short.npz"], File.ReadAllBytes(sinogram)[..^9], TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(_work["link.nii"], sinogram);
        var stamps = _work.Stamps();
        foreach (var (exitCode, error, arguments) in new (int, string, string[])[]
        {
            (4, "file.missing: nothing.npz does not exist", ["-i", _work["nothing.npz"], "-o", _work["a.nii.gz"]]),
            (4, "file.missing: " + _work["out"] + " holds no sinogram.npz: give the result folder of one volume", ["-i", _work["out"], "-o", _work["a.nii.gz"]]),
            (4, "sinogram.not_npz: short.npz is no .npz file, or its end is missing", ["-i", _work["short.npz"], "-o", _work["a.nii.gz"]]),
            (4, "sinogram.not_npz: v.nii is no .npz file", ["-i", _work["in/v.nii"], "-o", _work["a.nii.gz"]]),
            (2, "output.invalid: a.npz is no name of a NIfTI file: let it end in .nii.gz or .nii.", ["-i", sinogram, "-o", "a.npz"]),
            (2, "output.misplaced: ", ["-i", sinogram, "-o", _work["link.nii"]]),
            (2, "output.misplaced: ", ["-i", sinogram, "-o", _work["out/v/heatmap.nii.gz"]]),
            (2, "output.unwritable: ", ["-i", sinogram, "-o", sinogram + "/a.nii.gz"]),
            (2, $"class.unknown: The sinogram holds no class else: give --class with one of {SinogramFile.Read(sinogram).Classes[0]}.", ["-i", sinogram, "-o", _work["a.nii.gz"], "--class", "else"]),
            (2, "usage: --alpha must be from 0 to 2, not 3.", ["-i", sinogram, "-o", _work["a.nii.gz"], "--alpha", "3"]),
            (2, "usage: Option '--output' is required.", ["-i", sinogram]),
        })
        {
            var outcome = await TonnoProcess.RunAsync(["recon", .. arguments]);
            Assert.True(outcome.ExitCode == exitCode && outcome.Errors[0].StartsWith(error, StringComparison.Ordinal), outcome.ToString());
        }

        Assert.False(File.Exists(_work["a.nii.gz"]));
        Assert.Equal(stamps, _work.Stamps());
        Assert.Single(_work.Done());
    }

    [Fact]
    public async Task Recon_SeveralClasses_OneIsAskedForAndGiven()
    {
        _work.Write("v.nii", Oblique().Plain());
        await RunAsync("v", []);
        var one = SinogramFile.Read(_work["out/v/sinogram.npz"]);
        await using (var file = File.Create(_work["two.npz"]))
        {
            SinogramFile.Write(file, one with { Classes = ["other", "lesion"], Logits = [.. new float[one.Logits.Length], .. one.Logits], BlankLogits = [1, one.BlankLogits[0]] });
        }

        var unclear = await TonnoProcess.RunAsync("recon", "-i", _work["two.npz"], "-o", _work["again.nii.gz"]);
        Assert.True(unclear.ExitCode == 2, unclear.ToString());
        Assert.Equal("class.unknown: The sinogram holds several classes: give --class with one of other, lesion.", unclear.Errors[0]);

        var again = await TonnoProcess.RunAsync("recon", "-i", _work["two.npz"], "-o", _work["again.nii.gz"], "--class", "lesion");
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal(Unzip(_work["out/v/heatmap.nii.gz"]), Unzip(_work["again.nii.gz"]));
    }

    /// <summary>The sum encoder's logits are plane integrals: what explains them without negative values is the volume itself.</summary>
    [Fact]
    public async Task Recon_Fista_NearerTheVolumeThanTheRunAndNeverBelowZero()
    {
        var volume = Oblique() with { SForm = true };
        _work.Write("v.nii", volume.Plain());
        await RunAsync("v", []);
        var again = await TonnoProcess.RunAsync("recon", "-i", _work["out/v"], "-o", _work["again.nii"], "--solver", "fista", "--iterations", "150", "--threshold", "50%");
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Matches(@"^again\.nii: 14x13x12, class .*, 100 directions, fista, alpha 2, window hann, (not )?converged after [0-9]+ iterations, residual 0\.[0-9]+, lambda [0-9.]+; peak ", again.Summary);
        var truth = Voxels(volume.Plain());
        var (run, solved) = (Voxels(Unzip(_work["out/v/heatmap.nii.gz"])), Voxels(await File.ReadAllBytesAsync(_work["again.nii"], TestContext.Current.CancellationToken)));
        Assert.All(solved, value => Assert.True(value >= 0));
        Assert.True(Distance(solved, truth) < 0.5 * Distance(run, truth), $"{Distance(solved, truth)} against {Distance(run, truth)}");
        Assert.Equal(Unzip(_work["out/v/heatmap.nii.gz"])[40..56], File.ReadAllBytes(_work["again.nii"])[40..56]); // dim
        Assert.True(File.Exists(_work["again.mask.nii"]));

        var misplaced = await TonnoProcess.RunAsync("recon", "-i", _work["out/v"], "-o", _work["b.nii"], "--iterations", "3");
        Assert.True(misplaced.ExitCode == 2 && misplaced.Errors[0] == "usage: --iterations goes with --solver fista: leave it out.", misplaced.ToString());
    }

    private static float[] Voxels(byte[] nifti) => MemoryMarshal.Cast<byte, float>(nifti.AsSpan(NiftiBytes.HeaderBytes)).ToArray();

    private static double Distance(float[] heatmap, float[] truth) => Math.Sqrt(heatmap.Zip(truth, (a, b) => Math.Pow(a - b, 2)).Sum());

    private static NiftiBytes Oblique() => Workplace.Volume(2) with
    {
        SForm = false,
        Quaternion = (0.1f, 0.2f, 0.3f),
        SpacingMm = (1, 1.5f, 2),
        QFac = -1,
        Affine = AffineTransform.Scaling(1, 1, 1, new(3, -4, 5)),
    };

    private async Task RunAsync(string volume, string[] options)
    {
        var run = await TonnoProcess.RunAsync(["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "100", .. options]);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains(volume, _work.Done());
    }

    private static byte[] Unzip(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var content = new MemoryStream();
        gzip.CopyTo(content);
        return content.ToArray();
    }
}
