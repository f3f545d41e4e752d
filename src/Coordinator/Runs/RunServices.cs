using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Runs;

/// <summary>What a run's actor works with.</summary>
/// <param name="Epoch">The coordinator's.</param>
internal sealed record RunServices(RunRegistry Registry, long Epoch, VolumeServices Volumes)
{
    public CoordinatorOptions Options => Volumes.Options;
}
