using System.Text.Json.Nodes;
using ToNNO.Storage;

namespace ToNNO.Cluster.Tests;

public sealed class RunAgainTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_VolumeThatKillsTheProcess_TwoDeathsThenSetAsideAndItsNeighbourCompletes()
    {
        var model = SmallModel.SaveFatal(_work["model"]);
        _work.Write("good.nii", Workplace.Volume(1).Plain());
        _work.Write("poison.nii", SmallModel.FatalVolume());
        Task<Outcome> Run() => TonnoProcess.RunAsync("run", "-i", _work.In, "-m", model, "-o", _work.Out, "--directions", "32");
        for (var death = 0; death < 2; death++)
        {
            Assert.InRange((await Run()).ExitCode, 128, 255); // by a signal
        }

        foreach (var reason in new[] { "The process ended 2 times in a row", "The process ended 2 times in a row" }) // and so it stays
        {
            var aside = await Run();
            Assert.True(aside.ExitCode == 3, aside.ToString());
            Assert.Contains($"volume.kills_process: poison: {reason}", Assert.Single(aside.Errors), StringComparison.Ordinal);
            Assert.Equal(["good"], _work.Done());
        }
    }

    [Fact]
    public async Task Run_AgainAndAgain_DoesOnlyWhatIsNotVerifiablyDone()
    {
        string[] ids = ["a", "b", "c"];
        for (var index = 0; index < ids.Length; index++)
        {
            _work.Write($"{ids[index]}.nii.gz", Workplace.Volume(index).Gzip());
        }

        var first = await RunAsync();
        Assert.True(first.ExitCode == 0, first.ToString());
        Assert.Equal(ids, _work.Done());
        Assert.Equal("3 inputs: 3 completed (0 done before), 0 failed, 0 quarantined, 0 unfinished", first.Summary);
        Assert.Empty(first.Errors);

        var before = _work.Stamps();
        var again = await RunAsync();
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal("3 inputs: 3 completed (3 done before), 0 failed, 0 quarantined, 0 unfinished", again.Summary);
        Assert.Equal(before, _work.Stamps());

        // A byte of one heatmap flips.
        var heatmap = Path.Combine(_work.Out, "b", "heatmap.nii.gz");
        var (bytes, hashes) = (await File.ReadAllBytesAsync(heatmap, TestContext.Current.CancellationToken), _work.HeatmapHashes());
        bytes[^20] ^= 1;
        await File.WriteAllBytesAsync(heatmap, bytes, TestContext.Current.CancellationToken);
        var healed = await RunAsync();
        Assert.Equal("3 inputs: 3 completed (2 done before), 0 failed, 0 quarantined, 0 unfinished", healed.Summary);
        Assert.Equal(hashes, _work.HeatmapHashes());
        var stamps = _work.Stamps();
        Assert.All(before.Where(file => !file.Key.StartsWith('b')), file => Assert.Equal(file.Value, stamps[file.Key]));

        // The input changes.
        _work.Write("c.nii.gz", Workplace.Volume(7).Gzip());
        var changed = await RunAsync();
        Assert.Equal("3 inputs: 3 completed (2 done before), 0 failed, 0 quarantined, 0 unfinished", changed.Summary);
        Assert.NotEqual(hashes["c"], _work.HeatmapHashes()["c"]);

        // The settings change.
        var other = await RunAsync("--alpha", "1", "--threshold", "50%");
        Assert.Equal("3 inputs: 3 completed (0 done before), 0 failed, 0 quarantined, 0 unfinished", other.Summary);
        Assert.All(ids, id => Assert.True(File.Exists(Path.Combine(_work.Out, id, "mask.nii.gz"))));
        Assert.Equal(ids, _work.Done());
        Assert.False(Directory.Exists(Path.Combine(_work.Out, ".tonno", "tasks")), "rows are left over");
    }

    [Fact]
    public async Task Run_AnotherSourceOfTheSameName_IsRefusedAndTheResultStays()
    {
        var (one, other) = (_work.Write("one/scan.nii", Workplace.Volume(1).Plain()), _work.Write("other/scan.nii", Workplace.Volume(2).Plain()));
        string[] options = ["run", "-m", "builtin:sum", "--directions", "20", "-o", _work.Out, "-i"];
        var first = await TonnoProcess.RunAsync([.. options, one]);
        Assert.True(first.ExitCode == 0, first.ToString());
        var hashes = _work.HeatmapHashes();

        var refused = await TonnoProcess.RunAsync([.. options, other]);
        Assert.Equal(4, refused.ExitCode);
        Assert.StartsWith("result.name_taken: scan: ", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.Equal(hashes, _work.HeatmapHashes());

        // The volume whose name it is stays done, the run that was refused has it accounted for, and what stands is still looked at.
        var ledger = await TonnoProcess.RunAsync("ledger", _work.Out, "--format", "jsonl");
        Assert.Equal("completed", (string?)JsonNode.Parse(Assert.Single(ledger.Out))!["state"]);
        var runs = Directory.GetDirectories(Path.Combine(_work.Out, ".tonno", "runs")).Select(path => Path.GetFileName(path)!).ToList();
        var states = new List<string>();
        foreach (var run in runs)
        {
            var row = JsonNode.Parse(Assert.Single((await TonnoProcess.RunAsync("ledger", _work.Out, "--format", "jsonl", "--run", run)).Out))!;
            states.Add($"{row["state"]} {row["reasonCode"]}".Trim());
        }

        Assert.Equal(["completed", "quarantined result.name_taken"], states.Order(StringComparer.Ordinal));
        Assert.Equal(0, (await TonnoProcess.RunAsync("verify", _work.Out)).ExitCode);
        await File.AppendAllTextAsync(Path.Combine(_work.Out, "scan", "heatmap.nii.gz"), "x", TestContext.Current.CancellationToken);
        var verified = await TonnoProcess.RunAsync("verify", _work.Out);
        Assert.Equal(3, verified.ExitCode);
        Assert.Contains("1 damaged", verified.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AnotherRunHoldsTheFolder_IsRefused()
    {
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        await using (await new LocalFolderStore(_work.Out).HoldAsync(TestContext.Current.CancellationToken))
        {
            var refused = await RunAsync();
            Assert.Equal(4, refused.ExitCode);
            Assert.StartsWith("store.in_use: ", Assert.Single(refused.Errors), StringComparison.Ordinal);
        }

        Assert.Equal(0, (await RunAsync()).ExitCode);
    }

    [Fact]
    public async Task Run_Quiet_PrintsNothing()
    {
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        var outcome = await RunAsync("-q");
        Assert.Equal((0, 0, 0), (outcome.ExitCode, outcome.Out.Count, outcome.Errors.Count));
    }

    [Fact]
    public async Task Run_NamesOfAllKinds_DistinctIdsAndAllAccountedFor()
    {
        string[] names = ["one two.nii", "Schädel.nii", "same.nii", "same.nii.gz", "x/same.nii", "y/same.nii", "x_same.nii", ".hidden.nii", "UPPER.NII", "dots.v1.nii"];
        for (var index = 0; index < names.Length; index++)
        {
            var volume = Workplace.Volume(index, edge: 12);
            _work.Write(names[index], names[index].EndsWith(".gz", StringComparison.Ordinal) ? volume.Gzip() : volume.Plain());
        }

        // A link that leads in a circle, and one to a file.
        Directory.CreateSymbolicLink(Path.Combine(_work.In, "x", "circle"), _work.In);
        File.CreateSymbolicLink(Path.Combine(_work.In, "linked.nii"), Path.Combine(_work.In, "same.nii"));
        var outcome = await TonnoProcess.RunAsync(
            "run", "-i", _work.In, "-m", "builtin:sum", "-o", Path.Combine(_work.In, "out"), "--directions", "16", "--report", _work["report.json"]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        var volumes = _work.Report()["volumes"]!.AsArray();
        Assert.Equal(names.Length + 1, volumes.Count);
        var ids = volumes.Select(volume => volume!["volumeId"]!.GetValue<string>()).ToList();
        Assert.Equal(ids.Count, ids.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(ids, id => Assert.Matches("^[A-Za-z0-9_-][A-Za-z0-9._-]*$", id));
        Assert.All(ids, id => Assert.True(File.Exists(Path.Combine(_work.In, "out", id, "result.json"))));

        // What lies in the output folder is no input.
        var again = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", Path.Combine(_work.In, "out"), "--directions", "16");
        Assert.Equal(
            [$"{ids.Count} inputs: {ids.Count} completed ({ids.Count} done before), 0 failed, 0 quarantined, 0 unfinished", "1 files left out (1 folder.linked); --report lists them"],
            again.Out.TakeLast(2));
    }

    private Task<Outcome> RunAsync(params string[] more) =>
        TonnoProcess.RunAsync(["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "48", .. more]);
}
