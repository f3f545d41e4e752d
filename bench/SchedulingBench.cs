using System.Globalization;
using System.Text.Json.Serialization;

namespace ToNNO.Bench;

/// <summary>The scheduler against simulated encoders in virtual time: how busy they are, how often volumes are read, how long a small run
/// takes beside a large one, and what nodes that die cost.</summary>
internal static class SchedulingBench
{
    private const int SmallRun = 10;

    private static readonly int[] _encoders = [1, 10, 100, 1000];

    /// <param name="arguments">Optionally the number of volumes.</param>
    public static object Measure(string[] arguments)
    {
        var volumes = arguments is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 100_000;
        return new Report(
            volumes,
            Directions: 400,
            [.. _encoders.Select(encoders => Of(new SimulatedCluster(encoders, volumes)))],
            OneEncoderToANode: Of(new SimulatedCluster(1000, volumes) { EncodersPerNode = 1 }),
            FewVolumes: Of(new SimulatedCluster(1000, 100)),
            SmallRunOfTenAlone: Of(new SimulatedCluster(100, 0) { SmallRun = SmallRun }),
            SmallRunOfTenBesideALargeOne: Of(new SimulatedCluster(100, Math.Min(volumes, 20_000)) { SmallRun = SmallRun }),
            SmallRunOfTenUrgentBesideALargeOne: Of(new SimulatedCluster(100, Math.Min(volumes, 20_000)) { SmallRun = SmallRun, SmallPriority = 1 }),
            ANodeDiesEvery20S: Of(new SimulatedCluster(1000, volumes) { DeathEvery = TimeSpan.FromSeconds(20) }));
    }

    private static Case Of(SimulatedCluster cluster)
    {
        var begun = BenchRun.CpuTime();
        cluster.Run();
        var cpu = BenchRun.CpuTime() - begun;
        return new Case(
            cluster.Encoders,
            cluster.Volumes,
            cluster.Finished,
            cluster.Now / 3600,
            cluster.Busy,
            cluster.BusyUntilLastBegan,
            (double)cluster.Downloads / Math.Max(1, cluster.Finished),
            (double)cluster.Blocks / Math.Max(1, cluster.Leases),
            cluster.SmallRunSeconds,
            cluster.Deaths,
            cluster.GivenWay,
            cpu.TotalMicroseconds / Math.Max(1, cluster.Leases));
    }

    private sealed record Report(
        int Volumes,
        int Directions,
        IReadOnlyList<Case> Steady,
        Case OneEncoderToANode,
        Case FewVolumes,
        Case SmallRunOfTenAlone,
        Case SmallRunOfTenBesideALargeOne,
        Case SmallRunOfTenUrgentBesideALargeOne,
        [property: JsonPropertyName("a_node_dies_every_20_s")] Case ANodeDiesEvery20S) : ICheckedReport
    {
        private const double LeastBusy = 0.95;
        private const double MostDownloads = 1.1;

        /// <summary>A run that shares the encoders with another has half of them.</summary>
        private const double MostSlowdown = 2.5;

        public bool Whole => Cases.All(one => one.Finished == one.Volumes)
            && Steady.Append(OneEncoderToANode).All(one => one.BusyUntilTheLastVolumeBegan > LeastBusy && one.DownloadsPerVolume < MostDownloads)
            && ANodeDiesEvery20S is { Deaths: > 0, BusyUntilTheLastVolumeBegan: > LeastBusy }
            && SmallRunOfTenBesideALargeOne.SmallRunSeconds < MostSlowdown * SmallRunOfTenAlone.SmallRunSeconds
            && SmallRunOfTenUrgentBesideALargeOne is { GivenWay: > 0 and <= SmallRun } urgent
            && urgent.SmallRunSeconds < SmallRunOfTenBesideALargeOne.SmallRunSeconds;

        private IEnumerable<Case> Cases => [.. Steady, OneEncoderToANode, FewVolumes, ANodeDiesEvery20S];
    }

    private sealed record Case(
        int Encoders,
        int Volumes,
        int Finished,
        double SimulatedHours,
        double Busy,
        double? BusyUntilTheLastVolumeBegan,
        double DownloadsPerVolume,
        double BlocksPerLease,
        double? SmallRunSeconds,
        int Deaths,
        int GivenWay,
        double CpuMicrosecondsALease);
}
