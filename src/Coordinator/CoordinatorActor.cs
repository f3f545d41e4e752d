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
        Context.Watch(leaseDesk); // a death pact: without it no run goes on, and its clients must hear that
        var volumeServices = services(leaseDesk);

        Receive<RunProtocol.SubmitRun>(submit =>
        {
            var running = Context.Child(ActorName(submit.RunId));
            if (!running.IsNobody())
            {
                running.Forward(new RunProtocol.WatchRun(submit.RunId)); // the same submission once more
                return;
            }

            var client = Sender;
            Context.ActorOf(Props.Create(() => new RunActor(submit.RunId, submit.Manifest, client, volumeServices)), ActorName(submit.RunId));
        });
        Receive<RunProtocol.WatchRun>(watch =>
        {
            var run = Context.Child(ActorName(watch.RunId));
            if (run.IsNobody())
            {
                Sender.Tell(new RunProtocol.RunRejected(watch.RunId, "run.unknown", $"No run {watch.RunId} is under way; submit it."));
                return;
            }

            run.Forward(watch);
        });
        Receive<SliceProtocol.RequestLease>(request => leaseDesk.Forward(request));
    }

    // A run that fails has lost its state; its clients watch it. Begun again with the same manifest, it might fail for ever.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    // A client chooses its run's id; it must neither break the rules for names nor meet the lease desk's.
    private static string ActorName(RunId run) => $"run:{Uri.EscapeDataString(run.Value)}";
}
