using System.Collections.Concurrent;
using System.Diagnostics;

namespace ToNNO.ReconActors.Tests;

/// <summary>Spans of reducers that ended in one trace: other tests run beside.</summary>
internal sealed class HeardSpans : IDisposable
{
    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public HeardSpans()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ReconTelemetry.MeterName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
        TraceParent = $"00-{_trace}-{ActivitySpanId.CreateRandom()}-01";
    }

    /// <summary>What a message bears whose spans are to be heard.</summary>
    public string TraceParent { get; }

    public IReadOnlyList<Activity> Ended => [.. _ended.Where(span => span.TraceId == _trace)];

    public void Dispose() => _listener.Dispose();
}
