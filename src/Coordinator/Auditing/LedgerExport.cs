using System.Runtime.CompilerServices;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>Where a volume stands, for a table.</summary>
/// <param name="State">Null where the ledger's entry cannot be read.</param>
/// <param name="RunId">The run that took it last; null where none has begun.</param>
/// <param name="Sources">What it is read from, where a run is told; parted by spaces.</param>
/// <param name="TraceId">The trace of the latest work on it.</param>
/// <param name="Label">What the run's manifest says of it, of a whole store that of the run that took it last; null where it says nothing.</param>
public sealed record LedgerRow(
    VolumeId VolumeId, VolumeState? State, string ReasonCode, string Detail, RunId? RunId, int Attempts, string WorkKey, DateTimeOffset? UpdatedAt, string? Sources, string? TraceId = null, string? Label = null);

/// <summary>The ledger as a table: of a whole store, or of one run with all its inputs, those too that nobody has begun with.</summary>
/// <remarks>Holds a few hundred rows in memory, however large the archive.</remarks>
public sealed class LedgerExport(IBlobStore store, TimeProvider time)
{
    private const int Batch = 256;

    private readonly Ledger _ledger = new(store, time, epoch: 0);
    private readonly RunRegistry _registry = new(store);

    /// <summary>A row for each entry of the ledger, in the order of the volumes' names.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async IAsyncEnumerable<LedgerRow> RowsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var volumes in Ledger.VolumesAsync(store, cancel).Chunk(Batch).ConfigureAwait(false))
        {
            var entries = await _ledger.FindAsync(volumes, cancel).ConfigureAwait(false);
            foreach (var (volume, entry) in volumes.Zip(entries))
            {
                yield return Row(volume, entry, null);
            }
        }
    }

    /// <summary>A row for each input of a run, in the run's order, as the ledger has it now: another run may have taken it since, or before.</summary>
    /// <exception cref="BlobStoreException">The store failed, or has no such run.</exception>
    public async IAsyncEnumerable<LedgerRow> RowsAsync(RunId run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var document = await _registry.ReadAsync(run, cancel).ConfigureAwait(false)
            ?? throw new BlobStoreException(BlobStoreError.NotFound, $"The document of run {run} is none that this program wrote.");
        for (var page = 0; page < document.PageCount; page++)
        {
            foreach (var (input, entry) in await _registry.ReadPageAsync(document, page, _ledger, cancel).ConfigureAwait(false))
            {
                var sources = string.Join(' ', input.Uris);
                var row = entry is null ? new LedgerRow(input.VolumeId, document.UnbegunState, "", "", null, 0, "", null, sources) : Row(input.VolumeId, entry, sources);
                yield return row with { Label = input.Label };
            }
        }
    }

    private static LedgerRow Row(VolumeId volume, LedgerEntry? entry, string? sources) => entry is null
        ? new(volume, null, "ledger.unreadable", "The ledger's entry cannot be read.", null, 0, "", null, sources)
        : new(volume, entry.State, entry.ReasonCode, entry.Detail, entry.RunId, entry.Attempts, entry.WorkKey, entry.UpdatedAt, sources, entry.TraceId, entry.Label);
}
