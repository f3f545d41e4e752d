using Akka.Actor;
using ToNNO.Contracts;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Gets the leases of one volume encoded: offers them, watches who has them, and takes back what is lost.</summary>
internal sealed class EncodingActor : ReceiveActor, IWithTimers
{
    private readonly IActorRef _leaseDesk;
    private readonly Dictionary<DirectionRange, IActorRef> _out = [];
    private readonly HashSet<IActorRef> _encoders = [];
    private readonly VolumeId _volume;
    private VolumeTask? _task;
    private EncodingProgress _progress;

    public EncodingActor(VolumeId volume, IActorRef leaseDesk, CoordinatorOptions options)
    {
        (_volume, _leaseDesk) = (volume, leaseDesk);
        _progress = EncodingProgress.Of([], options.MaximumAttempts);

        Receive<LeasesOpened>(opened =>
        {
            _task = opened.Task;
            _progress = _progress.Opened(opened.Leases);
            _leaseDesk.Tell(new LeasesOffered(_task, opened.Leases));
        });

        Receive<LeaseStarted>(started =>
        {
            _out[started.Directions] = started.Encoder;
            _encoders.Add(started.Encoder);
            Context.Watch(started.Encoder);
            Timers.StartSingleTimer(started.Directions, new LeaseOverdue(started.Directions), options.LeaseDeadline);
        });
        Receive<SliceProtocol.LeaseEncoded>(encoded =>
        {
            Close(encoded.Directions);
            (_progress, var news) = _progress.Encoded(encoded.Directions);
            if (news)
            {
                Context.Parent.Tell(new RowsStored(encoded.Directions, encoded.Rows, encoded.SlicesEncoded));
            }
        });
        Receive<SliceProtocol.LeaseRejected>(rejected =>
        {
            if (!Sender.Equals(_out.GetValueOrDefault(rejected.Directions)))
            {
                return; // overdue, and with another by now
            }

            Close(rejected.Directions);
            if (!rejected.Transient)
            {
                Context.Parent.Tell(new StageFailed(rejected.ReasonCode, rejected.Detail, VolumeState.Quarantined));
                return;
            }

            Return(rejected.Directions, rejected.ReasonCode, rejected.Detail);
        });
        Receive<LeaseOverdue>(overdue =>
        {
            Close(overdue.Directions);
            Return(
                overdue.Directions, "encoder.overdue", $"No encoder answered for directions {overdue.Directions.First} and on within {options.LeaseDeadline}.");
        });
        Receive<Terminated>(gone =>
        {
            foreach (var lease in _out.Where(pair => pair.Value.Equals(gone.ActorRef)).Select(pair => pair.Key).ToList())
            {
                Close(lease);
                Return(lease, "encoder.lost", $"The encoder that held directions {lease.First} and on is gone.");
            }
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PostStop()
    {
        _leaseDesk.Tell(new LeasesWithdrawn(_volume));
        foreach (var encoder in _encoders)
        {
            encoder.Tell(new SliceProtocol.ReleaseVolume(_volume));
        }
    }

    private void Close(DirectionRange lease)
    {
        _out.Remove(lease);
        Timers.Cancel(lease);
    }

    private void Return(DirectionRange lease, string reasonCode, string detail)
    {
        if (!_progress.Open.Contains(lease))
        {
            return; // encoded by another meanwhile
        }

        (_progress, var again) = _progress.Returned(lease);
        if (again)
        {
            _leaseDesk.Tell(new LeasesOffered(_task!, [lease]));
            return;
        }

        Context.Parent.Tell(new StageFailed(reasonCode, detail, VolumeState.Failed));
    }

    private sealed record LeaseOverdue(DirectionRange Directions) : ILocalMessage;
}
