using System.Diagnostics;
using System.Diagnostics.Metrics;
using ToNNO.Contracts;

namespace ToNNO.ReconActors;

/// <summary>The instruments of slabs and publishers.</summary>
public static class ReconTelemetry
{
    public const string MeterName = "ToNNO.ReconActors";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Histogram<double> _slab = _meter.CreateHistogram<double>("tonno.recon.slab.duration", "s", "Time that a slab's backprojection took, without waiting for rows.");

    private static readonly Histogram<double> _publish = _meter.CreateHistogram<double>("tonno.recon.publish.duration", "s", "Time from a volume's finished slabs to its published result.");

    private static readonly UpDownCounter<long> _open = _meter.CreateUpDownCounter<long>("tonno.recon.slab.open", "{slab}", "Slabs that this node is accumulating.");

    private static readonly Histogram<double> _stage = _meter.CreateHistogram<double>(
        "tonno.recon.slab.stage.duration", "s", "Time that a slab's stages took, all of its blocks together: read, filter, backproject, write.");

    internal static ActivitySource Source { get; } = new(MeterName);

    /// <summary>A node begins to reduce: it says so, before it has a slab, by having none.</summary>
    internal static void Begin() => Open(0);

    internal static void Open(int change) => _open.Add(change);

    internal static void SlabDone(TimeSpan elapsed) => _slab.Record(elapsed.TotalSeconds);

    /// <summary>A stage of a slab is over, for its span and the histogram.</summary>
    /// <param name="busy">What it took of the time from its first beginning to its last end.</param>
    internal static void Staged(string stage, DateTimeOffset begun, DateTimeOffset ended, TimeSpan busy, string? traceParent)
    {
        _stage.Record(busy.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
        Source.Begin($"slab.{stage}", traceParent, since: begun)?.SetTag("tonno.busy", busy.TotalSeconds).SetEndTime(ended.UtcDateTime).Dispose();
    }

    internal static void Published(TimeSpan elapsed) => _publish.Record(elapsed.TotalSeconds);
}
