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

    private static readonly Counter<long> _refusals = _meter.CreateCounter<long>(
        "tonno.coordinator.node.refusals", "{block}", "Blocks that nodes gave back for want of something (the source, the model, the device, the store), by reason code.");

    private static readonly UpDownCounter<long> _volumes = _meter.CreateUpDownCounter<long>("tonno.coordinator.volume.open", "{volume}", "Volumes that are read (scheduled) or worked on (in process).");

    private static readonly UpDownCounter<long> _runs = _meter.CreateUpDownCounter<long>("tonno.coordinator.run.open", "{run}", "Runs that have not ended, paused ones among them.");

    private static readonly Histogram<double> _runDuration = _meter.CreateHistogram<double>(
        "tonno.coordinator.run.duration", "s", "Time from a run's submission to its end, by how it ended: finished or canceled.");

    private static readonly Counter<long> _concluded = _meter.CreateCounter<long>("tonno.coordinator.volume.concluded", "{volume}", "Volumes that are done with, by state.");

    private static readonly Gauge<int> _leading = _meter.CreateGauge<int>("tonno.coordinator.leading", "{coordinator}", "1 while this node coordinates, 0 while it stands by.");

    private static readonly Gauge<int> _encoders = _meter.CreateGauge<int>("tonno.coordinator.encoder.connected", "{encoder}", "Encoders that the coordinator knows, by whether they are free or busy.");

    private static readonly Gauge<double> _queueAge = _meter.CreateGauge<double>(
        "tonno.coordinator.queue.age", "s", "Of volumes that are ready to be encoded and not begun, in runs that are not paused: the longest time since a block of one could be handed out.");

    private static readonly Gauge<double> _silence = _meter.CreateGauge<double>(
        "tonno.coordinator.volume.longest_silence", "s", "Of volumes that are begun and not ended, in runs that are not paused: the longest time since a block of one was handed out.");

    private static readonly Histogram<double> _duration = _meter.CreateHistogram<double>(
        "tonno.coordinator.volume.duration", "s", "Time from a volume's inspection to its end, by state; without those that were done before.");

    private static readonly Histogram<double> _stage = _meter.CreateHistogram<double>(
        "tonno.coordinator.volume.stage.duration",
        "s",
        "Time of a volume's stages, one after another: inspect, wait (for admission), encode, backproject (from the last rows to the last slab), publish.");

    private static readonly Histogram<double> _slabLag = _meter.CreateHistogram<double>(
        "tonno.coordinator.slab.lag", "s", "Time that rows which a slab could add, all before them being stored too, waited until it had them.");

    private static readonly Counter<long> _quarantined = _meter.CreateCounter<long>("tonno.coordinator.volume.quarantined", "{volume}", "Volumes that were set aside, by reason code.");

    private static readonly Counter<long> _failed = _meter.CreateCounter<long>("tonno.coordinator.volume.failed", "{volume}", "Volumes that failed, by reason code.");

    private static readonly Counter<long> _retried = _meter.CreateCounter<long>("tonno.coordinator.retries", "{retry}", "Steps of volumes that are tried again, by reason code.");

    private static readonly Counter<long> _conflicts = _meter.CreateCounter<long>(
        "tonno.coordinator.ledger.conflicts", "{conflict}", "Documents of the ledger, of runs or of the claim that another had written meanwhile (overtaken: it is tried again), or that a later coordinator has (superseded: this one leaves).");

    private static readonly Gauge<double> _storeSilence = _meter.CreateGauge<double>(
        "tonno.coordinator.store.silence", "s", "Time for which the store has not answered the coordinator: 0 while it does, be it by a failure.");

    internal static void HandedOut(bool alone) => _handedOut.Add(1, new KeyValuePair<string, object?>("alone", alone));

    /// <summary>Says whether this node coordinates. Counters begin at zero, under every label that they may have, so that the first event is an increase.</summary>
    internal static void Leads(bool leads)
    {
        _leading.Record(leads ? 1 : 0);
        _deaths.Add(0);
        Conflict(superseded: true, 0);
        Conflict(superseded: false, 0);
        foreach (var loss in Enum.GetValues<LeaseLoss>())
        {
            Lost(loss, 0);
        }

        foreach (var state in Enum.GetValues<VolumeState>().Where(state => state > VolumeState.InProcess))
        {
            _concluded.Add(0, State(state));
        }

        BeginByReason(_quarantined, ReasonCodes.OfQuarantine);
        BeginByReason(_failed, ReasonCodes.OfFailure);
        BeginByReason(_refusals, ReasonCodes.OfRefusal);
        BeginByReason(_retried, ReasonCodes.OfRetry);
    }

    internal static void Encoders(int known, int free)
    {
        _encoders.Record(free, new KeyValuePair<string, object?>("state", "free"));
        _encoders.Record(known - free, new KeyValuePair<string, object?>("state", "busy"));
    }

    internal static void StoreIsSilent(TimeSpan silence) => _storeSilence.Record(silence.TotalSeconds);

    internal static void QueueAge(TimeSpan age) => _queueAge.Record(age.TotalSeconds);

    internal static void LongestSilence(TimeSpan silence) => _silence.Record(silence.TotalSeconds);

    internal static void Conflict(bool superseded, int count = 1) => _conflicts.Add(count, new KeyValuePair<string, object?>("kind", superseded ? "superseded" : "overtaken"));

    internal static void Retried(string reasonCode) => _retried.Add(1, Reason(reasonCode));

    /// <summary>A stage of a volume is over, for its span and the histogram.</summary>
    internal static void Staged(string stage, DateTimeOffset begun, DateTimeOffset ended, string? traceParent)
    {
        _stage.Record((ended - begun).TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
        Source.Begin($"volume.{stage}", traceParent, since: begun)?.SetEndTime(ended.UtcDateTime).Dispose();
    }

    internal static void Lagged(TimeSpan lag) => _slabLag.Record(lag.TotalSeconds);

    /// <summary>A volume's work took so long.</summary>
    /// <param name="span">Its trace is told beside the figure.</param>
    internal static void Took(VolumeState state, TimeSpan elapsed, Activity? span)
    {
        var current = Activity.Current;
        Activity.Current = span;
        _duration.Record(elapsed.TotalSeconds, State(state));
        Activity.Current = current;
    }

    internal static void Leases(int open, TimeSpan oldestAge)
    {
        _out.Record(open);
        _oldest.Record(oldestAge.TotalSeconds);
    }

    internal static void Backlog(TimeSpan work) => _backlog.Record(work.TotalSeconds);

    internal static void Lost(LeaseLoss why, int blocks) => _lost.Add(blocks, new KeyValuePair<string, object?>("why", Name(why)));

    internal static void NodeDied() => _deaths.Add(1);

    internal static void Refused(string reasonCode) => _refusals.Add(1, Reason(reasonCode));

    /// <summary>A run is taken up by this coordinator, or is so no longer.</summary>
    internal static void RunOpen(int change) => _runs.Add(change);

    internal static void RunEnded(bool canceled, TimeSpan elapsed) => _runDuration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("state", canceled ? "canceled" : "finished"));

    /// <summary>A volume enters a state, or leaves it.</summary>
    internal static void Open(VolumeState state, int change) => _volumes.Add(change, State(state));

    internal static void Concluded(VolumeState state, string reasonCode, int volumes = 1)
    {
        _concluded.Add(volumes, State(state));
        if (state is VolumeState.Quarantined or VolumeState.Failed)
        {
            (state == VolumeState.Failed ? _failed : _quarantined).Add(volumes, Reason(reasonCode));
        }
    }

    private static void BeginByReason(Counter<long> counter, IReadOnlyList<string> reasons)
    {
        foreach (var reason in reasons)
        {
            counter.Add(0, Reason(reason));
        }
    }

    private static KeyValuePair<string, object?> State(VolumeState state) => new("state", Name(state));

    private static KeyValuePair<string, object?> Reason(string code) => new("reason", code);

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
