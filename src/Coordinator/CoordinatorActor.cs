using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator;

/// <summary>The cluster's one coordinator: a child per run, and the lease desk that all encoders pull from.</summary>
internal sealed class CoordinatorActor : ReceiveActor
{
    public CoordinatorActor(Func<IActorRef, VolumeServices> services)
    {
        var leaseDesk = Context.ActorOf(Props.Create(() => new LeaseDeskActor()), "leases");
        var volumeServices = services(leaseDesk);

        Receive<RunProtocol.SubmitRun>(submit =>
        {
            var running = Context.Child(submit.RunId.Value);
            if (!running.IsNobody())
            {
                running.Forward(new RunProtocol.WatchRun(submit.RunId)); // the same submission once more
                return;
            }

            var client = Sender;
            Context.ActorOf(Props.Create(() => new RunActor(submit.RunId, submit.Manifest, client, volumeServices)), submit.RunId.Value);
        });
        Receive<RunProtocol.WatchRun>(watch =>
        {
            var run = Context.Child(watch.RunId.Value);
            if (run.IsNobody())
            {
                Sender.Tell(new RunProtocol.RunRejected(watch.RunId, "run.unknown", $"No run {watch.RunId} is under way; submit it."));
                return;
            }

            run.Forward(watch);
        });
        Receive<SliceProtocol.RequestLease>(request => leaseDesk.Forward(request));
    }
}
