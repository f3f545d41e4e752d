using System.Diagnostics;
using System.Text.Json.Nodes;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>A node that was started without the archive's disk, or with another store: it must harm no volume.</summary>
public sealed class MissingSourcesTests : IAsyncLifetime
{
    private const int Volumes = 6;

    /// <summary>That every node refuses, until it counts as a try.</summary>
    private string _pause = "00:05:00";

    private static readonly Dictionary<string, string> _none = [];
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];
    private readonly int[] _ports = [.. FreePorts.Find(6)];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Url => $"http://127.0.0.1:{_ports[1]}";

    public async ValueTask InitializeAsync()
    {
        using var tried = Process.Start(new ProcessStartInfo("unshare", ["--mount", "true"]) { RedirectStandardError = true })!;
        await tried.WaitForExitAsync(Cancel);
        Assert.SkipWhen(tried.ExitCode != 0, "A process with other disks cannot be made here: that takes root.");
        for (var at = 0; at < Volumes; at++)
        {
            _work.Write($"v{at}.nii", Workplace.Volume(at, edge: 36).Plain());
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _work.Dispose();
    }

    /// <summary>As where the store was not mounted.</summary>
    [Theory]
    [InlineData("slice")]
    [InlineData("recon")]
    [InlineData("coordinator")]
    public async Task Node_WithAnotherStore_EndsAndHarmsNothing(string role)
    {
        Start("coordinator,recon,slice", 0);
        await EncodersAsync(1);
        var other = await TonnoProcess.RunAsync(
            "node", "--roles", role, "--store", _work["other"], "--port", $"{_ports[2]}", "--seeds", $"127.0.0.1:{_ports[0]}", "--listen", $"127.0.0.1:{_ports[3]}", "--device", "cpu");
        Assert.Equal(4, other.ExitCode);
        Assert.Contains(other.Errors, line => line.StartsWith("store.other: ", StringComparison.Ordinal));
        var (code, text) = await CommandAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--directions", "96", "--wait", "-q");
        Assert.True(code == 0, text);
        Assert.Equal(Volumes, _work.Done().Count);
    }

    [Fact]
    public async Task SliceNode_SeesNoSources_OthersEncodeAllAndItIsTold()
    {
        Start("coordinator,recon", 0);
        StartBlind();
        Start("slice", 4);
        await EncodersAsync(2);
        var (code, text) = await CommandAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--directions", "96", "--wait", "-q");
        Assert.True(code == 0, text);
        Assert.Equal(Volumes, _work.Done().Count);
        var blind = (await NodesAsync()).Single(node => ((string)node!["address"]!).EndsWith($":{_ports[2]}", StringComparison.Ordinal))!;
        Assert.InRange((long)blind["refusals"]!, 1, Volumes * 96 / 16); // blocks
        Assert.Contains(" refused: the coordinator's log says why", (await CommandAsync("status", "--nodes")).Text, StringComparison.Ordinal);
        Assert.Contains(_nodes[0].LastLines(50), line => line.Contains("file.missing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AllSliceNodes_SeeNoSources_VolumesFailAndTheNextRunTakesThemUp()
    {
        _pause = "00:00:01";
        Start("coordinator,recon", 0);
        StartBlind();
        await EncodersAsync(1);
        string[] order = ["submit", "-i", _work.In, "-m", "builtin:sum", "--directions", "96", "--wait"];
        var (code, text) = await CommandAsync(order);
        Assert.True(code == 4, text);
        Assert.Contains($"{Volumes} failed, 0 quarantined", text, StringComparison.Ordinal);
        Assert.Contains("file.missing", text, StringComparison.Ordinal);
        Assert.Empty(_work.Done());

        Start("slice", 4);
        await EncodersAsync(2);
        (code, text) = await CommandAsync(order);
        Assert.True(code == 0, text);
        Assert.Equal(Volumes, _work.Done().Count);
    }

    [Fact]
    public async Task OnlySliceNodeThatSeesTheSources_GoneForAWhile_VolumesWaitForIt()
    {
        Start("coordinator,recon", 0);
        StartBlind();
        await EncodersAsync(1);
        var waiting = CommandAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--directions", "96", "--wait", "-q");
        await Eventually.HoldsAsync("all volumes in work are refused", TimeSpan.FromMinutes(2), async () => (await NodesAsync()).Sum(node => (long)node!["refusals"]!) >= 4, _nodes.Told);
        Start("slice", 4);
        var (code, text) = await waiting;
        Assert.True(code == 0, text);
        Assert.Equal(Volumes, _work.Done().Count);
    }

    private async Task<JsonArray> NodesAsync()
    {
        var (code, text) = await CommandAsync("status", "--nodes", "--json");
        return code == 0 && JsonNode.Parse(text)!["leases"] is { } leases ? leases["nodes"]!.AsArray() : [];
    }

    private Task EncodersAsync(int nodes) => Eventually.HoldsAsync(
        $"{nodes} nodes encode", TimeSpan.FromMinutes(2), async () => (await NodesAsync()).Count == nodes, _nodes.Told);

    private async Task<(int Code, string Text)> CommandAsync(params string[] arguments)
    {
        var outcome = await TonnoProcess.RunAsync(new Dictionary<string, string> { ["TONNO_URL"] = Url }, arguments);
        return (outcome.ExitCode, string.Join('\n', [.. outcome.Out, .. outcome.Errors]));
    }

    private void Start(string roles, int port, params string[] launcher) => _nodes.Add(new NodeProcess(
        roles,
        _ports[port + 1],
        [
            "--roles", roles, "--store", _work.Out, "--port", $"{_ports[port]}", "--seeds", $"127.0.0.1:{_ports[0]}", "--listen", $"127.0.0.1:{_ports[port + 1]}", "--device", "cpu", "--encoders", "1", "--option", $"Coordinator:RefusalPause={_pause}",
        ],
        _none,
        _work[$"{roles}-{port}.log"],
        launcher));

    /// <summary>A slice node where an empty disk lies over the archive's.</summary>
    private void StartBlind() => Start("slice", 2, "unshare", "--mount", "sh", "-c", $"mount -t tmpfs none '{_work.In}' && exec \"$@\"", "sh");
}
