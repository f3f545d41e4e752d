using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.Commands;

namespace ToNNO.Bench;

/// <summary>A cluster of real processes on this machine, over one store. Slice nodes have one encoder each, of one thread.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private const int MostLines = 40;

    /// <summary>Longer than a coordinator takes to come, with all that a loaded machine adds.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    /// <summary>For one answer: who was killed meanwhile will not give it.</summary>
    private static readonly TimeSpan _answer = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Seldom: who asks takes the coordinator's time.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(500);

    private readonly List<NodeProcess> _nodes = [];
    private readonly List<ClusterClient> _clients = [];

    /// <param name="logs">Folder for what the nodes say; it must be there.</param>
    /// <param name="address">The store's.</param>
    /// <param name="environment">By which nodes find it.</param>
    /// <param name="names">Each a role, or several with commas, a dash and a number.</param>
    /// <param name="options">Of all nodes, as <c>Section:Name=value</c>; the defaults stand for the rest.</param>
    public BenchCluster(string logs, string address, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> names, params IEnumerable<string> options)
    {
        Store = BlobStores.Open(address, name => environment.GetValueOrDefault(name));
        var ports = FreePorts.Find(2 * names.Count);
        var seeds = string.Join(',', names.Index().Where(node => Coordinates(node.Item)).Select(node => $"127.0.0.1:{ports[node.Index]}"));
        foreach (var (at, name) in names.Index())
        {
            var (port, listen) = (ports[at], ports[names.Count + at]);
            string[] arguments =
            [
                "--roles", RoleOf(name), "--store", address, "--port", $"{port}", "--seeds", seeds, "--listen", $"127.0.0.1:{listen}",
                "--device", "cpu", "--encoders", "1", .. options.SelectMany(option => new[] { "--option", option }),
            ];
            _nodes.Add(new NodeProcess(name, listen, arguments, environment, Path.Combine(logs, $"{name}.log")));
            if (Coordinates(name))
            {
                _clients.Add(new ClusterClient(new Uri($"http://127.0.0.1:{listen}/"), ""));
            }
        }
    }

    public IBlobStore Store { get; }

    public IReadOnlyList<NodeProcess> Nodes => _nodes;

    public static string RoleOf(string name) => name.Split('-')[0];

    private static bool Coordinates(string name) => RoleOf(name).Split(',').Contains("coordinator");

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        _clients.ForEach(client => client.Dispose());
    }

    /// <summary>Returns when every node is up and knows all the others.</summary>
    public async Task ReadyAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync())
        {
            if (Stopwatch.GetElapsedTime(begun) > _patience)
            {
                throw new InvalidOperationException($"The nodes did not come up.\n{LastLines()}");
            }

            await Task.Delay(_pause);
        }
    }

    public Task<SubmittedView> SubmitAsync(RunOrder order) => AskAsync((client, cancel) => client.SubmitAsync(order, cancel));

    public Task<RunView> ViewAsync(string run) => AskAsync((client, cancel) => client.RunAsync(run, cancel));

    public Task<List<VolumeView>> VolumesAsync(string run) => AskAsync((client, cancel) => client.VolumesAsync(run, null, cancel).ToListAsync(cancel).AsTask());

    /// <summary>Returns when a run has ended.</summary>
    public async Task<RunView> EndedAsync(string run)
    {
        while (true)
        {
            var view = await ViewAsync(run);
            if (view.State is RunState.Finished or RunState.Canceled)
            {
                return view;
            }

            await Task.Delay(_lookEvery);
        }
    }

    /// <summary>Stops all nodes where they are: they take no processor time until <see cref="Thaw"/>.</summary>
    public void Freeze() => _nodes.ForEach(node => node.Stop());

    public void Thaw() => _nodes.ForEach(node => node.Continue());

    /// <summary>What each node said last besides its ordinary course.</summary>
    public string LastLines() => string.Join('\n', _nodes.SelectMany(node => node.LastLines(MostLines)));

    private async Task<bool> IsReadyAsync()
    {
        foreach (var node in _nodes)
        {
            if (!await node.IsReadyAsync())
            {
                return false;
            }
        }

        var seen = (await AskAsync((client, cancel) => client.ClusterAsync(cancel))).Nodes;
        return seen.Count == _nodes.Count && seen.All(node => node is { Status: "up", Reachable: true });
    }

    /// <summary>Asks one coordinator after the other until one answers: any of them may just be going or coming.</summary>
    private async Task<T> AskAsync<T>(Func<ClusterClient, CancellationToken, Task<T>> question)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var at = 0; ; at++)
        {
            using var deadline = new CancellationTokenSource(_answer);
            try
            {
                return await question(_clients[at % _clients.Count], deadline.Token);
            }
            catch (Exception passing) when (passing is CommandException or OperationCanceledException or HttpRequestException or IOException)
            {
                if (Stopwatch.GetElapsedTime(begun) > _patience)
                {
                    throw new InvalidOperationException($"No coordinator has answered for {_patience}.\n{LastLines()}", passing);
                }
            }

            await Task.Delay(_pause);
        }
    }
}
