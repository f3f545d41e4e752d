using System.Runtime.CompilerServices;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>Which volumes are to be tried again.</summary>
/// <param name="Volumes">Only these; empty for all.</param>
/// <param name="Reason">Only those of this reason code; null for all.</param>
/// <param name="Failed">Failed ones as well as quarantined ones.</param>
public sealed record RequeueOrder(IReadOnlyCollection<VolumeId> Volumes, string? Reason, bool Failed)
{
    internal bool Takes(LedgerEntry? entry) =>
        entry is not null
        && (entry.State == VolumeState.Quarantined || (Failed && entry.State == VolumeState.Failed))
        && (Reason is null || entry.ReasonCode == Reason);
}

/// <param name="Done">False where it was left as it is.</param>
/// <param name="State">Where it stood; null where the ledger does not know it.</param>
public sealed record RequeuedVolume(VolumeId VolumeId, bool Done, VolumeState? State, string? ReasonCode, string? Detail);

/// <summary>Puts volumes that were set aside back into the queue, with a clean record: <c>SCHEDULED</c>, for the next run to take.</summary>
public sealed class Requeue(IBlobStore store, TimeProvider time)
{
    /// <summary>Volumes that were put back; of those that the order names also those that were not.</summary>
    /// <exception cref="BlobStoreException">The store failed, or a coordinator took over meanwhile.</exception>
    public async IAsyncEnumerable<RequeuedVolume> RunAsync(RequeueOrder order, [EnumeratorCancellation] CancellationToken cancel)
    {
        // In the name of whoever coordinates: what it has written is not overwritten by an older one, and what it writes next counts.
        var epoch = (await CoordinatorClaim.FindAsync(store, cancel).ConfigureAwait(false))?.Epoch ?? CoordinatorClaim.EpochOf(time);
        var ledger = new Ledger(store, time, epoch);
        var volumes = order.Volumes.Count > 0 ? order.Volumes.ToAsyncEnumerable() : Ledger.VolumesAsync(store, cancel);
        await foreach (var volume in volumes.ConfigureAwait(false))
        {
            var former = await Ledger.ReadAsync(store, volume, cancel).ConfigureAwait(false);
            var done = order.Takes(former) && await PutBackAsync(ledger, order, volume, cancel).ConfigureAwait(false);
            if (done || order.Volumes.Count > 0)
            {
                yield return new RequeuedVolume(volume, done, former?.State, former?.ReasonCode, former?.Detail);
            }
        }
    }

    private static async Task<bool> PutBackAsync(Ledger ledger, RequeueOrder order, VolumeId volume, CancellationToken cancel)
    {
        try
        {
            var entry = await ledger.RecordAsync(
                volume,
                // Another writer may have come between: then what it wrote stays.
                former => order.Takes(former)
                    ? former! with { State = VolumeState.Scheduled, ReasonCode = "", Detail = "", Attempts = 0, Deaths = null }
                    : former ?? throw new BlobStoreException(BlobStoreError.NotFound, $"The ledger's entry of {volume} is gone."),
                cancel).ConfigureAwait(false);
            return entry.State == VolumeState.Scheduled;
        }
        catch (SupersededException later)
        {
            throw new BlobStoreException(BlobStoreError.Unavailable, "A coordinator took over meanwhile; ask again.", later);
        }
    }
}
