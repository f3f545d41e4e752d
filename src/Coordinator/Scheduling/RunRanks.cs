using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>How the runs stand that are under way, as they have told it.</summary>
internal sealed class RunRanks
{
    private readonly Dictionary<RunId, VolumeProtocol.RunStands> _runs = [];

    public void Stands(VolumeProtocol.RunStands stands) => _runs[stands.RunId] = stands;

    public void Ended(RunId run) => _runs.Remove(run);

    /// <summary>The higher the earlier.</summary>
    public (bool Active, int Priority) Of(RunId run) => _runs.TryGetValue(run, out var stands) ? (!stands.Held, stands.Priority) : default;
}
