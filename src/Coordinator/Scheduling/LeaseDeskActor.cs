using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Where free encoders and open leases meet; who has which, and what comes back.</summary>
/// <remarks>Time is counted in looks at the deadlines: while the coordinator itself stands still, no lease grows older. Who asks is told of the time since
/// the last look, too: a desk that looks no more shows.</remarks>
internal sealed class LeaseDeskActor : ReceiveActor, IWithTimers
{
    private readonly LeaseTerms _terms;
    private readonly LeaseBoard _board;
    private readonly Dictionary<string, IActorRef> _encoders = new(StringComparer.Ordinal);
    private readonly Dictionary<IActorRef, string> _ids = [];
    private readonly Dictionary<WorkId, IActorRef> _owners = [];
    private readonly Dictionary<IActorRef, RunId> _runs = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly TimeSpan _lookEvery;
    private TimeSpan _now;
    private TimeSpan _looked = Context.System.Scheduler.MonotonicClock;
    private long _handedOut;
    private long _deaths;

    public LeaseDeskActor(CoordinatorOptions options)
    {
        (_terms, _lookEvery) = (new LeaseTerms(options), options.LookAtLeasesEvery);
        _board = new LeaseBoard(_terms);

        Receive<SliceProtocol.RequestLease>(request =>
        {
            Know(request.EncoderId, Sender);
            _board.Request(request.EncoderId, request.CachedVolumes);
            if (request.InHand is { } inHand)
            {
                TakeBack(_board.Missed(request.EncoderId, inHand, _now), LeaseLoss.Returned);
            }

            HandOut();
        });
        Receive<SliceProtocol.EncoderLeaving>(Leave);
        Receive<Terminated>(gone => Forget(gone.ActorRef));

        Receive<LeasesOffered>(offered =>
        {
            _owners[WorkId.Of(offered.Task)] = Sender;
            _board.Add(offered.Task, offered.Ranges, offered.Suspects, offered.DiedOn, _now);
            HandOut();
        });
        Receive<LeaseClosed>(closed =>
        {
            var lease = _board.Close(closed.Work, closed.Block.First, closed.Done);
            if (lease is not null && closed is { Done: true, Elapsed: { } elapsed })
            {
                _terms.Note(closed.Work.Run, lease.Seat.Id, lease.Slices, elapsed);
            }

            if (lease is not null && closed.Refusal is { } refusal)
            {
                _board.Refuse(lease);
                CoordinatorTelemetry.Refused(refusal);
                _log.Warning("Node {Node} refuses volume {VolumeId} of run {RunId}: {ReasonCode}; trace {TraceId}", lease.Seat.Node.Host, closed.Work.Volume, closed.Work.Run, refusal, Spans.TraceIdOf(lease.Offer.Task.TraceParent));
            }

            HandOut();
        });
        Receive<LeasesWithdrawn>(withdrawn =>
        {
            _board.Withdraw(withdrawn.Work);
            _owners.Remove(withdrawn.Work);
            HandOut();
        });
        Receive<VolumeProtocol.RunStands>(stands =>
        {
            _runs[Sender] = stands.RunId;
            Context.Watch(Sender);
            _board.Stand(stands.RunId, stands.Priority, stands.Held);
            HandOut();
        });
        Receive<VolumeProtocol.VolumesRemain>(remain => _board.Expect(remain.RunId, remain.Volumes));
        Receive<SliceProtocol.DescribeLeases>(_ => Sender.Tell(Description()));
        Receive<Look>(_ => LookAtDeadlines());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Look), new Look(), _lookEvery);

    protected override void PostStop()
    {
        CoordinatorTelemetry.Leases(0, TimeSpan.Zero);
        CoordinatorTelemetry.Encoders(0, 0);
        CoordinatorTelemetry.LongestSilence(TimeSpan.Zero);
        CoordinatorTelemetry.QueueAge(TimeSpan.Zero);
        CoordinatorTelemetry.Backlog(TimeSpan.Zero);
    }

    private void Know(string encoderId, IActorRef encoder)
    {
        if (!encoder.Equals(_encoders.GetValueOrDefault(encoderId)))
        {
            _encoders[encoderId] = encoder;
            _ids[encoder] = encoderId;
            Context.Watch(encoder);
        }
    }

    /// <summary>An encoder leaves: what it gives back goes to others.</summary>
    private void Leave(SliceProtocol.EncoderLeaving leaving)
    {
        _board.Leave(leaving.EncoderId);
        var returned = new List<LeaseOut>();
        foreach (var lease in leaving.Returned)
        {
            var work = new WorkId(lease.RunId, lease.VolumeId);
            if (_board.Find(work, lease.Directions.First) is { } known && known.Seat.Id == leaving.EncoderId)
            {
                returned.Add(known);
            }
        }

        TakeBack(returned, LeaseLoss.Returned);
        Sender.Tell(new SliceProtocol.EncoderMayLeave(leaving.EncoderId));
        HandOut();
    }

    private void Forget(IActorRef gone)
    {
        if (_runs.Remove(gone, out var run))
        {
            _board.End(run);
        }

        if (!_ids.Remove(gone, out var id))
        {
            return;
        }

        _encoders.Remove(id);
        var lost = _board.Forget(id);
        var died = lost.Any(lease => lease.Suspect);
        if (died)
        {
            _deaths++;
            CoordinatorTelemetry.NodeDied();
        }

        foreach (var part in lost.GroupBy(part => part.Lease.Work))
        {
            Tell(
                part.Key,
                new LeasesLost(
                    [.. part.Select(one => one.Lease.Block)],
                    died ? LeaseLoss.Died : LeaseLoss.Returned,
                    [.. part.Where(one => one.Suspect).Select(one => one.Lease.Block.First)],
                    EncoderNode.IdOf(id),
                    TimeSpan.Zero));
        }

        HandOut();
    }

    private void LookAtDeadlines()
    {
        _now += _lookEvery;
        _looked = Context.System.Scheduler.MonotonicClock;
        TakeBack(_board.Overdue(_now), LeaseLoss.Overdue);
        HandOut();
        CoordinatorTelemetry.Leases(_board.Out.Count, Description().OldestAge);
        CoordinatorTelemetry.Encoders(_board.Encoders, _board.FreeEncoders);
        CoordinatorTelemetry.LongestSilence(_board.LongestSilence(_now));
        CoordinatorTelemetry.QueueAge(_board.QueueAge(_now));
        CoordinatorTelemetry.Backlog(_board.Backlog());
    }

    private void TakeBack(IReadOnlyList<LeaseOut> leases, LeaseLoss loss)
    {
        foreach (var lease in leases)
        {
            _board.Close(lease.Work, lease.Block.First, done: false);
        }

        foreach (var part in leases.GroupBy(lease => (lease.Work, lease.Seat.Id)))
        {
            var deadline = part.Max(lease => lease.Deadline - lease.Since);
            Tell(part.Key.Work, new LeasesLost([.. part.Select(lease => lease.Block)], loss, [], part.Key.Id, deadline));
        }
    }

    private void Tell(WorkId work, LeasesLost lost)
    {
        CoordinatorTelemetry.Lost(lost.Loss, lost.Blocks.Count);
        _owners.GetValueOrDefault(work)?.Tell(lost);
    }

    private void HandOut()
    {
        foreach (var refused in _board.TakeRefused(_now))
        {
            _owners.GetValueOrDefault(refused.Work)?.Tell(new LeasesRefused(refused.Blocks, refused.Nodes));
        }

        foreach (var grant in _board.Match(_now, Context.System.Scheduler.Now))
        {
            var owner = _owners[WorkId.Of(grant.Task)];
            var encoder = _encoders[grant.EncoderId];
            _handedOut++;
            CoordinatorTelemetry.HandedOut(grant.Alone);
            owner.Tell(new LeaseStarted(grant.Directions, encoder));
            encoder.Tell(new SliceProtocol.EncodeLease(grant.Task, grant.Directions) { TraceParent = grant.Task.TraceParent }, owner);
        }
    }

    private SliceProtocol.LeasesDescribed Description() => Description(_now + Context.System.Scheduler.MonotonicClock - _looked);

    private SliceProtocol.LeasesDescribed Description(TimeSpan now) => new(
        _board.Encoders,
        _board.FreeEncoders,
        _board.Out.Count,
        _board.Out.Count == 0 ? TimeSpan.Zero : now - _board.Out.Min(lease => lease.Since),
        _board.Out.Count == 0 ? null : _board.Out.Min(lease => lease.Deadline) - now,
        _handedOut,
        _deaths,
        [.. _board.Nodes.Select(node => new SliceProtocol.EncodingNode(node.Host, node.Seats.Count, node.InHand.Values.Sum(), node.Refusals))],
        [.. _board.Out.OrderBy(lease => lease.HandedOutAt).Take(SliceProtocol.LeasesDescribed.MostLongestOut)
            .Select(lease => new SliceProtocol.BlockOut(lease.Work.Run, lease.Work.Volume, lease.Block, lease.Seat.Node.Host, lease.HandedOutAt, lease.DueAt))]);

    private sealed record Look : ILocalMessage;
}
