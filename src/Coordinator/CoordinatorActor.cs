using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator;

/// <summary>The cluster's one coordinator: a child per run, and the lease desk that all encoders pull from. It begins by claiming the
/// store and by taking up the runs that lie there.</summary>
internal sealed class CoordinatorActor : ReceiveActor, IWithTimers, IWithStash
{
    private readonly RunStarter _starter;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly StoreSilence _silence = new(Context.GetLogger());
    private readonly Dictionary<RunId, IActorRef> _runs = [];

    /// <summary>Of free encoders that have asked too early, each one's latest question.</summary>
    private readonly Dictionary<string, (SliceProtocol.RequestLease Request, IActorRef Encoder)> _early = new(StringComparer.Ordinal);
    private readonly IActorRef _leaseDesk;
    private readonly IActorRef _gate;
    private readonly IActorRef _admission;
    private RunServices? _services;
    private BlobStoreException? _unclaimed;

    public CoordinatorActor(RunStarter starter)
    {
        _starter = starter;
        _leaseDesk = Context.ActorOf(Props.Create(() => new LeaseDeskActor(starter.Options)), "leases");
        _gate = Context.ActorOf(Props.Create(() => new VolumeGateActor()), "gate");
        _admission = Context.ActorOf(Props.Create(() => new AdmissionActor(starter.Options)), "admission");
        Context.Watch(_leaseDesk); // without them no run goes on
        Context.Watch(_gate);
        Context.Watch(_admission);
        Beginning();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    // A run that fails has lost its state; its clients watch it. Begun again with the same document, it might fail for ever.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart()
    {
        var every = _starter.Options.ClaimRenewal;
        Timers.StartPeriodicTimer(nameof(Listen), new Listen(), every * (ClaimKeeper.WatchedRenewals + 1), every); // a claim that stands is watched first
        Begin();
    }

    protected override void PostStop()
    {
        CoordinatorTelemetry.Leads(false);
        CoordinatorTelemetry.StoreIsSilent(TimeSpan.Zero);
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void Begin() => _starter.BeginAsync(new(_leaseDesk, _gate, _admission), _stopping.Token).PipeTo(Self, failure: error => new NotBegun(error));

    private void Beginning()
    {
        ReceiveEnds();
        Receive<RunStarter.Begun>(begun =>
        {
            _services = begun.Services;
            Timers.CancelAll();
            _silence.Ends();
            Become(Working);
            CoordinatorTelemetry.Leads(true);
            Context.Watch(Context.ActorOf(Props.Create(() => new RenewalActor(_starter)), "renewal"));
            foreach (var run in begun.UnderWay)
            {
                ActorOf(run);
            }

            foreach (var (request, encoder) in _early.Values)
            {
                _leaseDesk.Tell(request, encoder);
            }

            _early.Clear();
            Stash.UnstashAll();
        });
        Receive<NotBegun>(failed =>
        {
            if (failed.Error is SupersededException superseded)
            {
                LeaveTo(superseded.Message);
                return;
            }

            if (failed.Error is not BlobStoreException store)
            {
                throw new InvalidOperationException("The coordinator could not begin.", failed.Error);
            }

            _log.Warning(failed.Error, "The store cannot be claimed; it is tried again");
            _unclaimed = store;
            _silence.Ends();
            Timers.StartSingleTimer(nameof(Again), new Again(), _starter.Options.StoreRetryPause);
        });
        Receive<Again>(_ => Begin());
        Receive<Listen>(_ =>
        {
            _silence.Lasts(_starter.Options.ClaimRenewal);
            _unclaimed = _silence.IsLong ? new BlobStoreException(BlobStoreError.Unavailable, "The store does not answer.") : _unclaimed;
        });
        Receive<SliceProtocol.RequestLease>(request => _early[request.EncoderId] = (request, Sender));
        Receive<StoreProtocol.DescribeStore>(_ => { }); // who would know asks again
        Receive<SliceProtocol.DescribeLeases>(_ => { });
        Receive<RunProtocol.DescribeRun>(describe => Refuse(describe.RunId), _ => _unclaimed is not null);
        Receive<RunProtocol.ControlRun>(control => Refuse(control.RunId), _ => _unclaimed is not null);
        ReceiveAny(_ => Stash.Stash());
    }

    private void Refuse(RunId run) => Sender.Tell(Rejected(run, _unclaimed!.Code, $"The coordinator cannot claim the store, and tries again: {_unclaimed.Message}"));

    private void Working()
    {
        ReceiveEnds();
        Receive<RunProtocol.SubmitRun>(submit => Forward(submit.RunId, submit, run => new RunProtocol.RunFinished(run.RunId)));
        Receive<RunProtocol.WatchRun>(watch => Forward(watch.RunId, watch, run => new RunProtocol.RunFinished(run.RunId)));
        Receive<RunProtocol.DescribeRun>(describe => Forward(describe.RunId, describe, Describe));
        Receive<RunProtocol.ControlRun>(control => Forward(
            control.RunId, control, run => new RunProtocol.RunRejected(run.RunId, "run.ended", $"Run {run.RunId} has ended; submit it anew.")));
        Receive<Found>(found =>
        {
            var run = found.Run;
            if (run.IsEnded)
            {
                Sender.Tell(found.OfEnded(run));
                return;
            }

            ActorOf(run).Forward(found.Message);
        });
        Receive<VolumeProtocol.RunEnded>(ended =>
        {
            _gate.Tell(ended);
            _admission.Tell(ended);
            if (_runs.Remove(ended.RunId, out var run))
            {
                run.Tell(PoisonPill.Instance); // after what was handed to it
            }
        });
        Receive<RunLost>(lost => { _runs.Remove(lost.RunId); });
        Receive<RunProtocol.RunRejected>(rejected => Sender.Tell(rejected));
        Receive<SliceProtocol.RequestLease>(request => _leaseDesk.Forward(request));
        Receive<SliceProtocol.EncoderLeaving>(leaving => _leaseDesk.Forward(leaving));
        Receive<StoreProtocol.DescribeStore>(_ =>
        {
            if (_services!.Volumes.StoreMark is { } mark)
            {
                Sender.Tell(new StoreProtocol.StoreDescribed(mark));
            }
        });
        Receive<SliceProtocol.DescribeLeases>(describe => _leaseDesk.Forward(describe));
        Receive<VolumeProtocol.Superseded>(_ => LeaveTo("Another coordinator has written to the ledger."));
    }

    /// <summary>What all runs share has lost its state: another node leads from what is in the store; where there is but this process, its client hears
    /// of the end.</summary>
    private void ReceiveEnds() => Receive<Terminated>(ended =>
    {
        if (_starter.Options.TakesUpRuns)
        {
            Leave($"Its {ended.ActorRef.Path.Name} failed unexpectedly, as the log says.");
        }
        else
        {
            Context.Stop(Self);
        }
    });

    /// <summary>Hands a message to a run, which is begun where it lies in the store and is not under way; of one that has ended, answers by its
    /// document.</summary>
    private void Forward(RunId id, object message, Func<RunDocument, object> ofEnded)
    {
        if (_runs.TryGetValue(id, out var running))
        {
            running.Forward(message);
            return;
        }

        _services!.Registry.ReadAsync(id, _stopping.Token).PipeTo(
            Self,
            Sender,
            success: run => run is null
                ? Rejected(id, "run.manifest_unreadable", $"The document of run {id} is none that this program wrote; submit the run again.")
                : new Found(run, message, ofEnded),
            failure: error => error switch
            {
                BlobStoreException { Error: BlobStoreError.NotFound } => Rejected(id, "run.unknown", $"There is no run {id} in this store; submit it."),
                BlobStoreException store => Rejected(id, store.Code, store.Message),
                _ => Rejected(id, "internal.failure", "Reading the run failed unexpectedly; the log says where. Please report it."),
            });
    }

    private static RunProtocol.RunRejected Rejected(RunId run, string code, string detail) => new(run, code, detail);

    private static RunProtocol.RunDescribed Describe(RunDocument run) =>
        new(run.RunId, run.State, run.Priority, run.SubmittedAt, run.InputCount, run.Counts ?? default, 0, run.IsEnded ? 1 : 0, 0);

    private IActorRef ActorOf(RunDocument run)
    {
        if (!_runs.TryGetValue(run.RunId, out var actor))
        {
            // A client chooses its run's id; it must neither break the rules for names nor meet the lease desk's.
            var (services, name) = (_services!, $"run:{Uri.EscapeDataString(run.RunId.Value)}");
            _runs[run.RunId] = actor = Context.ActorOf(Props.Create(() => new RunActor(run, services)), name);
            Context.WatchWith(actor, new RunLost(run.RunId));
        }

        return actor;
    }

    private sealed record RunLost(RunId RunId) : ILocalMessage;

    /// <summary>Leaves the store to another coordinator.</summary>
    private void LeaveTo(string why)
    {
        CoordinatorTelemetry.Conflict(superseded: true);
        Leave(why);
    }

    private void Leave(string why)
    {
        _log.Error("{Reason} This node leaves", why);
        CoordinatedShutdown.Get(Context.System).Run(CoordinatedShutdown.ClusterDowningReason.Instance);
    }

    private sealed record NotBegun(Exception Error) : ILocalMessage;

    private sealed record Again : ILocalMessage;

    private sealed record Listen : ILocalMessage;

    /// <param name="Message">For the run.</param>
    /// <param name="OfEnded">The answer to it, where the run has ended.</param>
    private sealed record Found(RunDocument Run, object Message, Func<RunDocument, object> OfEnded) : ILocalMessage;
}
