using System.Collections.Immutable;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Runs;

/// <summary>How far a run is: the volumes in work by name, the others as numbers. Pure.</summary>
internal sealed record RunProgress(
    int Volumes,
    RunCounts Counts,
    ImmutableHashSet<VolumeId> InWork,
    ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced> Active,
    long SlicesEncoded)
{
    public bool Finished => Counts.Total == Volumes;

    public static RunProgress Of(int volumes) => new(volumes, default, [], ImmutableDictionary<VolumeId, VolumeProtocol.VolumeAdvanced>.Empty, 0);

    public bool IsInWork(VolumeId volume) => InWork.Contains(volume);

    public RunProgress Started(VolumeId volume) => this with { InWork = InWork.Add(volume) };

    public RunProgress Advanced(VolumeProtocol.VolumeAdvanced advanced) => this with
    {
        Active = Active.SetItem(advanced.VolumeId, advanced),
        SlicesEncoded = SlicesEncoded + advanced.SlicesEncoded,
    };

    public RunProgress Concluded(VolumeId volume, VolumeState state, bool reused) => this with
    {
        Counts = Counts.Add(state, reused),
        InWork = InWork.Remove(volume),
        Active = Active.Remove(volume),
    };

    /// <summary>Volumes that an earlier coordinator took to their ends.</summary>
    public RunProgress Found(IEnumerable<VolumeState> ended) => this with { Counts = ended.Aggregate(Counts, (counts, state) => counts.Add(state, reused: false)) };

    public double Fraction => Volumes == 0 ? 1 : (Counts.Total + Active.Values.Sum(volume => volume.LeasesDone / (volume.Leases + 1.0))) / Volumes;

    public RunProtocol.RunProgressed ToMessage(RunId run) => new(run, Volumes, Counts.Total, Fraction, SlicesEncoded);

    public RunProtocol.RunDescribed Describe(RunDocument run) =>
        new(run.RunId, run.State, run.Priority, run.SubmittedAt, Volumes, Counts, InWork.Count, Fraction, SlicesEncoded);
}
