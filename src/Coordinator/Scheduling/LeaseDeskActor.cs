using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Where free encoders and open leases meet.</summary>
internal sealed class LeaseDeskActor : ReceiveActor
{
    private readonly LeaseBoard _board = new();
    private readonly Dictionary<string, IActorRef> _encoders = [];
    private readonly Dictionary<VolumeId, IActorRef> _owners = [];

    public LeaseDeskActor()
    {
        Receive<SliceProtocol.RequestLease>(request =>
        {
            _encoders[request.EncoderId] = Sender;
            Context.Watch(Sender);
            _board.Request(request.EncoderId, request.CachedVolumes);
            HandOut();
        });
        Receive<VolumeProtocol.LeasesOffered>(offered =>
        {
            _owners[offered.Task.VolumeId] = Sender;
            _board.Add(offered.Task, offered.Ranges);
            HandOut();
        });
        Receive<VolumeProtocol.LeasesWithdrawn>(withdrawn =>
        {
            _board.Withdraw(withdrawn.VolumeId);
            _owners.Remove(withdrawn.VolumeId);
        });
        Receive<VolumeProtocol.RunStands>(_ => { });
        Receive<Terminated>(gone =>
        {
            foreach (var encoder in _encoders.Where(pair => pair.Value.Equals(gone.ActorRef)).Select(pair => pair.Key).ToList())
            {
                _encoders.Remove(encoder);
                _board.Forget(encoder);
            }
        });
    }

    private void HandOut()
    {
        foreach (var grant in _board.Match())
        {
            var owner = _owners[grant.Task.VolumeId];
            var encoder = _encoders[grant.EncoderId];
            owner.Tell(new VolumeProtocol.LeaseStarted(grant.Directions, encoder));
            encoder.Tell(new SliceProtocol.EncodeLease(grant.Task, grant.Directions), owner);
        }
    }
}
