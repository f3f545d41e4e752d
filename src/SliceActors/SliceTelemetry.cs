using System.Diagnostics;
using System.Diagnostics.Metrics;
using ToNNO.Contracts;

namespace ToNNO.SliceActors;

/// <summary>The instruments of this node's encoder actors.</summary>
public static class SliceTelemetry
{
    public const string MeterName = "ToNNO.SliceActors";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Counter<long> _stored = _meter.CreateCounter<long>("tonno.slice.stored", "{slice}", "Slices encoded whose rows are stored.");

    private static readonly Histogram<double> _stage = _meter.CreateHistogram<double>("tonno.slice.stage.duration", "s", "Time of a block's stages: read, encode, store.");

    internal static ActivitySource Source { get; } = new(MeterName);

    private static readonly Counter<double> _starved = _meter.CreateCounter<double>(
        "tonno.slice.encoder_starved", "s", "Time that an encoder waited, for pixels to be cut or for a lease.");

    private static readonly Counter<double> _busy = _meter.CreateCounter<double>("tonno.slice.encoder_busy", "s", "Time that an encoder was at work.");

    private static readonly Counter<long> _lookups = _meter.CreateCounter<long>("tonno.slice.cache.lookups", "{lookup}", "Volumes that encoders asked for, by whether their node held them.");

    internal static void Stored(long slices) => _stored.Add(slices);

    /// <summary>Begins a stage of a block, for its span and the histogram.</summary>
    internal static StageTiming Stage(string stage, string? traceParent) => new(stage, Source.Begin($"lease.{stage}", traceParent));

    /// <summary>A volume was read for a block, from <paramref name="elapsed"/> ago until now.</summary>
    internal static void Read(TimeSpan elapsed, string? traceParent)
    {
        Source.Begin("lease.read", traceParent, since: TimeProvider.System.GetUtcNow() - elapsed)?.Dispose();
        _stage.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("stage", "read"));
    }

    internal static void LookedUp(bool held) => _lookups.Add(1, new KeyValuePair<string, object?>("result", held ? "hit" : "miss"));

    internal static void Busy(TimeSpan time, string device) => _busy.Add(time.TotalSeconds, new KeyValuePair<string, object?>("device", device));

    internal static void StarvedOfPixels(TimeSpan time, string device) => Starved(time, device, "pixels");

    internal static void StarvedOfLeases(TimeSpan time, string device) => Starved(time, device, "leases");

    private static void Starved(TimeSpan time, string device, string of) =>
        _starved.Add(time.TotalSeconds, new TagList { { "device", device }, { "of", of } });

    internal readonly struct StageTiming(string stage, Activity? span) : IDisposable
    {
        private readonly long _begun = Stopwatch.GetTimestamp();

        public void Dispose()
        {
            span?.Dispose();
            _stage.Record(Stopwatch.GetElapsedTime(_begun).TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
        }
    }
}
