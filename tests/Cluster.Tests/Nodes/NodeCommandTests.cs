using System.Net;
using System.Net.Sockets;
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
    public async Task Node_NoSeedLetsItIn_EndsAndSaysSo()
    {
        var ports = FreePorts.Find(3);
        var ended = await TonnoProcess.RunAsync(
            "node", "--store", _work.Out, "--roles", "recon", "--port", $"{ports[0]}", "--listen", $"127.0.0.1:{ports[1]}", "--seeds", $"127.0.0.1:{ports[2]}", "--option", "Cluster:JoinWithin=00:00:05");
        Assert.Equal((4, "node.not_joined"), (ended.ExitCode, ended.Errors[^1].Split(':')[0]));
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

    /// <summary>Told of a failure, its user would submit it once more.</summary>
    [Fact]
    public async Task Submit_CoordinatorDoesNotAnswerInTime_IsTakenByItsName()
    {
        _work.Write("v0.nii", Workplace.Volume(0).Plain());
        var ports = FreePorts.Find(4);
        var leading = Start("leading", ["--roles", "coordinator,slice,recon", "--port", $"{ports[0]}", "--listen", $"127.0.0.1:{ports[1]}"], ports[1]);
        await Eventually.HoldsAsync("the node that leads is ready", _patience, leading.IsReadyAsync, _nodes.Told);
        var asked = Start(
            "asked", ["--roles", "coordinator", "--port", $"{ports[2]}", "--seeds", $"127.0.0.1:{ports[0]}", "--listen", $"127.0.0.1:{ports[3]}", "--option", "Api:CoordinatorTimeout=00:00:01"], ports[3]);
        await Eventually.HoldsAsync("the node that is asked is ready", _patience, asked.IsReadyAsync, _nodes.Told);
        leading.Stop();
        var submitted = await TonnoProcess.RunAsync("submit", "-i", _work.In, "-m", "builtin:sum", "--run", "mine", "-q", "--api", $"http://127.0.0.1:{ports[3]}");
        leading.Continue();
        Assert.True(submitted.ExitCode == 0, submitted.ToString());
        Assert.Equal("mine", submitted.Summary);
        await Eventually.HoldsAsync("its volume is done", _patience, () => Task.FromResult(_work.Done().Count == 1), _nodes.Told);
    }

    [Fact]
    public async Task Node_ThreeFaults_AllAreToldALineEach()
    {
        var ended = await TonnoProcess.RunAsync("node", "--store", _work.Out, "--roles", "cook", "--port", "70000", "--seeds", "http://c0:4053");
        Assert.True(ended.ExitCode == 2, ended.ToString());
        Assert.Equal(3, ended.Errors.Count);
        Assert.All(
            ["The field Cluster:Port must be between 1 and 65535 (flags).", "Roles names 'cook', which is none: choose among coordinator, slice, recon.", "Cluster:Seeds names 'http://c0:4053', which is not HOST:PORT."],
            fault => Assert.Contains($"config.invalid: {fault}", ended.Errors));
    }

    [Fact]
    public async Task ConfigShow_FlagsOverEnvironmentOverFile_EachWithItsOrigin()
    {
        var file = _work["node.json"];
        await File.WriteAllTextAsync(file, """{ "store": "/file", "cluster": { "port": 1111, "host": "file" }, "roles": "coordinator" }""", TestContext.Current.CancellationToken);
        var environment = new Dictionary<string, string> { ["TONNO_STORE"] = "/environment", ["TONNO_CLUSTER__PORT"] = "2222" };
        var shown = await TonnoProcess.RunAsync(environment, "config", "show", "--effective", "--config", file, "--store", "/flags");
        Assert.True(shown.ExitCode == 0, shown.ToString());
        Assert.All(
            ["Store = /flags    (flags)", "Cluster:Port = 2222    (environment)", $"Cluster:Host = file    (file {file})", "Recon:PassivateAfter = 00:05:00    (default)"],
            option => Assert.Contains(option, shown.Out));
    }

    /// <param name="taken">What is given the port on which another process, this one, listens.</param>
    [Theory]
    [InlineData("--port")]
    [InlineData("--listen")]
    public async Task Node_PortThatIsTaken_Refused(string taken)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var free = FreePorts.Find(1)[0];
        string[] ports = taken == "--port" ? ["--port", $"{port}", "--listen", $"127.0.0.1:{free}"] : ["--port", $"{free}", "--listen", $"127.0.0.1:{port}"];
        var ended = await TonnoProcess.RunAsync(["node", "--store", _work.Out, "--roles", "coordinator", .. ports]);
        Assert.True(ended.ExitCode == 4, ended.ToString());
        Assert.Contains(ended.Errors, line => line.Contains("node.port_taken: ", StringComparison.Ordinal) && line.Contains($"{port}", StringComparison.Ordinal));
    }

    private NodeProcess Start(string name, string[] arguments, int httpPort)
    {
        var node = new NodeProcess(name, httpPort, [.. arguments, "--store", _work.Out, "--device", "cpu"], new Dictionary<string, string>(), _work[$"{name}.log"]);
        _nodes.Add(node);
        return node;
    }
}
