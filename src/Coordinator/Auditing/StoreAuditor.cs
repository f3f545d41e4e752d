using System.Runtime.CompilerServices;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>Re-checks a finished archive: the ledger against the results, and the SHA-256 of every file. Removes what was left under
/// temporary names of volumes that are done.</summary>
/// <remarks>Of an archive it holds the names of the volumes in memory and no more; a few volumes are read at once.</remarks>
public sealed class StoreAuditor(IBlobStore store)
{
    private const string TasksFolder = ".tonno/tasks/";

    /// <summary>Volumes that are read at once.</summary>
    private const int Readers = 8;

    /// <summary>Volumes whose findings wait for their turn.</summary>
    private const int Batch = 8 * Readers;

    private readonly HashSet<string> _ledger = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _leftovers = new(StringComparer.Ordinal);

    /// <summary>Files of writers that died, which the store kept for itself; set when all volumes are told.</summary>
    public int RemnantsRemoved { get; private set; }

    /// <summary>Temporary files of volumes that neither the ledger nor a result knows; they are kept.</summary>
    public int StrayLeftovers { get; private set; }

    /// <summary>The findings; those of results first, in the order of their names, then those of entries that have none.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async IAsyncEnumerable<VolumeAudit> AuditAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var batch in FoldersAsync(cancel).Where(folder => folder.HasResult || _ledger.Contains(folder.Name)).Chunk(Batch).ConfigureAwait(false))
        {
            foreach (var audit in await AuditAsync([.. batch.Select(folder => folder.Name)], cancel).ConfigureAwait(false))
            {
                seen.Add(audit.VolumeId.Value);
                yield return audit;
            }
        }

        foreach (var batch in _ledger.Where(name => !seen.Contains(name)).Order(StringComparer.Ordinal).Chunk(Batch))
        {
            foreach (var audit in await AuditAsync(batch, cancel).ConfigureAwait(false))
            {
                yield return audit;
            }
        }

        StrayLeftovers = _leftovers.Values.Sum();
        RemnantsRemoved = await store.RemoveRemnantsAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>The folders of the store in order; on the way to the first of them it learns what the ledger and the tasks hold.</summary>
    private async IAsyncEnumerable<Folder> FoldersAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        // Of the store's own folder only these are read: rows under .tonno/tasks/ may be many, the rest is none of ours.
        await foreach (var path in store.ListAsync(Ledger.Folder, cancel).ConfigureAwait(false))
        {
            if (Ledger.VolumeAt(path) is { } volume)
            {
                _ledger.Add(volume.Value);
            }
        }

        await foreach (var path in store.ListAsync(TasksFolder, cancel).ConfigureAwait(false))
        {
            var name = path[TasksFolder.Length..].Split('/', 2)[0];
            _leftovers[name] = _leftovers.GetValueOrDefault(name) + 1;
        }

        var current = new Folder("", false);
        await foreach (var path in store.ListAsync("", cancel).ConfigureAwait(false))
        {
            var slash = path.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0 || path.StartsWith(".tonno/", StringComparison.Ordinal))
            {
                continue;
            }

            var name = path[..slash];
            if (name != current.Name)
            {
                if (current.Name.Length > 0)
                {
                    yield return current;
                }

                current = new Folder(name, false);
            }

            current = current with { HasResult = current.HasResult || path.AsSpan(slash + 1).SequenceEqual(VolumeResult.FileName) };
        }

        if (current.Name.Length > 0)
        {
            yield return current;
        }
    }

    private async Task<VolumeAudit[]> AuditAsync(string[] names, CancellationToken cancel)
    {
        var audits = new VolumeAudit[names.Length];
        await Parallel.ForAsync(0, names.Length, new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancel }, async (at, token) =>
            audits[at] = await AuditAsync(names[at], token).ConfigureAwait(false)).ConfigureAwait(false);
        foreach (var name in names)
        {
            _leftovers.Remove(name);
        }

        return audits;
    }

    private async Task<VolumeAudit> AuditAsync(string name, CancellationToken cancel)
    {
        var (volume, listed) = (new VolumeId(name), _ledger.Contains(name));
        var result = await ResultFacts.ReadAsync(store, volume, cancel).ConfigureAwait(false);
        // After the result: an entry that says COMPLETED was written when the result stood.
        var entry = listed ? await Ledger.ReadAsync(store, volume, cancel).ConfigureAwait(false) : null;
        var audit = VolumeAudit.Of(volume, listed, entry, result);
        var leftovers = _leftovers.GetValueOrDefault(name);
        if (leftovers == 0 || audit.Finding != VolumeFinding.Whole)
        {
            return audit with { LeftoversKept = leftovers };
        }

        var removed = 0;
        await foreach (var path in store.ListAsync($"{TasksFolder}{name}/", cancel).ConfigureAwait(false))
        {
            await store.DeleteAsync(path, cancel).ConfigureAwait(false);
            removed++;
        }

        return audit with { LeftoversRemoved = removed };
    }

    private readonly record struct Folder(string Name, bool HasResult);
}
