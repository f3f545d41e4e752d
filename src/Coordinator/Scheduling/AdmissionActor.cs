using Akka.Actor;
using ToNNO.Contracts;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Lets the volumes of all runs into work, so many at a time. Those of a run that is held, or of lower priority, give way.</summary>
internal sealed class AdmissionActor : ReceiveActor
{
    private readonly Admission<IActorRef> _admission;
    private readonly RunRanks _ranks = new();

    public AdmissionActor(CoordinatorOptions options)
    {
        _admission = new Admission<IActorRef>(options.MemoryBudgetBytes, options.MaximumVolumes);
        Receive<RunStands>(stands =>
        {
            _ranks.Stands(stands);
            GoOn();
        });
        Receive<RunEnded>(ended => _ranks.Ended(ended.RunId));
        Receive<AdmissionRequested>(request =>
        {
            if (_admission.Exceeds(request.SizeBytes))
            {
                Sender.Tell(new StageFailed(
                    "volume.too_large",
                    $"Volume {request.VolumeId} needs about {request.SizeBytes >> 20} MiB, more than the memory set aside for volumes; use a machine with more.",
                    VolumeState.Quarantined));
                return;
            }

            Context.Watch(Sender);
            _admission.Request(Sender, request.RunId, request.SizeBytes, request.Alone);
            GoOn();
        });
        Receive<Stays>(_ =>
        {
            _admission.Stay(Sender);
            GoOn();
        });
        Receive<Terminated>(gone =>
        {
            _admission.Release(gone.ActorRef);
            GoOn();
        });
    }

    private void GoOn()
    {
        foreach (var volume in _admission.Admit(Rank))
        {
            volume.Tell(new Admitted());
        }

        foreach (var volume in _admission.MustGiveWay(Rank))
        {
            volume.Tell(new GiveWay());
        }
    }

    private int? Rank(RunId run) => _ranks.Of(run) is (Active: true, var priority) ? priority : null;
}
