using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Contracts;

/// <summary>Spans of work that goes from actor to actor.</summary>
public static class Spans
{
    /// <summary>Of the trace that this thread is about to begin.</summary>
    [ThreadStatic]
    private static ActivityTraceId? _next;

    static Spans() => Activity.TraceIdGenerator = () => _next ?? ActivityTraceId.CreateRandom();

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
    /// <param name="of">What the trace is of, once and for all: whoever begins it again, in whatever process, goes on in the same.</param>
    public static Activity? BeginTrace(this ActivitySource source, string name, string? linkedTo, string of)
    {
        var current = Activity.Current;
        Activity.Current = null;
        ActivityLink[] links = ActivityContext.TryParse(linkedTo, null, isRemote: true, out var linked) ? [new(linked)] : [];
        _next = ActivityTraceId.CreateFromBytes(SHA256.HashData(Encoding.UTF8.GetBytes(of)).AsSpan(0, 16));
        try
        {
            return source.StartActivity(name, ActivityKind.Internal, parentContext: default, links: links);
        }
        finally
        {
            _next = null;
            Activity.Current = current;
        }
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
