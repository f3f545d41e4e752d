using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Lets one run at a time work on a volume: its rows, slabs and result have one place in the store. Who comes later finds what the
/// one before has made.</summary>
internal sealed class VolumeGateActor : ReceiveActor
{
    private readonly Dictionary<VolumeId, Queue<IActorRef>> _queues = [];
    private readonly Dictionary<IActorRef, VolumeId> _volumes = [];

    public VolumeGateActor()
    {
        Receive<Enter>(enter =>
        {
            if (!_queues.TryGetValue(enter.VolumeId, out var queue))
            {
                _queues[enter.VolumeId] = queue = new();
            }

            _volumes[Sender] = enter.VolumeId;
            Context.Watch(Sender);
            queue.Enqueue(Sender);
            if (queue.Count == 1)
            {
                Sender.Tell(new Entered());
            }
        });
        Receive<Terminated>(gone =>
        {
            _volumes.Remove(gone.ActorRef, out var volume);
            var wasIn = _queues[volume].Peek().Equals(gone.ActorRef);
            var rest = new Queue<IActorRef>(_queues[volume].Where(waiting => !waiting.Equals(gone.ActorRef)));
            if (rest.Count == 0)
            {
                _queues.Remove(volume);
                return;
            }

            _queues[volume] = rest;
            if (wasIn)
            {
                rest.Peek().Tell(new Entered());
            }
        });
    }

    /// <summary>The sender would work on a volume, until it ends.</summary>
    public sealed record Enter(VolumeId VolumeId) : ILocalMessage;

    /// <summary>Nobody else is at it.</summary>
    public sealed record Entered : ILocalMessage;
}
