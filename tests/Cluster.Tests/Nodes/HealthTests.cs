using System.Net;
using Akka.Actor;
using Akka.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Coordinator.Api;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>What probes are told, on nodes of every role.</summary>
public sealed class HealthTests : IAsyncDisposable
{
    private static readonly Dictionary<string, string> _none = [];
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly Workplace _work = new();
    private readonly NodeGroup _processes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _processes.DisposeAsync();
        _work.Dispose();
    }

    [Theory]
    [InlineData(MemberStatus.Up, 6, 0, true)]
    [InlineData(MemberStatus.Up, 6, 3, true)] // the others are as many
    [InlineData(MemberStatus.Up, 6, 4, false)]
    [InlineData(MemberStatus.Joining, 6, 0, false)]
    [InlineData(MemberStatus.Leaving, 6, 0, false)]
    [InlineData(MemberStatus.Exiting, 6, 0, false)]
    [InlineData(MemberStatus.Down, 6, 0, false)]
    [InlineData(MemberStatus.Removed, 0, 0, false)]
    public void IsReady_ByStatusAndReach(MemberStatus status, int members, int unreachable, bool ready) => Assert.Equal(ready, NodeHealth.IsReady(status, members, unreachable));

    [Theory]
    [InlineData("coordinator")]
    [InlineData("slice")]
    [InlineData("recon")]
    public async Task Node_ThatLeaves_IsAliveAndNotReadyToTheEnd(string role)
    {
        await using var node = Build(role);
        await node.StartAsync(Cancel);
        var address = AddressOf(node);
        await UntilAsync(address, NodeHealth.Ready, HttpStatusCode.OK);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await AskAsync(address, NodeHealth.Started), await AskAsync(address, NodeHealth.Live)));

        var held = new TaskCompletionSource();
        CoordinatedShutdown.Get(node.Services.GetRequiredService<ActorSystem>()).AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "held", async () =>
        {
            await held.Task;
            return Akka.Done.Instance;
        });
        var stopping = NodeHost.StopAsync(node, TimeSpan.FromSeconds(30));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (await AskAsync(address, NodeHealth.Ready), await AskAsync(address, NodeHealth.Live)));
        held.SetResult();
        await stopping;
        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(address, NodeHealth.Live));
    }

    [Fact]
    public async Task Node_WhoseActorSystemHasEnded_IsDead()
    {
        await using var node = Build("recon");
        await node.StartAsync(Cancel);
        var address = AddressOf(node);
        await node.Services.GetRequiredService<ActorSystem>().Terminate();
        await UntilAsync(address, NodeHealth.Live, HttpStatusCode.ServiceUnavailable);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable), (await AskAsync(address, NodeHealth.Started), await AskAsync(address, NodeHealth.Ready)));
        await NodeHost.StopAsync(node, TimeSpan.FromSeconds(30));
    }

    /// <summary>A listener would else hold up a node that stops, for all the time that it has.</summary>
    [Fact]
    public async Task Node_ThatStopsWhileARunIsWatched_EndsTheEvents()
    {
        await using var node = Build("coordinator,recon"); // nobody encodes
        await node.StartAsync(Cancel);
        using var client = new ClusterClient(AddressOf(node), "");
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        await UntilAsync(AddressOf(node), NodeHealth.Ready, HttpStatusCode.OK);
        await client.SubmitAsync(new RunOrder { RunId = "watched", Sources = [_work.In], Model = "builtin:sum" }, Cancel);
        var first = new TaskCompletionSource();
        var watching = Task.Run(
            async () =>
            {
                await foreach (var happened in client.EventsAsync("watched", Cancel))
                {
                    first.TrySetResult();
                }
            },
            Cancel);
        await first.Task.WaitAsync(Cancel);
        await NodeHost.StopAsync(node, TimeSpan.FromMinutes(5)).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        await watching.WaitAsync(TimeSpan.FromMinutes(1), Cancel);
    }

    /// <summary>Nodes of three roles; the first is left alone, as one that is cut off, and then no more.</summary>
    [Fact]
    public async Task Node_ThatReachesNoOthers_IsNotReadyUntilItDoes()
    {
        var ports = FreePorts.Find(6);
        string[] roles = ["coordinator", "slice", "recon"];
        foreach (var (at, role) in roles.Index())
        {
            _processes.Add(new NodeProcess(
                role,
                ports[at + 3],
                [
                    "--roles", role, "--store", _work.Out, "--port", $"{ports[at]}", "--seeds", $"127.0.0.1:{ports[0]}", "--listen", $"127.0.0.1:{ports[at + 3]}", "--device", "cpu", "--encoders", "1",
                    "--option", "Cluster:HeartbeatPause=00:00:02", "--option", "Cluster:StableAfter=00:05:00",
                ],
                _none,
                _work[$"{role}.log"]));
        }

        Uri Address(int at) => new($"http://127.0.0.1:{ports[at + 3]}/");
        for (var at = 0; at < roles.Length; at++)
        {
            await UntilAsync(Address(at), NodeHealth.Ready, HttpStatusCode.OK);
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await AskAsync(Address(at), NodeHealth.Started), await AskAsync(Address(at), NodeHealth.Live)));
        }

        _processes[1].Stop();
        _processes[2].Stop();
        await UntilAsync(Address(0), NodeHealth.Ready, HttpStatusCode.ServiceUnavailable);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await AskAsync(Address(0), NodeHealth.Started), await AskAsync(Address(0), NodeHealth.Live)));
        _processes[1].Continue();
        _processes[2].Continue();
        await UntilAsync(Address(0), NodeHealth.Ready, HttpStatusCode.OK);
        Assert.Equal([1, 1, 1], _processes.Select(process => process.Lives));
    }

    private WebApplication Build(string roles) => NodeHost.Build(
        new NodeOptions
        {
            Roles = roles,
            Store = _work.Out,
            LogLevel = "Error",
            Cluster = new() { Port = FreePorts.Find(1)[0] },
            Http = new() { Listen = "127.0.0.1:0" },
            Slice = new() { Device = "cpu" },
        },
        new LocalFolderStore(_work.Out));

    private static Uri AddressOf(WebApplication node) => new(node.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    private static async Task<HttpStatusCode> AskAsync(Uri address, string path)
    {
        using var answer = await _http.GetAsync(new Uri(address, path), Cancel);
        return answer.StatusCode;
    }

    private static async Task UntilAsync(Uri address, string path, HttpStatusCode wanted)
    {
        while (true)
        {
            try
            {
                if (await AskAsync(address, path) == wanted)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(50, Cancel);
        }
    }
}
