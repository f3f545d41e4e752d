using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>The README's "Many machines", command by command.</summary>
public sealed class NodeCommandTests : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task SubmitAndWait_OneNodeThenAnotherBesides_SameBytesAsRun()
    {
        for (var at = 0; at < 3; at++)
        {
            _work.Write($"v{at}.nii", Workplace.Volume(at, edge: 24).Plain());
        }

        var alone = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work["alone"], "-q");
        Assert.True(alone.ExitCode == 0, alone.ToString());

        var ports = FreePorts.Find(4);
        var first = Start("first", ["--roles", "coordinator,slice,recon", "--port", $"{ports[0]}", "--listen", $"127.0.0.1:{ports[1]}"], ports[1]);
        await Eventually.HoldsAsync("the node is ready", _patience, first.IsReadyAsync, _nodes.Told);
        var submitted = await TonnoAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--run", "mine", "--wait");
        Assert.True(submitted.ExitCode == 0, submitted.ToString());
        Assert.Equal("3 inputs: 3 completed (0 done before), 0 failed, 0 quarantined, 0 canceled", submitted.Summary);
        foreach (var volume in new[] { "v0", "v1", "v2" })
        {
            Assert.Equal(await File.ReadAllBytesAsync(_work[$"alone/{volume}/heatmap.nii.gz"], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(Path.Combine(_work.Out, volume, "heatmap.nii.gz"), TestContext.Current.CancellationToken));
        }

        var status = await TonnoAsync("status");
        Assert.StartsWith("mine  finished  100", Assert.Single(status.Out), StringComparison.Ordinal);
        Start("second", ["--roles", "slice", "--port", $"{ports[2]}", "--seeds", $"127.0.0.1:{ports[0]}", "--listen", $"127.0.0.1:{ports[3]}"], ports[3]);
        await Eventually.HoldsAsync(
            "both nodes are told", _patience, async () => (await TonnoAsync("status", "--nodes")).Out is [var one, var other, _] && one.Contains("  up", StringComparison.Ordinal) && other.Contains("  up", StringComparison.Ordinal), _nodes.Told);
        var again = await TonnoAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--wait");
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal("3 inputs: 3 completed (3 done before), 0 failed, 0 quarantined, 0 canceled", again.Summary);

        Task<Outcome> TonnoAsync(params string[] arguments) => TonnoProcess.RunAsync(new Dictionary<string, string> { ["TONNO_URL"] = $"http://127.0.0.1:{ports[1]}" }, arguments);
    }

    private NodeProcess Start(string name, string[] arguments, int httpPort)
    {
        var node = new NodeProcess(name, httpPort, [.. arguments, "--store", _work.Out, "--device", "cpu"], new Dictionary<string, string>(), _work[$"{name}.log"]);
        _nodes.Add(node);
        return node;
    }
}
