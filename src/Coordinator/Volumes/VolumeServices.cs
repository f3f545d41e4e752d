using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>What a volume's actor works with.</summary>
internal sealed record VolumeServices(
    IVolumeInspector Inspector,
    Ledger Ledger,
    IBlobStore Store,
    IActorRef LeaseDesk,
    IActorRef SlabRegion,
    IActorRef PublisherRegion,
    CoordinatorOptions Options,
    TimeProvider Time)
{
    /// <summary>Epoch of the process that had the store before and ended without a word, with all its volumes; null where there was none, or
    /// where volumes are worked on in other processes than the coordinator's.</summary>
    public long? DiedEpoch { get; init; }

    /// <summary>Mark of the store, by which nodes tell it from another; null where all is done in one process.</summary>
    public string? StoreMark { get; init; }

    /// <summary>Where runs take turns at a volume: <see cref="VolumeGateActor"/>.</summary>
    public required IActorRef Gate { get; init; }

    /// <summary>Where volumes are let into work: <see cref="Scheduling.AdmissionActor"/>.</summary>
    public required IActorRef Admission { get; init; }

    /// <summary>Removes rows and slabs, which the published result has made superfluous; of other volumes they stay, for the next try.</summary>
    public async Task ClearAsync(VolumeId volume, CancellationToken cancel)
    {
        try
        {
            await foreach (var path in Store.ListAsync($".tonno/tasks/{volume}/", cancel).ConfigureAwait(false))
            {
                await Store.DeleteAsync(path, cancel).ConfigureAwait(false);
            }
        }
        catch (BlobStoreException)
        {
            // The result stands. What is left over goes when a later run finds it done.
        }
    }
}
