using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ToNNO.Coordinator;
using ToNNO.Encoders;
using ToNNO.Imaging;
using ToNNO.ReconActors;
using ToNNO.SliceActors;
using ToNNO.Storage;

namespace ToNNO.Deploy.Tests;

/// <summary>The program's instruments, by the names that Prometheus has for them.</summary>
internal static partial class ProgramMetrics
{
    /// <summary>Ours, and what Prometheus adds. Each has few values; a run's or a volume's name is none of them.</summary>
    private static readonly string[] _labels =
        ["alone", "device", "direction", "error_type", "kind", "le", "of", "operation", "otel_scope_name", "place", "reason", "result", "stage", "state", "why"];

    public static IReadOnlyList<Instrument> Instruments { get; } = Find();

    public static IReadOnlySet<string> Names { get; } = Instruments.SelectMany(NamesOf).ToHashSet(StringComparer.Ordinal);

    /// <summary>Labels of our metrics, in what a node tells, that are none of those that they may have.</summary>
    public static IEnumerable<string> LabelsBeyond(IEnumerable<string> lines) => lines.Where(line => line.StartsWith("tonno", StringComparison.Ordinal))
        .SelectMany(line => Label().Matches(line)).Select(label => label.Groups[1].Value).Except(_labels);

    private static List<Instrument> Find()
    {
        foreach (var type in new[] { typeof(CoordinatorTelemetry), typeof(SliceTelemetry), typeof(ReconTelemetry), typeof(EncoderTelemetry), typeof(StorageTelemetry), typeof(ImagingTelemetry) })
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

    [GeneratedRegex("[{,]([a-z_]+)=\"")]
    private static partial Regex Label();
}
