using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace ToNNO.Tonno.Hosting;

/// <summary>Gives log records the trace that they name: actors are at many volumes' work on one thread, so none is current where they log.</summary>
internal sealed class TracedLogs : BaseProcessor<LogRecord>
{
    private const int TraceIdLength = 32;

    /// <summary>The exporter tells of no trace without a span in it.</summary>
    private static readonly ActivitySpanId _nobodys = ActivitySpanId.CreateFromString("ffffffffffffffff");

    public override void OnEnd(LogRecord data)
    {
        foreach (var attribute in data.Attributes ?? [])
        {
            if (attribute.Key == "TraceId" && attribute.Value?.ToString() is { Length: TraceIdLength } id)
            {
                data.TraceId = ActivityTraceId.CreateFromString(id);
                data.SpanId = _nobodys;
            }
        }
    }
}
