using System.Globalization;
using ToNNO.Coordinator.Api;
using ToNNO.Encoders;
using ToNNO.Encoders.Networks;

namespace ToNNO.Bench;

/// <summary>What a second slice node adds: the same volumes by a cluster with one and by a cluster with two, in turns. Each is of real
/// processes, one of them coordinator and reducer; the other is frozen meanwhile, and each turn begins with a volume for each slice node that
/// is not counted.</summary>
/// <remarks>A turn is from submission to the last volume's end, so that the time is in it when only one node has something left to do.
/// Coordinator and reducer have no core of their own, as little as whatever else runs on the machine: how long the encoders' threads
/// waited for a core is told, too.</remarks>
internal static class ClusterScalingBench
{
    private const string One = "one", Two = "two";
    private const int Directions = 96;

    /// <summary>Of what only warms up the encoders.</summary>
    private const int FewDirections = 16;

    /// <summary>Turns whose slices are summed, not encoded, before all else: by then what coordinator and reducer do is compiled.</summary>
    private const int RehearsalTurns = 3;

    private const double SpacingMm = 8;
    private const double PixelMm = 1.5;

    private static readonly string[] _options =
    [
        // A turn is short; with leases of the usual five seconds chance would decide who has the last.
        "Coordinator:LeaseAim=00:00:01",
        // Those who were frozen are not to take each other for dead.
        "Cluster:HeartbeatPause=00:10:00",
    ];

    /// <param name="arguments">Volumes of a turn; turns of each cluster.</param>
    public static object Measure(string[] arguments)
    {
        int Argument(int at, int otherwise) => at < arguments.Length ? int.Parse(arguments[at], CultureInfo.InvariantCulture) : otherwise;
        return MeasureAsync(Argument(0, 4), Argument(1, 1)).GetAwaiter().GetResult();
    }

    private static async Task<object> MeasureAsync(int volumes, int turnsOfEach)
    {
        using var folder = new BenchFolder(inMemory: true);
        BenchModel.Save(folder["model"], EncoderPrecision.Fp32);
        await using var one = await StartAsync(folder, One, volumes, ["coordinator,recon-0", "slice-0"]);
        await using var two = await StartAsync(folder, Two, volumes, ["coordinator,recon-0", "slice-0", "slice-1"]);
        var (turns, hashes) = (new List<Turn>(), new HashSet<string>(StringComparer.Ordinal));
        for (var at = 0; at < 2 * turnsOfEach; at++)
        {
            var (cluster, name) = at % 2 == 0 ? (one, One) : (two, Two);
            var nodes = cluster.Nodes.Count(IsSlice);
            cluster.Thaw();
            await RunAsync(folder, cluster, $"{name}-{at}-warm", folder["model"], nodes, FewDirections);
            var run = $"{name}-{at}";
            var (times, threads) = (ProcessorTimes(cluster), Threads(cluster));
            var seconds = await RunAsync(folder, cluster, run, folder["model"], volumes, Directions);
            var spent = ProcessorTimes(cluster).ToDictionary(role => role.Key, role => role.Value - times[role.Key]);
            var encoders = Threads(cluster).Zip(threads, EncoderThread).ToList();
            var (slices, bytes) = await LookAsync(cluster, run, volumes);
            cluster.Freeze();
            hashes.Add(bytes);
            turns.Add(new Turn(nodes, seconds, slices, spent, encoders.Average(thread => thread.OnCore), encoders.Average(thread => thread.Queued)));
            Console.Error.WriteLine(FormattableString.Invariant(
                $"{nodes} slice nodes: {volumes} volumes in {seconds:F1} s, {turns[^1].SlicesPerSecond:F0} slices/s; encoders waited {turns[^1].EncoderQueuedSeconds:F1} s for a core"));
        }

        if (hashes.Count != 1)
        {
            throw new InvalidOperationException("The heatmaps of one node and of two are not the same.");
        }

        var (alone, together) = (turns.Where(turn => turn.Nodes == 1).ToList(), turns.Where(turn => turn.Nodes == 2).ToList());
        return new Report(
            Environment.ProcessorCount,
            volumes,
            Directions,
            turns[0].Slices,
            alone.Sum(turn => turn.Seconds) / together.Sum(turn => turn.Seconds),
            alone.Min(turn => turn.Seconds) / together.Min(turn => turn.Seconds),
            alone.Sum(turn => turn.SecondsWithoutQueueing) / together.Sum(turn => turn.SecondsWithoutQueueing),
            turns);
    }

    private static async Task<BenchCluster> StartAsync(BenchFolder folder, string name, int volumes, IReadOnlyList<string> nodes)
    {
        var logs = folder[$"{name}-logs"];
        Directory.CreateDirectory(logs);
        var cluster = new BenchCluster(logs, folder[$"{name}-store"], new Dictionary<string, string>(), nodes, _options);
        await cluster.ReadyAsync();
        // What is compiled and loaded once, and not measured.
        for (var turn = 0; turn < RehearsalTurns; turn++)
        {
            await RunAsync(folder, cluster, $"{name}-rehearsal-{turn}", SumEncoder.ModelName, volumes, Directions);
        }

        await RunAsync(folder, cluster, $"{name}-first", folder["model"], 2 * nodes.Count, FewDirections);
        cluster.Freeze();
        return cluster;
    }

    /// <returns>Seconds from submission to the last volume's end, as the ledger has it.</returns>
    private static async Task<double> RunAsync(BenchFolder folder, BenchCluster cluster, string run, string model, int volumes, int directions)
    {
        SampleVolumes.Copy(folder[run], run, volumes);
        var order = new RunOrder { RunId = run, Sources = [folder[run]], Model = model, Directions = directions, SpacingMm = SpacingMm, PixelMm = PixelMm };
        var begun = TimeProvider.System.GetUtcNow();
        await cluster.SubmitAsync(order);
        var ended = await cluster.EndedAsync(run);
        return ended.Counts.Completed == volumes
            ? ((await cluster.VolumesAsync(run)).Max(volume => volume.UpdatedAt)!.Value - begun).TotalSeconds
            : throw new InvalidOperationException($"Not all volumes were completed: {ended.Counts}.\n{cluster.LastLines()}");
    }

    /// <returns>Slices that were encoded, and the hashes of all heatmaps.</returns>
    private static async Task<(long Slices, string Hashes)> LookAsync(BenchCluster cluster, string run, int volumes)
    {
        var (slices, hashes) = (0L, new List<string>());
        for (var at = 0; at < volumes; at++)
        {
            var volume = SampleVolumes.IdOf(run, at);
            slices += (await BenchResults.FindAsync(cluster.Store, volume))!.Slices.Encoded;
            hashes.Add(await BenchResults.HeatmapHashAsync(cluster.Store, volume));
        }

        return (slices, string.Join(' ', hashes));
    }

    private static bool IsSlice(Tests.Support.NodeProcess node) => BenchCluster.RoleOf(node.Name) == "slice";

    /// <summary>Processor seconds so far, by role.</summary>
    private static Dictionary<string, double> ProcessorTimes(BenchCluster cluster) => cluster.Nodes.GroupBy(node => BenchCluster.RoleOf(node.Name)).ToDictionary(
        role => role.Key, role => role.Sum(node => BenchProcess.ProcessorTime(node.Id).TotalSeconds));

    /// <summary>Of each slice node.</summary>
    private static List<Dictionary<string, (double OnCore, double Queued)>> Threads(BenchCluster cluster) =>
        [.. cluster.Nodes.Where(IsSlice).Select(node => BenchProcess.Threads(node.Id))];

    /// <summary>What the thread that encodes, the busiest by far, did between two looks at all.</summary>
    private static (double OnCore, double Queued) EncoderThread(
        Dictionary<string, (double OnCore, double Queued)> after, Dictionary<string, (double OnCore, double Queued)> before) => after
        .Select(thread => (Now: thread.Value, Then: before.GetValueOrDefault(thread.Key)))
        .Select(thread => (OnCore: thread.Now.OnCore - thread.Then.OnCore, Queued: thread.Now.Queued - thread.Then.Queued))
        .MaxBy(thread => thread.OnCore);

    /// <param name="Ratio">By the clock, of all turns.</param>
    /// <param name="RatioOfTheBest">What others on the machine take, they take now from the one, now from the other.</param>
    /// <param name="RatioWithoutQueueing">As if each encoder had a core to itself.</param>
    private sealed record Report(
        int Cores, int VolumesATurn, int Directions, long SlicesATurn, double Ratio, double RatioOfTheBest, double RatioWithoutQueueing, IReadOnlyList<Turn> Turns) : ICheckedReport
    {
        /// <summary>What a second node must add, to a cluster that loses nothing between its nodes.</summary>
        private const double Least = 1.85;

        public bool Whole => Ratio > Least;
    }

    /// <param name="Nodes">Slice nodes.</param>
    /// <param name="ProcessorSeconds">By role.</param>
    /// <param name="EncoderSeconds">That a slice node's encoding thread was on a core. Of the turn, what is in neither this nor the next it
    /// waited for something to do.</param>
    /// <param name="EncoderQueuedSeconds">That it was ready to run and others had the cores.</param>
    private sealed record Turn(
        int Nodes, double Seconds, long Slices, IReadOnlyDictionary<string, double> ProcessorSeconds, double EncoderSeconds, double EncoderQueuedSeconds)
    {
        public double SlicesPerSecond => Slices / Seconds;

        public double SecondsWithoutQueueing => Seconds - EncoderQueuedSeconds;
    }
}
