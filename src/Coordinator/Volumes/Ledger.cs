using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Where a volume stands, one small document each, written by compare-and-swap.</summary>
internal sealed record LedgerEntry
{
    public required VolumeId VolumeId { get; init; }

    public required RunId RunId { get; init; }

    public required VolumeState State { get; init; }

    public string ReasonCode { get; init; } = "";

    public string Detail { get; init; } = "";

    /// <summary>How often work on the volume was begun.</summary>
    public int Attempts { get; init; }

    public string WorkKey { get; init; } = "";

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>The state of every volume of a store.</summary>
internal sealed class Ledger(IBlobStore store, TimeProvider time)
{
    /// <summary>Replaces a volume's entry by what <paramref name="change"/> makes of it; repeated where another writer came between.</summary>
    public async Task RecordAsync(VolumeId volume, Func<LedgerEntry?, LedgerEntry> change, CancellationToken cancel)
    {
        while (true)
        {
            var (entry, condition) = await ReadAsync(volume, cancel).ConfigureAwait(false);
            var bytes = Documents.ToBytes(change(entry) with { UpdatedAt = time.GetUtcNow() });
            try
            {
                await store.WriteAsync(PathOf(volume), bytes, condition, cancel).ConfigureAwait(false);
                return;
            }
            catch (BlobStoreException overtaken) when (overtaken.Error == BlobStoreError.ConditionFailed)
            {
                // Read again what the other writer left.
            }
        }
    }

    internal static string PathOf(VolumeId volume) => $".tonno/ledger/{volume}.json";

    private async Task<(LedgerEntry? Entry, WriteCondition Condition)> ReadAsync(VolumeId volume, CancellationToken cancel)
    {
        try
        {
            var blob = await store.ReadAsync(PathOf(volume), cancel).ConfigureAwait(false);
            return (Documents.TryParse<LedgerEntry>(blob.Bytes.Span), WriteCondition.IfMatch(blob.ETag));
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return (null, WriteCondition.IfAbsent);
        }
    }
}
