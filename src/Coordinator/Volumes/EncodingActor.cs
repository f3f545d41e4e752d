using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Gets the blocks of one volume encoded: offers them, takes their rows, and judges what comes back undone.</summary>
internal sealed class EncodingActor : ReceiveActor
{
    private readonly IActorRef _leaseDesk;
    private readonly CoordinatorOptions _options;
    private readonly Dictionary<int, IActorRef> _out = [];
    private readonly HashSet<IActorRef> _encoders = [];
    private readonly HashSet<DirectionRange> _refused = [];
    private readonly WorkId _work;
    private VolumeTask? _task;
    private EncodingProgress _progress;
    private VolumeDeaths _deaths;
    private SliceProtocol.LeaseRejected? _refusal;

    /// <param name="deaths">Those that an earlier coordinator noted.</param>
    public EncodingActor(WorkId work, IActorRef leaseDesk, CoordinatorOptions options, VolumeDeaths deaths)
    {
        (_work, _leaseDesk, _options, _deaths) = (work, leaseDesk, options, deaths);
        _progress = EncodingProgress.Of([], options.MaximumAttempts);

        Receive<LeasesOpened>(opened =>
        {
            _task = opened.Task;
            _progress = _progress.Opened(opened.Leases);
            Offer(opened.Leases);
        });
        Receive<LeaseStarted>(started =>
        {
            _encoders.Add(started.Encoder);
            foreach (var block in _task!.Leases(started.Directions))
            {
                _out[block.First] = started.Encoder;
            }
        });
        Receive<SliceProtocol.LeaseEncoded>(Take);
        Receive<SliceProtocol.LeaseRejected>(rejected =>
        {
            if (!Sender.Equals(_out.GetValueOrDefault(rejected.Directions.First)))
            {
                return; // overdue, and with another by now
            }

            _out.Remove(rejected.Directions.First);
            if (rejected is { Transient: false, OfNode: false })
            {
                Context.Parent.Tell(new StageFailed(rejected.ReasonCode, rejected.Detail, VolumeState.Quarantined));
                return;
            }

            Refused(rejected);
        });
        Receive<LeasesRefused>(RefusedByAll);
        Receive<LeasesLost>(Lost);
        Receive<DeathsRecorded>(_ => Offer([.. _progress.Open.Where(block => !_out.ContainsKey(block.First))]));
    }

    protected override void PostStop()
    {
        _leaseDesk.Tell(new LeasesWithdrawn(_work));
        foreach (var encoder in _encoders)
        {
            encoder.Tell(new SliceProtocol.ReleaseVolume(_work.Volume) { TraceParent = _task?.TraceParent });
        }
    }

    private void Take(SliceProtocol.LeaseEncoded encoded)
    {
        _out.Remove(encoded.Directions.First);
        _leaseDesk.Tell(new LeaseClosed(_work, encoded.Directions, Done: true, encoded.Elapsed));
        (_progress, var news) = _progress.Encoded(encoded.Directions);
        if (!news)
        {
            return;
        }

        var deaths = _deaths.Stored(encoded.Directions.First);
        if (deaths != _deaths)
        {
            _deaths = deaths;
            Context.Parent.Tell(new DeathsNoted(deaths));
        }

        Context.Parent.Tell(new RowsStored(encoded.Directions, encoded.Rows, encoded.SlicesEncoded));
    }

    /// <summary>A node lacks something: another is asked.</summary>
    private void Refused(SliceProtocol.LeaseRejected rejected)
    {
        VolumeSpan.Retried(rejected.ReasonCode, _task!.TraceParent);
        _refused.Add(rejected.Directions);
        _refusal = _refusal is { Transient: true } && !rejected.Transient ? _refusal : rejected;
        _leaseDesk.Tell(new LeaseClosed(_work, rejected.Directions, Done: false, Elapsed: null, rejected.ReasonCode));
        Offer([rejected.Directions]);
    }

    /// <summary>No node could do it: that was a try, unless there is no use in another.</summary>
    private void RefusedByAll(LeasesRefused refused)
    {
        if (_refusal is { } refusal)
        {
            var detail = refused.Nodes > 1 ? $"{refusal.Detail} So say all {refused.Nodes} nodes that encode." : refusal.Detail;
            if (!refusal.Transient)
            {
                Context.Parent.Tell(new StageFailed(refusal.ReasonCode, detail, VolumeState.Quarantined));
                return;
            }

            if (!MayTryAgain(_refused, refusal.ReasonCode, detail))
            {
                return;
            }
        }

        var again = refused.Blocks.Union(_refused).Where(block => !_out.ContainsKey(block.First)).ToList();
        _refusal = null;
        _refused.Clear();
        Offer(again);
    }

    private void Lost(LeasesLost lost)
    {
        var open = lost.Blocks.Where(block => _out.Remove(block.First) && _progress.Open.Contains(block)).ToList();
        if (open.Count == 0)
        {
            return; // encoded by another meanwhile
        }

        switch (lost.Loss)
        {
            case LeaseLoss.Returned:
                Offer(open);
                break;
            case LeaseLoss.Overdue:
                VolumeSpan.Retried("encoder.overdue", _task!.TraceParent);
                if (MayTryAgain(open, "encoder.overdue", $"Encoding directions {open[0].First} and on: no answer within {lost.Deadline} from encoder {lost.From}."))
                {
                    Offer(open);
                }

                break;
            case LeaseLoss.Died:
                _deaths = _deaths.Died([.. lost.Suspects.Where(first => open.Any(block => block.First == first))], lost.From);
                VolumeSpan.Retried("encoder.died", _task?.TraceParent);
                Judge();
                break;
        }
    }

    /// <summary>Notes a death before anything of the volume is handed out again; or sets it aside.</summary>
    private void Judge()
    {
        Context.Parent.Tell(new DeathsNoted(_deaths));
        if (_deaths.Culprit is { } culprit)
        {
            Convict($"Two encoders died at directions {culprit.Direction} and on of volume {_work.Volume}, the second, {_deaths.Node}, with nothing else in work");
        }
        else if (_deaths.SinceProgress >= _options.MaximumDeaths)
        {
            Convict($"{_deaths.SinceProgress} encoders in a row died that had volume {_work.Volume} in work, the last at directions {_deaths.Places[^1].Direction} and on");
        }
    }

    private static void Convict(string what) => Context.Parent.Tell(new StageFailed(
        VolumeDeaths.Code, $"{what}. When the cause is found and mended, put it back by tonno requeue.", VolumeState.Quarantined));

    /// <summary>Counts a try of blocks that came back, and gives the volume up where one has come back too often.</summary>
    private bool MayTryAgain(IEnumerable<DirectionRange> blocks, string reasonCode, string detail)
    {
        foreach (var block in blocks.Where(_progress.Open.Contains))
        {
            (_progress, var again) = _progress.Returned(block);
            if (!again)
            {
                Context.Parent.Tell(new StageFailed(reasonCode, detail, VolumeState.Failed));
                return false;
            }
        }

        return true;
    }

    private void Offer(IReadOnlyList<DirectionRange> blocks)
    {
        var open = _progress.Open;
        var suspects = _deaths.Places.Select(place => place.Direction).Where(first => open.Any(block => block.First == first));
        _leaseDesk.Tell(new LeasesOffered(_task!, [.. blocks.Where(open.Contains)], [.. suspects], _deaths.Node));
    }
}
