using System.Collections.Immutable;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Runs;

/// <summary>How far a run is: the volumes in work by name, the others as numbers. Pure.</summary>
/// <param name="Awaited">Those in work that wait for other runs, which are at them.</param>
internal sealed record RunProgress(
    int Volumes,
    RunCounts Counts,
    ImmutableHashSet<VolumeId> InWork,
    ImmutableHashSet<VolumeId> Awaited,
    ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced> Active,
    long SlicesEncoded)
{
    public bool Finished => Counts.Total == Volumes;

    public static RunProgress Of(int volumes) => new(volumes, default, [], [], ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced>.Empty, 0);

    public bool IsInWork(VolumeId volume) => InWork.Contains(volume);

    public RunProgress Started(VolumeId volume) => this with { InWork = InWork.Add(volume) };

    public RunProgress TurnAwaited(VolumeId volume) => this with { Awaited = Awaited.Add(volume) };

    public RunProgress TurnCame(VolumeId volume) => this with { Awaited = Awaited.Remove(volume) };

    /// <summary>A volume is in work no longer, and not at its end.</summary>
    public RunProgress PutBack(VolumeId volume) => this with { InWork = InWork.Remove(volume), Awaited = Awaited.Remove(volume), Active = Active.Remove(volume) };

    public RunProgress Advanced(VolumeProtocol.VolumeAdvanced advanced) => this with
    {
        Active = Active.SetItem(advanced.VolumeId, advanced),
        SlicesEncoded = SlicesEncoded + advanced.SlicesEncoded,
    };

    public RunProgress Concluded(VolumeId volume, VolumeState state, bool reused) => PutBack(volume) with { Counts = Counts.Add(state, reused) };

    /// <summary>Volumes that an earlier coordinator took to their ends.</summary>
    public RunProgress Found(RunCounts ended) => this with { Counts = Counts.Add(ended) };

    public double Fraction => Volumes == 0 ? 1 : (Counts.Total + Active.Values.Sum(volume => volume.LeasesDone / (volume.Leases + 1.0))) / Volumes;

    public RunProtocol.RunProgressed ToMessage(RunId run) => new(run, Volumes, Counts.Total, Fraction, SlicesEncoded);

    public RunProtocol.RunDescribed Describe(RunDocument run) =>
        new(run.RunId, run.State, run.Priority, run.SubmittedAt, Volumes, Counts, InWork.Count - Awaited.Count, Fraction, SlicesEncoded, Awaited.Count);
}
