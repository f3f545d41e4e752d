using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Lets one run at a time work on a volume: its rows, slabs and result have one place in the store. Who comes later finds what the
/// one before has made; a run that is held, or of lower priority, gives way.</summary>
internal sealed class VolumeGateActor : ReceiveActor
{
    private readonly Dictionary<VolumeId, VolumeTurns> _turns = [];
    private readonly Dictionary<IActorRef, VolumeId> _volumes = [];
    private readonly Dictionary<RunId, VolumeProtocol.RunStands> _runs = [];

    public VolumeGateActor()
    {
        Receive<VolumeProtocol.RunStands>(stands =>
        {
            _runs[stands.RunId] = stands;
            foreach (var turns in _turns.Values)
            {
                MakeWay(turns);
            }
        });
        Receive<VolumeProtocol.RunEnded>(ended => _runs.Remove(ended.RunId));
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
            if (turns.Leave(gone.ActorRef, Rank) is { } next)
            {
                next.Tell(new Entered(AfterAnother: true));
            }

            if (turns.NobodyCame)
            {
                _turns.Remove(volume);
            }
        });
    }

    /// <summary>The higher the earlier.</summary>
    private (bool Active, int Priority) Rank(RunId run) => _runs.TryGetValue(run, out var stands) ? (!stands.Held, stands.Priority) : default;

    private void MakeWay(VolumeTurns turns)
    {
        if (turns.MustGiveWay(Rank) is { } holder)
        {
            holder.Tell(new GiveWay());
        }
    }

    /// <summary>The sender would work on a volume, until it ends.</summary>
    public sealed record Enter(VolumeId VolumeId, RunId RunId) : ILocalMessage;

    /// <summary>Nobody else is at it.</summary>
    public sealed record Entered(bool AfterAnother) : ILocalMessage;

    /// <summary>Another run is at it.</summary>
    public sealed record Waits : ILocalMessage;

    /// <summary>A run that comes first waits for the volume: it is to be left to that one, unless its result is already being made. May be said again.</summary>
    public sealed record GiveWay : ILocalMessage;
}
