using Akka.Actor;
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
    TimeProvider Time);
