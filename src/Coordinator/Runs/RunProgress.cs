using System.Collections.Immutable;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Runs;

/// <summary>Which volumes of a run wait, run and are done. Pure.</summary>
internal sealed record RunProgress(
    int Volumes,
    int StartedVolumes,
    ImmutableHashSet<VolumeId> Open,
    ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced> Active,
    long SlicesEncoded)
{
    public static RunProgress Empty { get; } = new(0, 0, [], ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced>.Empty, 0);

    public int ConcludedVolumes => Volumes - Open.Count;

    /// <summary>Volumes that have an actor.</summary>
    public int Running => StartedVolumes - ConcludedVolumes;

    /// <summary>Position of the next volume to start, or null when all are.</summary>
    public int? NextWaiting => StartedVolumes < Volumes ? StartedVolumes : null;

    public bool Finished => Open.IsEmpty;

    public static RunProgress Of(IEnumerable<VolumeId> volumes)
    {
        var open = volumes.ToImmutableHashSet();
        return Empty with { Volumes = open.Count, Open = open };
    }

    public bool IsOpen(VolumeId volume) => Open.Contains(volume);

    public RunProgress Started() => this with { StartedVolumes = StartedVolumes + 1 };

    public RunProgress Advanced(VolumeProtocol.VolumeAdvanced advanced) => this with
    {
        Active = Active.SetItem(advanced.VolumeId, advanced),
        SlicesEncoded = SlicesEncoded + advanced.SlicesEncoded,
    };

    public RunProgress Concluded(VolumeId volume) => this with
    {
        Open = Open.Remove(volume),
        Active = Active.Remove(volume),
    };

    public RunProtocol.RunProgressed ToMessage(RunId run) => new(
        run,
        Volumes,
        ConcludedVolumes,
        Volumes == 0 ? 1 : (ConcludedVolumes + Active.Values.Sum(volume => volume.LeasesDone / (volume.Leases + 1.0))) / Volumes,
        SlicesEncoded);
}
