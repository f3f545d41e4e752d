using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Bench;

/// <summary>What a soak left in its store.</summary>
internal sealed class SoakCheck(BenchCluster cluster, SoakOrders orders, SoakStream stream)
{
    private const string Tasks = ".tonno/tasks/";

    /// <summary>A folder as a store keeps what has no name yet for itself, and takes it for a dead writer's when it is a minute old.</summary>
    private static readonly TimeSpan _remnantAge = TimeSpan.FromSeconds(70);

    private readonly List<string> _notCompleted = [];
    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);
    private int _completed;
    private int _reused;
    private int _mismatched;

    /// <param name="lastKill">As <see cref="Stopwatch.GetTimestamp"/>.</param>
    public async Task<Findings> LookAsync(string address, IReadOnlyDictionary<string, string> identity, long lastKill)
    {
        foreach (var run in stream.Runs)
        {
            await LookAsync(run);
        }

        if (!BlobStores.IsAzure(address) && _remnantAge - Stopwatch.GetElapsedTime(lastKill) is { Ticks: > 0 } rest)
        {
            await Task.Delay(rest);
        }

        var before = await LeftOverAsync(address);
        var (code, said) = await BenchProcess.TonnoAsync(identity, "verify", address);
        var after = await LeftOverAsync(address);
        return new Findings(_completed, _reused, _notCompleted, _mismatched, before.Count, after.Count, code, $"{said}\n{string.Join('\n', after)}");
    }

    private async Task LookAsync(string run)
    {
        var counts = (await cluster.ViewAsync(run)).Counts;
        _reused += counts.Reused;
        var volumes = await cluster.VolumesAsync(run);
        var once = counts.Completed == SoakOrders.Volumes && counts.Total == SoakOrders.Volumes && volumes.Count == SoakOrders.Volumes;
        for (var at = 0; at < SoakOrders.Volumes; at++)
        {
            var id = SampleVolumes.IdOf(run, at);
            var volume = volumes.SingleOrDefault(volume => volume.VolumeId.Value == id);
            var result = await BenchResults.FindAsync(cluster.Store, id);
            if (once && volume?.State == VolumeState.Completed && result?.RunId.Value == run)
            {
                _completed++;
            }
            else
            {
                _notCompleted.Add($"{id}: {volume?.State} {volume?.ReasonCode} {volume?.Detail}; its run {counts}; result of {result?.RunId}");
            }

            _mismatched += await BenchResults.HeatmapHashAsync(cluster.Store, id) == orders.HashOf(at) ? 0 : 1;
            _expected.Add(VolumeResult.PathOf(new(id)));
            _expected.UnionWith(result?.Files.Keys.Select(name => VolumeResult.FolderOf(new(id)) + name) ?? []);
        }
    }

    /// <summary>Files of tasks, and files beside the results that none of them tells of.</summary>
    private async Task<List<string>> LeftOverAsync(string address)
    {
        var found = await cluster.Store.ListAsync(Tasks, CancellationToken.None).ToListAsync();
        await foreach (var path in cluster.Store.ListAsync("", CancellationToken.None))
        {
            if (!path.StartsWith(".tonno/", StringComparison.Ordinal) && !_expected.Contains(path))
            {
                found.Add(path);
            }
        }

        if (!BlobStores.IsAzure(address) && Path.Combine(address, BlobPaths.Temporary) is var own && Directory.Exists(own))
        {
            found.AddRange(Directory.EnumerateFiles(own));
        }

        return found;
    }

    /// <param name="Said">By <c>tonno verify</c>, and what is left over after it.</param>
    internal sealed record Findings(
        int Completed, int Reused, IReadOnlyList<string> NotCompleted, int Mismatched, int LeftOverBeforeVerify, int LeftOver, int VerifyExitCode, string Said);
}
