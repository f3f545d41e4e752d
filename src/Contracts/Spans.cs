using System.Diagnostics;

namespace ToNNO.Contracts;

/// <summary>Spans of work that goes from actor to actor.</summary>
public static class Spans
{
    /// <summary>Begins a span under another that a message told of; null where nobody listens. The current one stays: an actor's thread
    /// goes on to others' messages.</summary>
    public static Activity? Begin(this ActivitySource source, string name, string? traceParent, ActivityKind kind = ActivityKind.Internal, DateTimeOffset since = default)
    {
        var current = Activity.Current;
        Activity.Current = null;
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent);
        var span = source.StartActivity(name, kind, parent, startTime: since);
        Activity.Current = current;
        return span;
    }

    /// <summary>Begins a trace of its own, linked with a span that a message told of; null where nobody listens.</summary>
    public static Activity? BeginTrace(this ActivitySource source, string name, string? linkedTo)
    {
        var current = Activity.Current;
        Activity.Current = null;
        ActivityLink[] links = ActivityContext.TryParse(linkedTo, null, isRemote: true, out var linked) ? [new(linked)] : [];
        var span = source.StartActivity(name, ActivityKind.Internal, parentContext: default, links: links);
        Activity.Current = current;
        return span;
    }

    /// <summary>The trace of a span that a message told of; null where there is none.</summary>
    public static string? TraceIdOf(string? traceParent) => ActivityContext.TryParse(traceParent, null, out var context) ? context.TraceId.ToHexString() : null;

    /// <summary>Ends a span as failed, by a reason code.</summary>
    public static void Fail(this Activity? span, string reasonCode)
    {
        span?.SetStatus(ActivityStatusCode.Error, reasonCode);
        span?.Dispose();
    }
}
