using System.Diagnostics;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>A volume's work as traces and metrics tell it: a trace of its own, linked with the run's span, and a span for each stage.</summary>
internal sealed class VolumeSpan : IDisposable
{
    private readonly TimeProvider _time;
    private readonly long _begun;
    private readonly Activity? _activity;
    private DateTimeOffset _stageBegan;
    private VolumeState _stands = VolumeState.Scheduled;

    /// <param name="traceParent">The span of the run.</param>
    public VolumeSpan(RunId run, VolumeId volume, TimeProvider time, string? traceParent)
    {
        (_time, _begun, _stageBegan) = (time, time.GetTimestamp(), time.GetUtcNow());
        _activity = CoordinatorTelemetry.Source.BeginTrace("volume", traceParent)?.SetTag("tonno.run.id", run.Value).SetTag("tonno.volume.id", volume.Value);
        Id = _activity?.Id ?? traceParent;
        CoordinatorTelemetry.Open(_stands, 1);
    }

    /// <summary>The <c>traceparent</c> of whatever is done for the volume.</summary>
    public string? Id { get; }

    public TimeSpan Elapsed => _time.GetElapsedTime(_begun);

    /// <summary>The volume is let into work.</summary>
    public void InProcess()
    {
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

    public void Concluded(RunProtocol.VolumeConcluded concluded)
    {
        _activity?.SetTag("tonno.volume.state", concluded.State.ToString().ToLowerInvariant());
        if (concluded.State is not (VolumeState.Completed or VolumeState.Warning))
        {
            _activity?.SetStatus(ActivityStatusCode.Error, concluded.ReasonCode);
        }

        if (!concluded.Reused)
        {
            CoordinatorTelemetry.Took(concluded.State, concluded.Elapsed, _activity);
        }
    }

    public void Dispose()
    {
        CoordinatorTelemetry.Open(_stands, -1);
        _activity?.Dispose();
    }
}
