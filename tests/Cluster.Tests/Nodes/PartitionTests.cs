using System.Diagnostics;
using System.Text.Json.Nodes;
using ToNNO.Coordinator.Claims;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Two groups of nodes in networks of their own, over one store, and the cable between them.</summary>
public sealed class PartitionTests : IAsyncLifetime
{
    private const int Volumes = 16;
    private const int Port = 4053;
    private const int HttpPort = 8080;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3);
    private static readonly Dictionary<string, string> _none = [];
    private readonly string _tag = $"tn{Environment.ProcessId % 10_000}";
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];
    private bool _made;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Left => $"{_tag}a";

    private string Right => $"{_tag}b";

    public async ValueTask InitializeAsync()
    {
        if (await IpAsync("netns", "add", Left) != 0)
        {
            Assert.Skip("Networks of their own cannot be made here: that takes root and iproute2.");
        }

        _made = true;
        Assert.Equal(0, await IpAsync("netns", "add", Right));
        Assert.Equal(0, await IpAsync("link", "add", "cable", "netns", Left, "type", "veth", "peer", "name", "cable", "netns", Right));
        foreach (var (network, at) in new[] { (Left, 1), (Right, 2) })
        {
            // Several addresses on each side: nodes are told apart by them.
            for (var node = 0; node < 3; node++)
            {
                Assert.Equal(0, await IpAsync("-n", network, "address", "add", $"10.77.{node}.{at}/24", "dev", "cable"));
            }

            Assert.Equal(0, await IpAsync("-n", network, "link", "set", "lo", "up"));
            Assert.Equal(0, await IpAsync("-n", network, "link", "set", "cable", "up"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        if (_made)
        {
            await IpAsync("netns", "delete", Left);
            await IpAsync("netns", "delete", Right);
        }

        _work.Dispose();
    }

    [Fact]
    public async Task Cluster_CutInTwoAndHealed_TheLargerSideGoesOnAndEveryVolumeIsCompletedOnce()
    {
        foreach (var (at, source) in TestCluster.Sources(Volumes).Index())
        {
            _work.Write($"v{at:D2}.nii.gz", await File.ReadAllBytesAsync(source, Cancel));
        }

        SmallModel.Save(_work["model"]);
        string[] order = ["-i", _work.In, "-m", _work["model"], "--directions", "96", "--spacing", "4", "--pixel", "4"];
        var alone = await TonnoProcess.RunAsync(["run", .. order, "-o", _work["alone"], "-q"]);
        Assert.True(alone.ExitCode == 0, alone.ToString());

        // The one that leads is on the smaller side, with half the encoders.
        Start("coordinator", Right, 0);
        Start("slice", Right, 1);
        Start("coordinator", Left, 0);
        Start("slice", Left, 1);
        Start("recon", Left, 2);
        await UntilAsync("all nodes are up", async () => await UpAsync(Left) == 5 && await UpAsync(Right) == 5);
        var submitted = await CommandAsync(Left, ["submit", .. order, "--run", "cut", "-q"]);
        Assert.True(submitted.Code == 0, submitted.Text);
        await UntilAsync("work is under way", () => Task.FromResult(Results() >= 2), TimeSpan.FromMilliseconds(20));

        Assert.True(Results() < Volumes);
        var epoch = (await ClaimAsync()).Epoch;
        Assert.Equal(0, await IpAsync("-n", Left, "link", "set", "cable", "down"));
        await UntilAsync("the larger side has gone on alone", async () => await UpAsync(Left) == 3);
        await UntilAsync("the smaller side has ended", () => Task.FromResult(_nodes[0].Lives > 1));
        await UntilAsync("the larger side completes volumes", () => Task.FromResult(CompletedSince(epoch) > 0));
        Assert.Contains("@10.77.0.1:", (await ClaimAsync()).Node, StringComparison.Ordinal);

        Assert.Equal(0, await IpAsync("-n", Left, "link", "set", "cable", "up"));
        await UntilAsync("the smaller side is back", async () => await UpAsync(Left) == 5);
        await UntilAsync("the run is finished", async () => (string?)(await RunAsync())?["state"] == "finished");
        Assert.Equal((Volumes, 0, 0), ((int)(await RunAsync())!["counts"]!["completed"]!, (int)(await RunAsync())!["counts"]!["failed"]!, (int)(await RunAsync())!["counts"]!["quarantined"]!));
        Assert.Equal(Volumes, _work.Done().Count);
        foreach (var id in _work.Done())
        {
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(_work["alone"], id, "heatmap.nii.gz"), Cancel), await File.ReadAllBytesAsync(Path.Combine(_work.Out, id, "heatmap.nii.gz"), Cancel));
        }

        var verified = await TonnoProcess.RunAsync("verify", _work.Out);
        Assert.True(verified.ExitCode == 0, verified.ToString());
        Assert.Equal(0, _work.StoredRows());
    }

    private static async Task<int> UpAsync(string network)
    {
        var status = await CommandAsync(network, ["status", "--nodes", "--json"]);
        return status.Code == 0 ? JsonNode.Parse(status.Text)!["nodes"]!.AsArray().Count(node => (string?)node!["status"] == "up" && (bool)node["reachable"]!) : 0;
    }

    private async Task<JsonNode?> RunAsync()
    {
        var status = await CommandAsync(Left, ["status", "cut", "--json"]);
        return status.Code == 0 ? JsonNode.Parse(status.Text) : null;
    }

    /// <summary>Results that stand; looked at in the store, which is quicker than to ask: the cut is to come while there is work.</summary>
    private int Results() => Directory.Exists(_work.Out) ? Directory.EnumerateDirectories(_work.Out).Count(volume => File.Exists(Path.Combine(volume, "result.json"))) : 0;

    private async Task<CoordinatorClaim> ClaimAsync() => (await CoordinatorClaim.FindAsync(new LocalFolderStore(_work.Out), Cancel))!;

    /// <summary>Volumes completed by a coordinator that came after the one of that epoch.</summary>
    private int CompletedSince(long epoch) => Directory.EnumerateFiles(Path.Combine(_work.Out, ".tonno", "ledger"), "*.json")
        .Select(file => JsonNode.Parse(File.ReadAllBytes(file))!)
        .Count(entry => (long)entry["epoch"]! > epoch && (string?)entry["state"] == "completed");

    /// <summary>A command in a network, with its own coordinator.</summary>
    private static async Task<(int Code, string Text)> CommandAsync(string network, string[] arguments)
    {
        var own = new Dictionary<string, string> { ["TONNO_URL"] = $"http://127.0.0.1:{HttpPort}" };
        using var process = Process.Start(TonnoStart.Of(own, arguments, "ip", "netns", "exec", network))!;
        var (text, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await text + await errors);
    }

    private void Start(string role, string network, int node)
    {
        var side = network == Left ? 1 : 2;
        var name = $"{role}-{side}";
        _nodes.Add(new NodeProcess(
            name,
            HttpPort + node,
            [
                "--roles", role, "--store", _work.Out, "--host", $"10.77.{node}.{side}", "--port", $"{Port}", "--seeds", $"10.77.0.2:{Port},10.77.0.1:{Port}",
                "--listen", $"127.0.0.1:{HttpPort + node}", "--device", "cpu", "--encoders", "1", "--option", "Cluster:StableAfter=00:00:05", "--option", "Cluster:HeartbeatPause=00:00:04",
                "--option", "Coordinator:ReducerDeadline=00:00:05", "--option", "Coordinator:ClaimRenewal=00:00:01", "--option", "Cluster:OrphanedAfter=00:00:08",
            ],
            _none,
            _work[$"{name}.log"],
            "ip", "netns", "exec", network));
    }

    private Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan? lookEvery = null) =>
        Eventually.HoldsAsync(what, _patience, condition, _nodes.Told, lookEvery ?? TimeSpan.FromSeconds(1)); // most looks are a command of their own

    private static async Task<int> IpAsync(params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1; // there is no such command
        }
    }
}
