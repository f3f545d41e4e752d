using System.Diagnostics;
using System.Globalization;

namespace ToNNO.Bench;

/// <summary>The scheduler against simulated encoders in virtual time: how busy they are, how often volumes are read, how long a small run
/// takes beside a large one, and what nodes that die cost.</summary>
internal static class SchedulingBench
{
    private static readonly int[] _encoders = [1, 10, 100, 1000];

    /// <param name="arguments">Optionally the number of volumes.</param>
    public static object Measure(string[] arguments)
    {
        var volumes = arguments is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 100_000;
        return new
        {
            volumes,
            directions = 400,
            steady = _encoders.Select(encoders => Of(new SimulatedCluster(encoders, volumes))).ToArray(),
            one_encoder_to_a_node = Of(new SimulatedCluster(1000, volumes) { EncodersPerNode = 1 }),
            few_volumes = Of(new SimulatedCluster(1000, 100)),
            small_run_of_ten_alone = Of(new SimulatedCluster(100, 0) { SmallRun = 10 }),
            small_run_of_ten_beside_a_large_one = Of(new SimulatedCluster(100, Math.Min(volumes, 20_000)) { SmallRun = 10 }),
            a_node_dies_every_20_s = Of(new SimulatedCluster(1000, volumes) { DeathEvery = TimeSpan.FromSeconds(20) }),
        };
    }

    private static object Of(SimulatedCluster cluster)
    {
        var begun = Process.GetCurrentProcess().TotalProcessorTime;
        cluster.Run();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime - begun;
        return new
        {
            cluster.Encoders,
            cluster.Volumes,
            simulated_hours = cluster.Now / 3600,
            busy = cluster.Busy,
            busy_until_the_last_volume_began = cluster.BusyUntilLastBegan,
            downloads_per_volume = (double)cluster.Downloads / Math.Max(1, cluster.Finished),
            blocks_per_lease = (double)cluster.Blocks / Math.Max(1, cluster.Leases),
            small_run_seconds = cluster.SmallRunSeconds,
            deaths = cluster.Deaths,
            cpu_microseconds_a_lease = cpu.TotalMicroseconds / Math.Max(1, cluster.Leases),
        };
    }
}
