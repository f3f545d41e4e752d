using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>Removes from a store what was only there to try it.</summary>
public static class StoreRemoval
{
    /// <summary>Removes results, work under way and ledger entries of volumes, and the documents of runs, which have ended.</summary>
    /// <param name="volumes">How the volumes' names begin.</param>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task RemoveAsync(IBlobStore store, IEnumerable<string> volumes, IEnumerable<RunId> runs, CancellationToken cancel)
    {
        foreach (var prefix in volumes.SelectMany(name => new[] { name, $".tonno/tasks/{name}", Ledger.Folder + name }).Concat(runs.Select(run => $"{RunDocument.Folder}{run}/")))
        {
            await foreach (var path in store.ListAsync(prefix, cancel).ConfigureAwait(false))
            {
                await store.DeleteAsync(path, cancel).ConfigureAwait(false);
            }
        }
    }
}
