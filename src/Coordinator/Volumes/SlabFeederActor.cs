using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Feeds the rows of one volume to its slabs, and again where a slab is lost.</summary>
internal sealed class SlabFeederActor : ReceiveActor, IWithTimers
{
    private readonly VolumeTask _task;
    private readonly IActorRef _slabRegion;
    private readonly CoordinatorOptions _options;
    private readonly Dictionary<int, (int Count, int At)> _failures = [];
    private readonly Dictionary<int, int> _silences = [];

    /// <summary>Why slabs failed that are to be asked again.</summary>
    private readonly Dictionary<int, string> _failed = [];
    private readonly Dictionary<int, IActorRef> _reducers = [];
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly SlabLag _lag;
    private SlabFeed _feed;

    public SlabFeederActor(VolumeTask task, int directionCount, IActorRef slabRegion, CoordinatorOptions options)
    {
        _task = task;
        _slabRegion = slabRegion;
        _options = options;
        _lag = new SlabLag(task.SlabCount);
        _feed = SlabFeed.Of(directionCount, task.SlabCount);

        Receive<RowsStored>(stored =>
        {
            _lag.Stored(stored.Directions, Stopwatch.GetElapsedTime(_begun));
            Feed(_feed.Stored(stored.Directions, stored.Rows));
        });
        Receive<ReconProtocol.RowsApplied>(applied =>
        {
            if (applied.NextDirection < _feed.Slabs[applied.Slab].Next)
            {
                VolumeSpan.Retried("recon.begun_anew", task.TraceParent);
            }

            Answered(applied.Slab, _feed.Applied(applied.Slab, applied.NextDirection));
        });
        Receive<ReconProtocol.SlabCompleted>(completed =>
            Answered(completed.Slab, _feed.Completed(completed.Slab, completed.Voxels, completed.Elapsed)));
        Receive<SlabOverdue>(overdue =>
        {
            var silences = _silences[overdue.Slab] = _silences.GetValueOrDefault(overdue.Slab) + 1;
            if (silences >= options.MaximumSilences)
            {
                Context.Parent.Tell(new StageFailed(
                    "recon.silent",
                    $"Slab {overdue.Slab} of volume {task.VolumeId} left {silences} questions in a row unanswered, over {silences * options.ReducerDeadline}; {Reducers.LastHeard(_reducers.GetValueOrDefault(overdue.Slab), Context.System)}. Check the recon nodes and run again.",
                    VolumeState.Failed));
                return;
            }

            VolumeSpan.Retried(_failed.Remove(overdue.Slab, out var code) ? code : "recon.asked_again", task.TraceParent);
            Feed(_feed.Overdue(overdue.Slab));
        });
        Receive<ReconProtocol.SlabFailed>(failed =>
        {
            Heard(failed.Slab);
            var (count, at) = _failures.GetValueOrDefault(failed.Slab);
            var failures = _failures[failed.Slab] = (count + 1, Math.Max(at, _feed.Slabs[failed.Slab].Next));
            if (failed.Transient && failures.Count < options.MostTries(failed.ReasonCode))
            {
                _failed[failed.Slab] = failed.ReasonCode;
                return; // asked again at the deadline, which serves as the pause
            }

            Context.Parent.Tell(new StageFailed(failed.ReasonCode, failed.Detail, failed.Transient ? VolumeState.Failed : VolumeState.Quarantined));
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private void Answered(int slab, SlabFeed feed)
    {
        Timers.Cancel(slab);
        Heard(slab);
        if (_failures.TryGetValue(slab, out var failures) && feed.Slabs[slab].Next > failures.At)
        {
            _failures.Remove(slab); // it is beyond where it failed; after each failure it begins anew
        }

        foreach (var lag in _lag.Applied(slab, feed.Slabs[slab].Next, Stopwatch.GetElapsedTime(_begun)))
        {
            CoordinatorTelemetry.Lagged(lag);
        }

        Feed(feed);
        if (_feed.Complete)
        {
            Context.Parent.Tell(new SlabsCompleted(
                _feed.Slabs.Select(stand => stand.Voxels!.Value).ToArray(), _feed.Slabs.Aggregate(TimeSpan.Zero, (sum, stand) => sum + stand.Elapsed)));
        }
    }

    private void Heard(int slab)
    {
        _silences.Remove(slab);
        _reducers[slab] = Sender;
    }

    private void Feed(SlabFeed feed)
    {
        (_feed, var errands) = feed.Send();
        foreach (var errand in errands)
        {
            _slabRegion.Tell(new ReconProtocol.ApplyRows(_task, errand.Slab, errand.Range, errand.Rows) { TraceParent = _task.TraceParent });
            Timers.StartSingleTimer(errand.Slab, new SlabOverdue(errand.Slab), _options.ReducerDeadline);
        }
    }

    private sealed record SlabOverdue(int Slab) : ILocalMessage;
}
