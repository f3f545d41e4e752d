using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace ToNNO.Tonno.Hosting;

/// <summary>Gives log records the trace that they name: actors are at many volumes' work on one thread, so none is current where they log.</summary>
internal sealed class TracedLogs : BaseProcessor<LogRecord>
{
    private const int TraceIdLength = 32;

    public override void OnEnd(LogRecord data)
    {
        foreach (var attribute in data.Attributes ?? [])
        {
            if (attribute is { Key: "TraceId", Value: string { Length: TraceIdLength } id })
            {
                data.TraceId = ActivityTraceId.CreateFromString(id);
            }
        }
    }
}
