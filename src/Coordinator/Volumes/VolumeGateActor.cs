using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Lets one run at a time work on a volume: its rows, slabs and result have one place in the store. Who comes later finds what the
/// one before has made; a run that is held, or of lower priority, gives way.</summary>
internal sealed class VolumeGateActor : ReceiveActor
{
    private readonly Dictionary<VolumeId, VolumeTurns> _turns = [];
    private readonly Dictionary<IActorRef, VolumeId> _volumes = [];
    private readonly RunRanks _ranks = new();

    public VolumeGateActor()
    {
        Receive<VolumeProtocol.RunStands>(stands =>
        {
            _ranks.Stands(stands);
            foreach (var turns in _turns.Values)
            {
                MakeWay(turns);
            }
        });
        Receive<VolumeProtocol.RunEnded>(ended => _ranks.Ended(ended.RunId));
        Receive<Enter>(enter =>
        {
            if (!_turns.TryGetValue(enter.VolumeId, out var turns))
            {
                _turns[enter.VolumeId] = turns = new();
            }

            _volumes[Sender] = enter.VolumeId;
            Context.Watch(Sender);
            if (turns.Come(Sender, enter.RunId))
            {
                Sender.Tell(new Entered(AfterAnother: false));
                return;
            }

            Sender.Tell(new Waits());
            MakeWay(turns);
        });
        Receive<Terminated>(gone =>
        {
            _volumes.Remove(gone.ActorRef, out var volume);
            var turns = _turns[volume];
            if (turns.Leave(gone.ActorRef, _ranks.Of) is { } next)
            {
                next.Tell(new Entered(AfterAnother: true));
            }

            if (turns.NobodyCame)
            {
                _turns.Remove(volume);
            }
        });
    }

    private void MakeWay(VolumeTurns turns)
    {
        if (turns.MustGiveWay(_ranks.Of) is { } holder)
        {
            holder.Tell(new VolumeProtocol.GiveWay());
        }
    }

    /// <summary>The sender would work on a volume, until it ends.</summary>
    public sealed record Enter(VolumeId VolumeId, RunId RunId) : ILocalMessage;

    /// <summary>Nobody else is at it.</summary>
    public sealed record Entered(bool AfterAnother) : ILocalMessage;

    /// <summary>Another run is at it.</summary>
    public sealed record Waits : ILocalMessage;
}
