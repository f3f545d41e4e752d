using System.Collections.Concurrent;
using System.Diagnostics;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>A volume's work as traces and metrics tell it: a trace of its own, linked with the run's span, and a span for each stage. A coordinator that takes the
/// volume over from another goes on in the trace.</summary>
internal sealed class VolumeSpan : IDisposable
{
    /// <summary>Those that have not ended, by <see cref="Id"/>.</summary>
    private static readonly ConcurrentDictionary<string, Activity> _open = new(StringComparer.Ordinal);

    /// <summary>A volume takes seconds to minutes, once it is let into work. The trace of a slow one is told of, whatever was picked.</summary>
    private static readonly TimeSpan _slow = TimeSpan.FromMinutes(10);

    private readonly TimeProvider _time;
    private readonly long _begun;
    private readonly Activity? _activity;
    private DateTimeOffset _stageBegan;
    private long? _admitted;
    private VolumeState _stands = VolumeState.Scheduled;

    /// <param name="traceParent">The span of the run.</param>
    /// <param name="storeMark">Tells runs of one name in several stores apart; null where all is done in one process.</param>
    public VolumeSpan(RunId run, VolumeId volume, TimeProvider time, string? traceParent, string? storeMark)
    {
        (_time, _begun, _stageBegan) = (time, time.GetTimestamp(), time.GetUtcNow());
        _activity = CoordinatorTelemetry.Source.BeginTrace("volume", traceParent, $"{storeMark ?? Guid.NewGuid().ToString()}/{run}/{volume}")?.SetTag("tonno.run.id", run.Value).SetTag("tonno.volume.id", volume.Value);
        if ((Id = _activity?.Id) is { } id)
        {
            _open[id] = _activity!;
        }

        CoordinatorTelemetry.Open(_stands, 1);
    }

    /// <summary>The <c>traceparent</c> of whatever is done for the volume; null where nobody listens.</summary>
    public string? Id { get; }

    public TimeSpan Elapsed => _time.GetElapsedTime(_begun);

    /// <summary>The volume is let into work.</summary>
    public void InProcess()
    {
        _admitted = _time.GetTimestamp();
        CoordinatorTelemetry.Open(_stands, -1);
        CoordinatorTelemetry.Open(_stands = VolumeState.InProcess, 1);
    }

    /// <summary>A stage is over, and the next begins.</summary>
    /// <param name="ended">Null: now.</param>
    public void Staged(string stage, DateTimeOffset? ended = null)
    {
        var end = ended ?? _time.GetUtcNow();
        CoordinatorTelemetry.Staged(stage, _stageBegan, end, Id);
        _stageBegan = end;
    }

    /// <summary>A step of the volume is tried again: counted, and an event of the volume's span.</summary>
    /// <param name="id">See <see cref="Id"/>.</param>
    public static void Retried(string reasonCode, string? id)
    {
        CoordinatorTelemetry.Retried(reasonCode);
        if (id is not null && _open.TryGetValue(id, out var activity))
        {
            activity.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection { ["tonno.reason"] = reasonCode }));
        }
    }

    /// <summary>The work failed unexpectedly.</summary>
    public void Failed(string reasonCode) => _activity?.SetStatus(ActivityStatusCode.Error, reasonCode);

    public void Concluded(RunProtocol.VolumeConcluded concluded)
    {
        _activity?.SetTag("tonno.volume.state", concluded.State.ToString().ToLowerInvariant());
        if (_activity is { IsAllDataRequested: true } activity && _admitted is { } admitted && _time.GetElapsedTime(admitted) >= _slow)
        {
            activity.ActivityTraceFlags |= ActivityTraceFlags.Recorded; // before its time is told, whose exemplar leads here
        }

        if (concluded.State is not (VolumeState.Completed or VolumeState.Warning))
        {
            Failed(concluded.ReasonCode);
        }

        if (!concluded.Reused)
        {
            CoordinatorTelemetry.Took(concluded.State, concluded.Elapsed, _activity);
        }
    }

    public void Dispose()
    {
        CoordinatorTelemetry.Open(_stands, -1);
        if (Id is { } id)
        {
            _open.TryRemove(id, out _);
        }

        _activity?.Dispose();
    }
}
