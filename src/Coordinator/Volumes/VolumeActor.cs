using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Imaging;
using ToNNO.Storage;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Takes one volume from its header to its published heatmap, or to the reason why there is none.</summary>
internal sealed class VolumeActor : ReceiveActor
{
    private const string Publisher = "publishing";

    private readonly RunId _run;
    private readonly RunInput _input;
    private readonly VolumeServices _services;
    private readonly VolumeSpan _span;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private Inspection? _inspection;
    private readonly List<RowsStored> _stored = [];
    private VolumeTask? _settled;
    private IReadOnlyList<double> _passChanges = [];
    private IActorRef _slabFeeder = ActorRefs.Nobody;
    private readonly IActorRef _ledger;
    private int _stuck;
    private bool _entered;
    private DateTimeOffset _lastRows;

    /// <param name="traceParent">The span of the run; the volume's trace is its own, and linked with it.</param>
    public VolumeActor(RunId run, RunSettings settings, RunInput input, VolumeServices services, string? traceParent = null)
    {
        (_run, _input, _services) = (run, input, services);
        _span = new VolumeSpan(run, input.VolumeId, services.Time, traceParent, services.StoreMark);
        _ledger = StoreWork("ledger");
        services.Gate.Tell(new VolumeGateActor.Enter(input.VolumeId, run));
        Receive<VolumeGateActor.Waits>(_ => Context.Parent.Tell(new TurnAwaited(input.VolumeId)));
        Receive<VolumeGateActor.Entered>(entered =>
        {
            _entered = true;
            if (entered.AfterAnother)
            {
                Context.Parent.Tell(new TurnCame(input.VolumeId));
            }

            StoreWork("inspection").Tell(new StoreWorkActor.Work(cancel => InspectAsync(settings, cancel)));
        });
        Inspecting();
    }

    // A child that fails has lost its state: the volume fails with it, and the run says so.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        -1,
        Timeout.Infinite,
        error =>
        {
            Failed(error);
            return Directive.Escalate;
        },
        loggingEnabled: false);

    protected override bool AroundReceive(Receive receive, object message)
    {
        try
        {
            return base.AroundReceive(receive, message);
        }
        catch (Exception error)
        {
            Failed(error);
            throw;
        }
    }

    protected override void PostStop() => _span.Dispose();

    /// <summary>Tells where it can be told of which volume: the run, which stops this actor for it, knows only that there was an error.</summary>
    private void Failed(Exception error)
    {
        _log.Error(error, "Volume {VolumeId} of run {RunId} failed unexpectedly; trace {TraceId}", _input.VolumeId, _run, Spans.TraceIdOf(_span.Id));
        _span.Failed(RunControls.Unexpected);
        Context.Parent.Tell(new Broken(_input.VolumeId, _span.Id));
    }

    private IActorRef StoreWork(string name)
    {
        var (options, trace) = (_services.Options, _span.Id);
        return Context.ActorOf(Props.Create(() => new StoreWorkActor(options, name, trace)), name);
    }

    private async Task<object> InspectAsync(RunSettings settings, CancellationToken cancel)
    {
        var inspection = await _services.Inspector.InspectAsync(_run, settings, _input, cancel).ConfigureAwait(false);
        var entry = inspection.Done is null ? (await _services.Ledger.FindAsync([_input.VolumeId], cancel).ConfigureAwait(false))[0] : null;
        return new Inspected(inspection, entry);
    }

    private void Inspecting()
    {
        Receive<Inspected>(inspected =>
        {
            _span.Staged("inspect");
            _inspection = inspected.Inspection with { Task = inspected.Inspection.Task with { TraceParent = _span.Id, Store = _services.StoreMark } };
            if (_inspection.Done is { } result)
            {
                // It may be this run's own, whose coordinator died before it could record that it was published.
                Conclude(result.Warnings.Count > 0 ? VolumeState.Warning : VolumeState.Completed, "", string.Join(' ', result.Warnings), reused: result.RunId != _run);
                return;
            }

            var (task, entry) = (_inspection.Task, inspected.Entry);
            _stuck = entry?.StuckAfter(_services.DiedEpoch, task.WorkKey, _inspection.Stored.Count) ?? 0;
            if (entry?.SetAside(task.WorkKey, _stuck) is { } why)
            {
                Conclude(VolumeState.Quarantined, VolumeDeaths.Code, why, reused: false);
                return;
            }

            _services.Admission.Tell(new AdmissionRequested(_run, _input.VolumeId, _inspection.PredictedBytes, Alone: _stuck > 0));
        });
        Receive<Admitted>(_ =>
        {
            _span.Staged("wait");
            var (task, blocks, stuck) = (_inspection!.Task, _inspection.Stored.Count, _stuck);
            RecordThen(entry => LedgerEntry.Begin(task, blocks, stuck, entry), entry => new Begun(entry.Deaths ?? VolumeDeaths.None));
            _span.InProcess();
            Become(Working);
        });
        ReceiveFailures();
    }

    private void Working()
    {
        Receive<Begun>(begun =>
        {
            var (inspection, services) = (_inspection!, _services);
            Context.ActorOf(Props.Create(() => new PassesActor(inspection, services, begun.Deaths)), "passes");
        });
        Receive<DeathsNoted>(noted =>
        {
            var encoding = Sender;
            RecordThen(entry => entry! with { Deaths = noted.Deaths }, _ => new Noted(encoding));
        });
        Receive<Noted>(noted => noted.Encoding.Tell(new DeathsRecorded()));
        Receive<RowsStored>(stored =>
        {
            _stored.Add(stored);
            _lastRows = _services.Time.GetUtcNow();
            _slabFeeder.Tell(stored);
            Context.Parent.Tell(new VolumeAdvanced(_input.VolumeId, _inspection!.Leases.Count, _stored.Count, stored.SlicesEncoded));
        });
        Receive<DirectionsSettled>(settled =>
        {
            var (options, count) = (_services.Options, settled.Directions);
            _passChanges = settled.PassChanges;
            var task = _settled = _inspection!.Task with { StoppedAfter = count < _inspection.DirectionCount ? count : null };
            _slabFeeder = Context.ActorOf(Props.Create(() => new SlabFeederActor(task, count, _services.SlabRegion, options)), "slabs");
            _stored.ForEach(_slabFeeder.Tell);
        });
        Receive<SlabsCompleted>(completed =>
        {
            if (!Context.Child(Publisher).IsNobody())
            {
                return; // said twice
            }

            _span.Staged("encode", _lastRows);
            _span.Staged("backproject");
            var (region, options) = (_services.PublisherRegion, _services.Options);
            var publish = new ReconProtocol.PublishHeatmap(_settled!, completed.Slabs, completed.BackprojectionTime, _span.Elapsed, _passChanges) { TraceParent = _span.Id };
            Context.ActorOf(Props.Create(() => new PublishingActor(publish, region, options)), Publisher);
            _services.Admission.Tell(new Stays());
        });
        Receive<ReconProtocol.HeatmapPublished>(published =>
        {
            _span.Staged("publish");
            Conclude(published.Warning.Length > 0 ? VolumeState.Warning : VolumeState.Completed, "", published.Warning, reused: false);
        });
        ReceiveFailures();
    }

    private void ReceiveFailures()
    {
        Receive<StageFailed>(failed => Conclude(failed.State, failed.ReasonCode, failed.Detail, reused: false));
        Receive<GiveWay>(_ =>
        {
            // What is encoded stays in the store, and so does what is being written to the ledger.
            _ledger.Tell(new StoreWorkActor.Work(_ => Task.FromResult<object>(new GivenWay(_input))));
        });
        Receive<GivenWay>(given =>
        {
            if (Context.Child(Publisher).IsNobody())
            {
                Context.Parent.Tell(given);
            }
        });
        Receive<Cancel>(cancel =>
        {
            if (Context.Child(Publisher) is { } publisher && !publisher.IsNobody())
            {
                publisher.Tell(cancel); // the result may stand any moment
            }
            else
            {
                Self.Tell(Canceled);
            }
        });
        Receive<StoreWorkActor.Failed>(failed =>
        {
            switch (failed.Error)
            {
                case ImagingException refused:
                    Conclude(VolumeState.Quarantined, refused.Code, refused.Message, reused: false);
                    break;
                case BlobStoreException store:
                    Conclude(VolumeState.Failed, store.Code, store.Message, reused: false);
                    break;
                case SupersededException:
                    Context.Parent.Tell(new Superseded());
                    break;
                default:
                    throw new InvalidOperationException($"Inspecting volume {_input.VolumeId} failed; trace {Spans.TraceIdOf(_span.Id)}", failed.Error);
            }
        });
    }

    /// <summary>Ends the work: clears up, records, and tells the run.</summary>
    private void Conclude(VolumeState state, string reasonCode, string detail, bool reused)
    {
        _services.Admission.Tell(new Stays());
        var concluded = new RunProtocol.VolumeConcluded(_run, _input.VolumeId, state, reasonCode, detail, reused, _span.Elapsed) { TraceParent = _span.Id };
        foreach (var child in Context.GetChildren().Where(child => !child.Equals(_ledger)))
        {
            Context.Stop(child); // nothing more is to be encoded
        }

        var published = state is VolumeState.Completed or VolumeState.Warning;
        var work = Recording(entry => LedgerEntry.Of(concluded, entry) is var ended && ended.RunId == _run ? ended with { WorkKey = _inspection?.Task.WorkKey ?? "" } : ended, _ => concluded, clear: published);
        Become(() =>
        {
            Receive<RunProtocol.VolumeConcluded>(TellRun);
            Receive<StoreWorkActor.Failed>(failed => failed.Error is SupersededException, _ => Context.Parent.Tell(new Superseded()));
            Receive<StoreWorkActor.Failed>(failed => failed.Of == work, failed => TellRun(concluded with
            {
                State = VolumeState.Failed,
                ReasonCode = failed.Error is BlobStoreException store ? store.Code : "ledger.failed",
                Detail = failed.Error.Message,
            }));
            ReceiveAny(_ => { }); // answers that come too late
        });
        if (_entered)
        {
            _ledger.Tell(work);
        }
        else
        {
            Self.Tell(concluded); // the ledger's entry is that of the run which is at the volume
        }
    }

    /// <summary>Tells what the ledger has, or that it could not be had.</summary>
    private void TellRun(RunProtocol.VolumeConcluded concluded)
    {
        _span.Concluded(concluded);
        Context.Parent.Tell(concluded);
    }

    private void RecordThen(Func<LedgerEntry?, LedgerEntry> change, Func<LedgerEntry, object> next) => _ledger.Tell(Recording(change, next, clear: false));

    private StoreWorkActor.Work Recording(Func<LedgerEntry?, LedgerEntry> change, Func<LedgerEntry, object> next, bool clear) => new(async cancel =>
    {
        var entry = await _services.Ledger.RecordAsync(
            _input.VolumeId,
            former => change(former) is var changed && changed.RunId == _run ? changed with { Label = _input.Label, TraceId = Spans.TraceIdOf(_span.Id) } : changed,
            cancel).ConfigureAwait(false);
        if (clear)
        {
            await _services.ClearAsync(_input.VolumeId, cancel).ConfigureAwait(false);
        }

        return next(entry);
    });

    private sealed record Inspected(Inspection Inspection, LedgerEntry? Entry) : ILocalMessage;

    private sealed record Begun(VolumeDeaths Deaths) : ILocalMessage;

    private sealed record Noted(IActorRef Encoding) : ILocalMessage;
}
