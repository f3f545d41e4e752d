using System.Text.RegularExpressions;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Cluster.Tests;

public sealed partial class BadInputTests : IDisposable
{
    private readonly Workplace _work = new();

    private static readonly Dictionary<string, (string Code, Func<byte[]> Content)> _bad = new()
    {
        ["truncated.nii"] = ("nifti.truncated", () => Good().Plain()[..^100]),
        ["truncated-gz.nii.gz"] = ("nifti.truncated", () => Noise().Gzip() is var gzip ? gzip[..(gzip.Length / 2)] : []),
        ["corrupt.nii.gz"] = ("nifti.corrupt_gzip", () => Corrupt(Noise().Gzip())),
        ["flat.nii"] = ("volume.not_3d", () => (Good() with { Dim = [2, 14, 13, 1, 1, 1, 1, 1] }).Plain()),
        ["rgb.nii"] = ("nifti.rgb", () => (Good() with { DataType = 128 }).Plain()),
        ["complex.nii"] = ("nifti.complex", () => [.. (Good() with { DataType = 32 }).Plain(), .. new byte[20_000]]),
        ["nan.nii"] = ("volume.non_finite", () => (Good() with { Intensity = (i, _, _) => i == 3 ? float.NaN : 0 }).Plain()),
        ["huge.nii"] = ("nifti.truncated", () => (Good() with { Dim = [3, 30000, 30000, 30000, 1, 1, 1, 1] }).Plain()),
        ["huge-gz.nii.gz"] = ("nifti.truncated", () => NiftiBytes.Gzip((Good() with { Dim = [3, 30000, 30000, 30000, 1, 1, 1, 1] }).Plain())),
        ["bomb.nii.gz"] = ("nifti.truncated", () => NiftiBytes.Gzip([.. (Good() with { Dim = [3, 3000, 3000, 3000, 1, 1, 1, 1] }).Header(), .. new byte[1 << 28]])),
        ["needle.nii"] = ("volume.geometry_invalid", () => (Good() with { Affine = AffineTransform.Scaling(1e-4, 1, 1) }).Plain()),
        ["text.nii"] = ("nifti.not_nifti", () => [.. Enumerable.Repeat("This is no volume. "u8.ToArray(), 50).SelectMany(text => text)]),
        ["empty.nii"] = ("nifti.truncated", () => []),
    };

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_BadInputsBesideGoodOnes_EachRefusedInASentenceAndTheGoodOnesComplete()
    {
        _work.Write("good1.nii", Good().Plain());
        _work.Write("good2.nii.gz", Good().Gzip());
        foreach (var (name, (_, content)) in _bad)
        {
            _work.Write(name, content());
        }

        Directory.CreateDirectory(_work["nothing"]);
        var outcome = await TonnoProcess.RunAsync(
            "run", "-i", _work.In, _work["nothing"], _work["missing.nii"], "-m", "builtin:sum", "-o", _work.Out, "--directions", "16", "--report", _work["report.json"]);
        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.Equal(["good1", "good2"], _work.Done());
        var expected = _bad.Select(bad => (Id: bad.Key.Replace(".nii", "", StringComparison.Ordinal).Replace(".gz", "", StringComparison.Ordinal), bad.Value.Code))
            .Concat([("missing", "file.missing"), ("nothing", "file.missing")]).Order().ToList();
        Assert.All(outcome.Errors, line => Assert.Matches(Sentence(), line));
        var refused = outcome.Errors.Select(line => line.Split(": ", 3)).Select(parts => (Id: parts[1], Code: parts[0])).Order();
        Assert.Equal(expected, refused);
        Assert.True(outcome.PeakMb < 600, $"the peak is {outcome.PeakMb} MB");

        var report = _work.Report();
        int Count(string name) => report[name]!.GetValue<int>();
        Assert.Equal((expected.Count + 2, 2, 0, 0, expected.Count, 0), (Count("inputs"), Count("completed"), Count("reused"), Count("failed"), Count("quarantined"), Count("unfinished")));
        Assert.Equal(Count("inputs"), report["volumes"]!.AsArray().Count);
        Assert.Equal([".tonno", "good1", "good2"], Directory.EnumerateFileSystemEntries(_work.Out).Select(Path.GetFileName).Order()!);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("submit")]
    public async Task Command_OptionOfAnotherMethod_RefusedWithThoseItGoesWith(string command)
    {
        string[] arguments = [command, "-i", _work.In, "-m", "builtin:sum", "--method", "averaged-cam", "--alpha", "1", "--adaptive"];
        var outcome = await TonnoProcess.RunAsync(command == "run" ? [.. arguments, "-o", _work.Out] : arguments);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Equal(
            "usage: --alpha goes with --method tonno or tomographic-cam, not with averaged-cam: leave it out. --adaptive goes with --method tonno, not with averaged-cam: leave it out.",
            Assert.Single(outcome.Errors));
        Assert.False(Directory.Exists(_work.Out));
    }

    [Fact]
    public async Task Run_NamedPipe_RefusedAtOnceAndTheOthersComplete()
    {
        _work.Write("good.nii", Good().Plain());
        using (var make = System.Diagnostics.Process.Start("mkfifo", Path.Combine(_work.In, "pipe.nii")))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "4");
        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.StartsWith("file.unreadable: pipe: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.Equal(["good"], _work.Done());
    }

    [Fact]
    public async Task Run_AllBad_NothingDone()
    {
        _work.Write("text.nii", "no volume"u8.ToArray());
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out);
        Assert.Equal(4, outcome.ExitCode);
        Assert.Equal("1 inputs: 0 completed (0 done before), 0 failed, 1 quarantined, 0 unfinished", outcome.Summary);
    }

    public static TheoryData<string[], int> Misuses => new()
    {
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--bogus"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--alpha", "3"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--alpha", "NaN"], 2 },
        { ["run", "-m", "builtin:sum", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "-m", "nowhere", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:other", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--device", "toaster"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", ""], 2 },
        { ["run", "-i", "", "-m", "builtin:sum", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "-m", "", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "azure://container/prefix", "-m", "builtin:sum", "-o", "OUT"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "IN"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "IN/.."], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--threshold", "many"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "IN/a.nii"], 2 }, // a file is no store
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--report", "IN/a.nii"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--report", "OUT/a/result.json"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "sorcery"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--layer", "pixels"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--cam", "layercam"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "averaged-cam", "--layer", "nowhere"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "averaged-cam", "--alpha", "1"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "tomographic-cam", "--adaptive"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "cam-axis", "--directions", "8"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "centre-blob", "--cam", "gradcam"], 2 },
        { ["run", "-i", "IN", "-m", "builtin:sum", "-o", "OUT", "--method", "centre-blob", "--spacing", "2"], 2 },
    };

    [Theory]
    [MemberData(nameof(Misuses))]
    public async Task Run_Misused_OneSentenceAndNothingWritten(string[] arguments, int exitCode)
    {
        _work.Write("a.nii", Good().Plain());
        var outcome = await TonnoProcess.RunAsync([.. arguments.Select(argument => argument.Replace("IN", _work.In, StringComparison.Ordinal).Replace("OUT", _work.Out, StringComparison.Ordinal))]);
        Assert.True(outcome.ExitCode == exitCode, outcome.ToString());
        Assert.Matches("^[a-z_.]+: .+\\.$", Assert.Single(outcome.Errors));
        Assert.False(Directory.Exists(_work.Out));
    }

    private static NiftiBytes Good() => Workplace.Volume(1);

    private static NiftiBytes Noise()
    {
        var random = new Random(3);
        return Good() with { Intensity = (_, _, _) => random.NextSingle() };
    }

    private static byte[] Corrupt(byte[] gzip)
    {
        for (var at = gzip.Length / 2; at < (gzip.Length / 2) + 50; at++)
        {
            gzip[at] ^= 0x5a;
        }

        return gzip;
    }

    [GeneratedRegex("^[a-z0-9_.]+: [A-Za-z0-9._-]+: [^:].*\\.$")]
    private static partial Regex Sentence();
}
