using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ToNNO.Storage;

/// <summary>The instruments of a store that is measured.</summary>
public static class StorageTelemetry
{
    public const string MeterName = "ToNNO.Storage";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Histogram<double> _duration = _meter.CreateHistogram<double>(
        "tonno.store.operation.duration", "s", "Time of the store's operations, by operation and, where one failed, reason code.");

    private static readonly Counter<long> _io = _meter.CreateCounter<long>("tonno.store.io", "By", "Bytes read and written, by direction.");

    internal static void Done(string operation, TimeSpan elapsed, string? failure)
    {
        var tags = new TagList { { "operation", operation } };
        if (failure is not null)
        {
            tags.Add("error.type", failure);
        }

        _duration.Record(elapsed.TotalSeconds, tags);
    }

    internal static void Read(long sizeBytes) => _io.Add(sizeBytes, new KeyValuePair<string, object?>("direction", "read"));

    internal static void Written(long sizeBytes) => _io.Add(sizeBytes, new KeyValuePair<string, object?>("direction", "write"));
}
