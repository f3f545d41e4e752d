using System.Diagnostics;
using System.Diagnostics.Metrics;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;

namespace ToNNO.Coordinator;

/// <summary>The coordinator's instruments.</summary>
public static class CoordinatorTelemetry
{
    public const string MeterName = "ToNNO.Coordinator";

    private static readonly Meter _meter = new(MeterName);

    internal static ActivitySource Source { get; } = new(MeterName);

    private static readonly Counter<long> _handedOut = _meter.CreateCounter<long>("tonno.coordinator.lease.handed_out", "{lease}", "Leases given to encoders.");

    private static readonly Gauge<int> _out = _meter.CreateGauge<int>("tonno.coordinator.lease.out", "{block}", "Blocks of directions in the hands of encoders.");

    private static readonly Gauge<double> _oldest = _meter.CreateGauge<double>("tonno.coordinator.lease.oldest_age", "s", "Age of the block that is out longest.");

    private static readonly Gauge<double> _backlog = _meter.CreateGauge<double>(
        "tonno.coordinator.backlog", "s", "Time that a single encoder would take over all that waits and all that is out; what slice nodes are scaled by.");

    private static readonly Counter<long> _lost = _meter.CreateCounter<long>("tonno.coordinator.lease.lost", "{block}", "Blocks that came back undone, by what became of them.");

    private static readonly Counter<long> _deaths = _meter.CreateCounter<long>("tonno.coordinator.node.deaths", "{node}", "Nodes that died with leases in their hands.");

    private static readonly UpDownCounter<long> _volumes = _meter.CreateUpDownCounter<long>("tonno.coordinator.volume.open", "{volume}", "Volumes that are read (scheduled) or worked on (in process).");

    private static readonly Counter<long> _concluded = _meter.CreateCounter<long>("tonno.coordinator.volume.concluded", "{volume}", "Volumes that are done with, by state.");

    internal static void HandedOut(bool alone) => _handedOut.Add(1, new KeyValuePair<string, object?>("alone", alone));

    internal static void Leases(int open, TimeSpan oldestAge)
    {
        _out.Record(open);
        _oldest.Record(oldestAge.TotalSeconds);
    }

    internal static void Backlog(TimeSpan work) => _backlog.Record(work.TotalSeconds);

    internal static void Lost(LeaseLoss why, int blocks) => _lost.Add(blocks, new KeyValuePair<string, object?>("why", Name(why)));

    internal static void NodeDied() => _deaths.Add(1);

    /// <summary>A volume enters a state, or leaves it.</summary>
    internal static void Open(VolumeState state, int change) => _volumes.Add(change, new KeyValuePair<string, object?>("state", Name(state)));

    internal static void Concluded(VolumeState state) => _concluded.Add(1, new KeyValuePair<string, object?>("state", Name(state)));

    private static string Name(LeaseLoss loss) => loss switch
    {
        LeaseLoss.Returned => "returned",
        LeaseLoss.Overdue => "overdue",
        _ => "died",
    };

    private static string Name(VolumeState state) => state switch
    {
        VolumeState.Scheduled => "scheduled",
        VolumeState.InProcess => "in_process",
        VolumeState.Completed => "completed",
        VolumeState.Warning => "warning",
        VolumeState.Failed => "failed",
        VolumeState.Canceled => "canceled",
        VolumeState.Quarantined => "quarantined",
        _ => "unspecified",
    };
}
