using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Imaging.Tests;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Six processes over Azurite: two coordinators, two slice nodes with one encoder each, two reducers; and twenty real volumes
/// whose heatmaps a single process has made already. Tests submit runs of their own over copies of the volumes.</summary>
public sealed class TestCluster : IAsyncLifetime
{
    public const int Volumes = 20;

    /// <summary>Of every run: some leases a volume, and a second or so of work.</summary>
    public const int Directions = 96;

    private const int Spacing = 8;

    /// <summary>No lease may be out for longer.</summary>
    public static TimeSpan LeaseDeadline { get; } = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);
    private readonly TemporaryFolder _folder = new();
    private readonly Azurite _azurite = new();
    private readonly Dictionary<string, NodeProcess> _nodes = [];
    private readonly string _container = Azurite.NewContainer();
    private FaultProxy _proxy = null!;

    /// <summary>SHA-256 of each volume's heatmap, by the volume's name, as <c>tonno run</c> makes it.</summary>
    public IReadOnlyDictionary<string, string> Reference { get; private set; } = null!;

    /// <summary>Between the nodes and the store.</summary>
    public FaultProxy Proxy => _proxy;

    internal IBlobStore Store { get; private set; } = null!;

    internal IEnumerable<NodeProcess> Nodes => _nodes.Values;

    public string Model => _folder["model"];

    internal string this[string kind, string name] => _folder[$"{kind}/{name}"];

    private string Address => $"{BlobStores.Scheme}{_container}";

    private Dictionary<string, string> Identity(int port) => new() { ["AZURE_STORAGE_CONNECTION_STRING"] = _azurite.ConnectionStringAt(port) };

    internal NodeProcess this[string name] => _nodes[name];

    public async ValueTask InitializeAsync()
    {
        await _azurite.InitializeAsync();
        _proxy = new FaultProxy(_azurite.Port);
        var direct = Identity(_azurite.Port);
        Store = BlobStores.Open(Address, name => direct.GetValueOrDefault(name));
        SmallModel.Save(Model);
        foreach (var (at, source) in Sources(Volumes).Index())
        {
            Directory.CreateDirectory(_folder["sources"]);
            File.Copy(source, Path.Combine(_folder["sources"], $"v{at:D2}.nii.gz"));
        }

        Reference = await ReferenceAsync(Model, Volumes);

        var ports = FreePorts.Find(12);
        foreach (var (at, name) in new[] { "coordinator-0", "coordinator-1", "slice-0", "slice-1", "recon-0", "recon-1" }.Index())
        {
            Start(name, ports[2 * at], ports[(2 * at) + 1], ports);
        }

        await ReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values)
        {
            await node.DisposeAsync();
        }

        await _proxy.DisposeAsync();
        await _azurite.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>SHA-256 of the heatmaps of the first volumes, by the volume's name, as <c>tonno run</c> makes them.</summary>
    internal async Task<IReadOnlyDictionary<string, string>> ReferenceAsync(string model, int volumes, int directions = Directions)
    {
        using var work = new Workplace();
        foreach (var source in Directory.EnumerateFiles(_folder["sources"]).Order(StringComparer.Ordinal).Take(volumes))
        {
            work.Write(Path.GetFileName(source), await File.ReadAllBytesAsync(source, Cancel));
        }

        var made = await TonnoProcess.RunAsync("run", "-i", work.In, "-m", model, "-o", work.Out, "-q", "--directions", $"{directions}", "--spacing", $"{Spacing}", "--pixel", $"{Spacing}");
        Assert.True(made.ExitCode == 0, made.ToString());
        var hashes = work.HeatmapHashes();
        Assert.Equal(volumes, hashes.Count);
        return hashes;
    }

    /// <summary>Returns when every node is up and knows all the others.</summary>
    internal Task ReadyAsync() => UntilAsync("all nodes are up", async () =>
    {
        foreach (var node in _nodes.Values)
        {
            if (!await node.IsReadyAsync())
            {
                return false;
            }
        }

        using var client = Client();
        return (await client.ClusterAsync(Cancel)).Nodes is { } nodes && nodes.Count == _nodes.Count && nodes.All(node => node is { Status: "up", Reachable: true });
    });

    /// <summary>A client of any coordinator that answers.</summary>
    internal ClusterClient Client(string coordinator = "coordinator-0") => new(new Uri($"http://127.0.0.1:{_nodes[coordinator].HttpPort}/"), "");

    /// <summary>Starts one node more.</summary>
    internal NodeProcess Join(string name)
    {
        var ports = FreePorts.Find(2);
        return Start(name, ports[0], ports[1], [int.Parse(_seeds.Split(',')[0].Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)]);
    }

    /// <summary>Forgets a node that has left for good.</summary>
    internal async Task ForgetAsync(string name)
    {
        _nodes.Remove(name, out var node);
        await node!.DisposeAsync();
    }

    /// <summary>Starts a node again that has left, in its old place.</summary>
    internal async Task StartAgainAsync(NodeProcess left)
    {
        await ForgetAsync(left.Name);
        Start(left.Name, _ports[left.Name], left.HttpPort, []);
    }

    /// <summary>Returns as soon as a node holds blocks of directions.</summary>
    internal Task HoldsBlocksAsync(string name) => UntilAsync(
        $"{name} holds blocks", async () => (await LeasesAsync()).Nodes.Any(node => IsOf(node, name)));

    private bool IsOf(EncodingNodeView node, string name) => node.Blocks > 0 && node.Address.EndsWith($":{_ports[name]}", StringComparison.Ordinal);

    /// <summary>Freezes a node with blocks of directions in its hands.</summary>
    internal async Task<NodeProcess> FrozenWithBlocksAsync(string name)
    {
        var node = _nodes[name];
        await UntilAsync($"{name} is frozen with blocks", async () =>
        {
            await HoldsBlocksAsync(name);
            node.Stop();
            // It may have sent what it had just before.
            if ((await LeasesAsync()).Nodes.Any(one => IsOf(one, name)))
            {
                return true;
            }

            node.Continue();
            return false;
        });
        return node;
    }

    /// <summary>Returns as soon as a reducer holds slabs that have a part of their rows: that reducer.</summary>
    internal async Task<NodeProcess> AccumulatesAsync()
    {
        NodeProcess? found = null;
        await UntilAsync("a reducer accumulates", async () =>
        {
            foreach (var node in _nodes.Values.Where(node => node.Name.StartsWith("recon", StringComparison.Ordinal)))
            {
                found ??= await node.MetricAsync("tonno_recon_slab_open") > 0 ? node : null;
            }

            return found is not null;
        });
        return found!;
    }

    /// <summary>Submits a run and returns when some of it is encoded. Until <see cref="Hurry"/> the store answers late: what a test aims at is there
    /// for seconds, and the run does not end before, however slow or fast the machine.</summary>
    internal async Task<ClusterRun> UnderWayAsync(string name)
    {
        await ReadyAsync();
        Proxy.Delay = TimeSpan.FromMilliseconds(100); // each piece, either way
        var run = await SubmitAsync(name);
        await UntilAsync("slices are encoded", async () => (await run.ViewAsync()).SlicesEncoded > 0);
        return run;
    }

    /// <summary>The store answers at once again.</summary>
    internal void Hurry() => Proxy.Delay = TimeSpan.Zero;

    /// <summary>Submits a run over copies of the volumes, named anew, so that no other run's results stand for them.</summary>
    /// <param name="model">Another than the one of the references.</param>
    /// <param name="also">A file that is an input too.</param>
    internal async Task<ClusterRun> SubmitAsync(string name, int volumes = Volumes, string? model = null, string? also = null, int directions = Directions)
    {
        var folder = _folder[$"runs/{name}"];
        Directory.CreateDirectory(folder);
        for (var at = 0; at < volumes; at++)
        {
            File.Copy(Path.Combine(_folder["sources"], $"v{at:D2}.nii.gz"), Path.Combine(folder, $"{name}-v{at:D2}.nii.gz"));
        }

        if (also is not null)
        {
            File.Copy(also, Path.Combine(folder, Path.GetFileName(also)));
        }

        RunView? submitted = null;
        await UntilAsync("the run is submitted", async () =>
        {
            using var client = Client(await AnsweringAsync());
            submitted = (await client.SubmitAsync(Order(name, folder, model ?? Model) with { Directions = directions }, Cancel)).Run;
            return true;
        });
        Assert.Equal(Math.Max(1, volumes + (also is null ? 0 : 1)), submitted!.Volumes); // a folder without any is an input that is refused
        return new ClusterRun(this, name, volumes);
    }

    /// <summary>Coarse slices, so that a volume takes a second or so.</summary>
    internal static RunOrder Order(string name, string folder, string model) =>
        new() { RunId = name, Sources = [folder], Model = model, Directions = Directions, SpacingMm = Spacing, PixelMm = Spacing };

    /// <summary>What the encoders have in their hands, once a coordinator tells.</summary>
    internal async Task<LeasesView> LeasesAsync()
    {
        LeasesView? leases = null;
        await UntilAsync("the leases are described", async () =>
        {
            using var client = Client(await AnsweringAsync());
            leases = (await client.ClusterAsync(Cancel)).Leases;
            return leases is not null;
        });
        return leases!;
    }

    /// <summary>A coordinator whose HTTP answers.</summary>
    internal async Task<string> AnsweringAsync()
    {
        string? found = null;
        await UntilAsync("a coordinator answers", async () =>
        {
            foreach (var (name, node) in _nodes.Where(node => node.Key.StartsWith("coordinator", StringComparison.Ordinal)))
            {
                if (await node.IsReadyAsync())
                {
                    found = name;
                    return true;
                }
            }

            return false;
        });
        return found!;
    }

    /// <summary>Name of the node that coordinates now, as the store's claim has it.</summary>
    internal async Task<NodeProcess> LeaderAsync()
    {
        var claim = (await Coordinator.Claims.CoordinatorClaim.FindAsync(Store, Cancel))!;
        var port = claim.Node[(claim.Node.LastIndexOf(':') + 1)..];
        return _nodes.Values.Single(node => _ports[node.Name].ToString(System.Globalization.CultureInfo.InvariantCulture) == port);
    }

    internal async Task<string> HashAsync(string path)
    {
        await using var stream = await Store.OpenReadAsync(path, Cancel);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Cancel));
    }

    internal async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        await Eventually.HoldsAsync(
            what,
            _patience,
            async () =>
            {
                try
                {
                    return await condition();
                }
                catch (Exception moving) when (moving is Tonno.Commands.CommandException or BlobStoreException)
                {
                    return false; // a node that goes or comes, or the store's faults
                }
            },
            Logs);
    }

    internal async Task<Outcome> CommandAsync(params string[] arguments) => await TonnoProcess.RunAsync(Identity(_azurite.Port), arguments);

    internal string StoreAddress => Address;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly Dictionary<string, int> _ports = [];
    private string _seeds = "";

    private NodeProcess Start(string name, int port, int httpPort, List<int> ports)
    {
        if (_seeds.Length == 0)
        {
            _seeds = $"localhost:{ports[0]},localhost:{ports[2]}"; // the coordinators, by names that are looked up
        }

        _ports[name] = port;
        return _nodes[name] = new NodeProcess(
            name,
            httpPort,
            [
                "--roles", name.Split('-')[0], "--store", Address, "--host", "localhost", "--option", "Cluster:Bind=127.0.0.1", "--port", $"{port}", "--seeds", _seeds, "--listen", $"127.0.0.1:{httpPort}", "--device", "cpu", "--encoders", "1",
                "--option", "Cluster:StableAfter=00:00:04", "--option", "Cluster:HeartbeatPause=00:00:04", "--option", "Coordinator:ReducerDeadline=00:00:05",
                "--option", "Coordinator:SlicesPerLease=500", "--option", $"Coordinator:LeaseDeadline={LeaseDeadline}", "--option", "Coordinator:ShortestLeaseDeadline=00:01:00", "--option", "Coordinator:ClaimRenewal=00:00:01", "--option", "Cluster:OrphanedAfter=00:00:10", "--option", "Cluster:JoinWithin=00:00:20",
            ],
            Identity(_proxy.Port),
            _folder[$"{name}.log"]);
    }

    private string Logs() => string.Join('\n', _nodes.Values.SelectMany(node => node.LastLines(12)));

    /// <summary>The smallest of the sample PET volumes.</summary>
    internal static IReadOnlyList<string> Sources(int volumes) =>
        [.. Directory.EnumerateDirectories(SharedData.Path("ibsi-sts/nifti")).Select(folder => Path.Combine(folder, "PET_image.nii.gz")).OrderBy(file => new FileInfo(file).Length).Take(volumes)];
}

/// <summary>A run of a test on the cluster.</summary>
internal sealed class ClusterRun(TestCluster cluster, string name, int volumes)
{
    /// <summary>In which the lease desk looks at deadlines once, on a busy machine, too.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(5);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async Task<RunView> ViewAsync()
    {
        RunView? view = null;
        await cluster.UntilAsync("the run is described", async () =>
        {
            using var client = cluster.Client(await cluster.AnsweringAsync());
            view = await client.RunAsync(name, Cancel);
            return true;
        });
        return view!;
    }

    /// <param name="control">As in the API: pause, resume.</param>
    public async Task ControlAsync(string control)
    {
        using var client = cluster.Client(await cluster.AnsweringAsync());
        await client.ControlAsync(name, control, Cancel);
    }

    /// <summary>Returns when the ledger has so many volumes completed, but not all: their entries, as they were written.</summary>
    public async Task<IReadOnlyDictionary<string, string>> LedgerAsync(int atLeast)
    {
        var entries = new Dictionary<string, string>();
        await cluster.UntilAsync($"{atLeast} volumes of {name} are in the ledger", async () =>
        {
            await foreach (var path in cluster.Store.ListAsync($".tonno/ledger/{name}-v", Cancel))
            {
                var text = System.Text.Encoding.UTF8.GetString((await cluster.Store.ReadAsync(path, Cancel)).Bytes.Span);
                if ((string?)JsonNode.Parse(text)!["state"] == "completed")
                {
                    entries[path] = text;
                }
            }

            return entries.Count >= atLeast;
        });
        Assert.InRange(entries.Count, atLeast, volumes - 1);
        return entries;
    }

    /// <summary>Returns where nobody has written those entries again: the volumes were not begun a second time.</summary>
    /// <param name="entries">As of <see cref="LedgerAsync"/>.</param>
    public async Task AssertUntouchedAsync(IReadOnlyDictionary<string, string> entries)
    {
        foreach (var (path, text) in entries)
        {
            Assert.Equal(text, System.Text.Encoding.UTF8.GetString((await cluster.Store.ReadAsync(path, Cancel)).Bytes.Span));
        }
    }

    /// <summary>Returns when the run has ended, all the while without a lease that is out for longer than it may be: its volumes.</summary>
    public async Task<IReadOnlyList<VolumeView>> EndedAsync()
    {
        await cluster.UntilAsync($"the run {name} is finished", async () =>
        {
            var leases = await cluster.LeasesAsync();
            var now = TimeProvider.System.GetUtcNow(); // the nodes' clock, too, but not the time that the desk counts for itself
            Assert.All(leases.LongestOut, block => Assert.True(
                block.DueAt <= block.HandedOutAt + TestCluster.LeaseDeadline && now <= block.DueAt + _lookEvery, $"at {now:O} there is still out: {block}"));
            return (await ViewAsync()).State == RunState.Finished;
        });
        using var client = cluster.Client(await cluster.AnsweringAsync());
        return await client.VolumesAsync(name, null, Cancel).ToListAsync(Cancel);
    }

    /// <summary>Returns when the run has ended, all its volumes completed once, with the bytes that a single process makes, and nothing else left.</summary>
    /// <param name="reference">As of <see cref="TestCluster.ReferenceAsync"/>; null: of the volumes and directions that runs have if nothing else is said.</param>
    public async Task AssertWholeAsync(IReadOnlyDictionary<string, string>? reference = null)
    {
        var list = await EndedAsync();
        Assert.All(list, volume => Assert.True(volume.State == VolumeState.Completed, $"{volume.VolumeId}: {volume.State} {volume.ReasonCode} {volume.Detail}"));
        Assert.Equal(volumes, list.Count);
        Assert.Equal(new RunCounts(volumes, 0, 0, 0, 0, 0), (await ViewAsync()).Counts);
        await AssertSameBytesAsync(reference ?? cluster.Reference);
        await AssertNothingLeftAsync();
    }

    /// <param name="reference">As of <see cref="TestCluster.ReferenceAsync"/>.</param>
    public async Task AssertSameBytesAsync(IReadOnlyDictionary<string, string> reference)
    {
        for (var at = 0; at < volumes; at++)
        {
            Assert.Equal(reference[$"v{at:D2}"], await cluster.HashAsync($"{name}-v{at:D2}/heatmap.nii.gz"));
        }
    }

    /// <summary>Returns when no lease is out, <c>tonno verify</c> finds every volume of the run whole, and nothing is under a temporary name.</summary>
    private async Task AssertNothingLeftAsync()
    {
        await cluster.UntilAsync("no lease is out", async () => (await cluster.LeasesAsync()).Blocks == 0);
        var verified = await cluster.CommandAsync("verify", cluster.StoreAddress, "--json");
        var findings = JsonNode.Parse(string.Concat(verified.Out))!["volumes"]!.AsArray()
            .Where(volume => ((string)volume!["volumeId"]!).StartsWith($"{name}-v", StringComparison.Ordinal))
            .Select(volume => (string?)volume!["finding"])
            .ToList();
        Assert.Equal(Enumerable.Repeat("whole", volumes), findings);
        Assert.Empty(await cluster.Store.ListAsync($".tonno/tasks/{name}-v", Cancel).ToListAsync(Cancel));
    }
}
