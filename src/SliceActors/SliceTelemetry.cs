using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ToNNO.SliceActors;

/// <summary>The instruments of this node's encoder actors.</summary>
public static class SliceTelemetry
{
    public const string MeterName = "ToNNO.SliceActors";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Counter<double> _starved = _meter.CreateCounter<double>(
        "tonno.slice.encoder_starved", "s", "Time that an encoder waited, for pixels to be cut or for a lease.");

    internal static void StarvedOfPixels(TimeSpan time, string device) => Starved(time, device, "pixels");

    internal static void StarvedOfLeases(TimeSpan time, string device) => Starved(time, device, "leases");

    private static void Starved(TimeSpan time, string device, string of) =>
        _starved.Add(time.TotalSeconds, new TagList { { "device", device }, { "of", of } });
}
