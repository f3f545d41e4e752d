using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using ToNNO.Coordinator;
using ToNNO.Encoders;
using ToNNO.ReconActors;
using ToNNO.SliceActors;
using ToNNO.Storage;

namespace ToNNO.Deploy.Tests;

/// <summary>The program's instruments, by the names that Prometheus has for them.</summary>
internal static class ProgramMetrics
{
    public static IReadOnlyList<Instrument> Instruments { get; } = Find();

    public static IReadOnlySet<string> Names { get; } = Instruments.SelectMany(NamesOf).ToHashSet(StringComparer.Ordinal);

    private static List<Instrument> Find()
    {
        foreach (var type in new[] { typeof(CoordinatorTelemetry), typeof(SliceTelemetry), typeof(ReconTelemetry), typeof(EncoderTelemetry), typeof(StorageTelemetry) })
        {
            RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        }

        var found = new List<Instrument>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name.StartsWith("ToNNO.", StringComparison.Ordinal))
            {
                found.Add(instrument);
            }
        };
        listener.Start();
        return found;
    }

    private static IEnumerable<string> NamesOf(Instrument instrument)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" }; // what stands in braces is left out
        var name = instrument.Name.Replace('.', '_') + unit;
        return instrument.GetType().Name.Split('`')[0] switch
        {
            "Histogram" => [$"{name}_bucket", $"{name}_sum", $"{name}_count"],
            "Counter" or "ObservableCounter" => [$"{name}_total"],
            _ => [name],
        };
    }
}
