using System.Globalization;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Bench;

/// <summary>A cluster of six processes under a steady stream of runs, of which one after the other is killed and comes back: is every
/// volume completed once, with the bytes that a single process makes, and nothing left behind?</summary>
internal static class SoakBench
{
    private const string Folder = "folder", Emulator = "azurite";

    /// <summary>Nodes that live all the while: whether a life's memory stays flat shows in none that is killed after two minutes. Of the coordinators none
    /// is spared, since it would lead from then on.</summary>
    private static readonly string[] _spared = ["slice-1", "recon-1"];

    /// <param name="arguments">Minutes; azurite or folder, the store; seconds between kills; seed of who is killed.</param>
    public static object Measure(string[] arguments)
    {
        double Argument(int at, double otherwise) => at < arguments.Length ? double.Parse(arguments[at], CultureInfo.InvariantCulture) : otherwise;
        var store = arguments.Length > 1 ? arguments[1] : Emulator;
        return store is Folder or Emulator
            ? MeasureAsync(store, TimeSpan.FromMinutes(Argument(0, 15)), TimeSpan.FromSeconds(Argument(2, 20)), (int)Argument(3, 1)).GetAwaiter().GetResult()
            : throw new ArgumentException($"The store is {Emulator} or {Folder}, not {store}.");
    }

    private static async Task<SoakReport> MeasureAsync(string store, TimeSpan time, TimeSpan killEvery, int seed)
    {
        using var folder = new BenchFolder();
        if (store == Folder)
        {
            return await MeasureAsync(folder, folder["store"], new Dictionary<string, string>(), null, time, killEvery, seed);
        }

        await using var azurite = new AzuriteServer();
        await azurite.InitializeAsync();
        var identity = new Dictionary<string, string> { ["AZURE_STORAGE_CONNECTION_STRING"] = azurite.ConnectionString };
        return await MeasureAsync(folder, $"{BlobStores.Scheme}{AzuriteServer.NewContainer()}", identity, azurite, time, killEvery, seed);
    }

    private static async Task<SoakReport> MeasureAsync(
        BenchFolder folder, string address, IReadOnlyDictionary<string, string> identity, AzuriteServer? azurite, TimeSpan time, TimeSpan killEvery, int seed)
    {
        var logs = folder["logs"];
        Directory.CreateDirectory(logs);
        var orders = new SoakOrders(folder);
        await orders.MakeReferenceAsync();
        var memory = new PeakMemory(time);
        await using var cluster = new BenchCluster(logs, address, identity, ["coordinator-0", "coordinator-1", "slice-0", "slice-1", "recon-0", "recon-1"]);
        await cluster.ReadyAsync();
        var (stream, killer) = (new SoakStream(cluster, orders, time), new SoakKiller(cluster, _spared, time, killEvery, seed));
        using var over = new CancellationTokenSource();
        var (killing, watching) = (killer.RunAsync(), WatchAsync(memory, cluster, azurite, over.Token));
        await stream.RunAsync();
        await killing;
        await over.CancelAsync();
        await watching;
        var findings = await new SoakCheck(cluster, orders, stream).LookAsync(address, identity, killer.LastKill);
        var report = new SoakReport(
            azurite is null ? Folder : Emulator,
            seed,
            stream.Runs.Count,
            stream.Volumes,
            killer.Kills,
            killer.OtherEnds(),
            stream.Elapsed.TotalSeconds,
            time.TotalSeconds,
            findings.Completed,
            findings.Reused,
            findings.NotCompleted,
            findings.Mismatched,
            findings.LeftOverBeforeVerify,
            findings.LeftOver,
            findings.VerifyExitCode,
            stream.LongestPause.TotalSeconds,
            memory.ByKind());
        if (!report.Whole)
        {
            var kept = Directory.CreateTempSubdirectory("tonno-soak-").FullName;
            foreach (var log in Directory.EnumerateFiles(logs))
            {
                File.Copy(log, Path.Combine(kept, Path.GetFileName(log)));
            }

            Console.Error.WriteLine($"Not whole; what the nodes said is in {kept}.\n{findings.Said}");
        }

        return report;
    }

    private static async Task WatchAsync(PeakMemory memory, BenchCluster cluster, AzuriteServer? azurite, CancellationToken over)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!over.IsCancellationRequested)
        {
            var at = TimeProvider.System.GetElapsedTime(begun);
            foreach (var node in cluster.Nodes.Where(node => _spared.Contains(node.Name) || BenchCluster.RoleOf(node.Name) == "coordinator"))
            {
                memory.Note(BenchCluster.RoleOf(node.Name), at, BenchProcess.ResidentBytes(node.Id));
            }

            if (azurite is not null)
            {
                memory.Note(Emulator, at, BenchProcess.ResidentBytes(azurite.Id));
            }

            await Task.Delay(TimeSpan.FromSeconds(1), over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
