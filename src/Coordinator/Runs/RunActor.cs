using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Runs;

/// <summary>Takes every volume of a run through, each on its own, and tells the watchers.</summary>
internal sealed class RunActor : ReceiveActor, IWithTimers
{
    private readonly RunServices _services;
    private readonly RunInputs _inputs;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly RunWatchers _watchers = new(Context);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Who gave commands that are being written.</summary>
    private readonly List<IActorRef> _unanswered = [];
    private readonly Dictionary<VolumeId, RunInput> _givenWay = [];

    /// <summary>Spans of volumes whose actors have failed, for the ledger.</summary>
    private readonly Dictionary<VolumeId, string?> _broken = [];
    private readonly Activity? _span;
    private Task _controlled = Task.CompletedTask;
    private RunDocument _run;
    private RunProgress _progress;

    /// <param name="run">One that has not ended.</param>
    public RunActor(RunDocument run, RunServices services)
    {
        (_run, _services) = (run, services);
        _inputs = new RunInputs(run, services.Registry, services.Volumes.Ledger);
        _progress = RunProgress.Of(run.InputCount);
        _span = CoordinatorTelemetry.Source.Begin("run", run.TraceParent)?.SetTag("tonno.run.id", run.RunId.Value).SetTag("tonno.run.volumes", run.InputCount);
        Receive<RunInputs.Page>(page =>
        {
            _inputs.Add(page);
            _progress = _progress.Found(page.Ended);
            if (page.Damaged is { } path)
            {
                _log.Error("Run {RunId} fails {Volumes} of its inputs: {Path} is damaged or gone; submit them again; trace {TraceId}", _run.RunId, page.Ended.Total, path, _span?.TraceId);
                CoordinatorTelemetry.Concluded(VolumeState.Failed, RunRegistry.InputsDamaged, page.Ended.Total);
            }

            GoOn();
        });
        Receive<RunProtocol.SubmitRun>(_ =>
        {
            Watch(Sender);
            Sender.Tell(new RunProtocol.RunAccepted(run.RunId, run.InputCount));
        });
        Receive<RunProtocol.WatchRun>(_ => Watch(Sender));
        Receive<RunProtocol.DescribeRun>(_ => Sender.Tell(_progress.Describe(_run)));
        Receive<RunProtocol.ControlRun>(Control);
        Receive<Changed>(changed =>
        {
            _unanswered.Remove(changed.ReplyTo);
            _run = changed.Run;
            if (RunControls.IsRefused(_run, changed.Control))
            {
                changed.ReplyTo.Tell(TooLate()); // canceled while it was being written
                return;
            }

            changed.ReplyTo.Tell(_progress.Describe(_run));
            Obey();
        });
        Receive<ControlFailed>(failed =>
        {
            _unanswered.Remove(failed.ReplyTo);
            failed.ReplyTo.Tell(new RunProtocol.RunRejected(_run.RunId, failed.Error.Code, failed.Error.Message));
        });
        Receive<VolumeProtocol.TurnAwaited>(awaited => _progress = _progress.TurnAwaited(awaited.VolumeId));
        Receive<VolumeProtocol.TurnCame>(came => _progress = _progress.TurnCame(came.VolumeId));
        Receive<VolumeProtocol.GivenWay>(given =>
        {
            _givenWay[given.Input.VolumeId] = given.Input;
            Context.Stop(Sender);
        });
        Receive<VolumeProtocol.VolumeAdvanced>(advanced => _progress = _progress.Advanced(advanced));
        Receive<RunProtocol.VolumeConcluded>(Conclude);
        Receive<Tell>(_ =>
        {
            _watchers.Tell(_progress.ToMessage(_run.RunId));
            services.Volumes.LeaseDesk.Tell(new VolumeProtocol.VolumesRemain(run.RunId, _progress.Volumes - _progress.Counts.Total));
        });
        Receive<Ended>(ended =>
        {
            _run = ended.Run;
            CoordinatorTelemetry.RunEnded(_run.State == RunState.Canceled, _services.Volumes.Time.GetUtcNow() - _run.SubmittedAt);
            _watchers.Tell(_progress.ToMessage(_run.RunId));
            _watchers.Tell(new RunProtocol.RunFinished(_run.RunId));
            Timers.CancelAll();
            Context.Parent.Tell(new VolumeProtocol.RunEnded(_run.RunId));
        });
        Receive<VolumeProtocol.Broken>(broken => _broken[broken.VolumeId] = broken.TraceParent);
        Receive<VolumeLost>(lost => Lost(lost.VolumeId));
        Receive<Terminated>(gone => _watchers.Remove(gone.ActorRef));
        Receive<StoreFailed>(failed =>
        {
            _log.Warning(failed.Error, "The store fails run {RunId}; it is asked again; trace {TraceId}", _run.RunId, _span?.TraceId);
            Timers.StartSingleTimer(nameof(TryAgain), new TryAgain(), services.Options.StoreRetryPause);
        });
        Receive<TryAgain>(_ =>
        {
            _inputs.GiveUp();
            GoOn();
        });
        Receive<VolumeProtocol.Superseded>(Context.Parent.Tell);
        Receive<Broken>(broken => throw new InvalidOperationException($"Run {_run.RunId} failed; trace {_span?.TraceId}", broken.Error));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // A volume that fails unexpectedly is stopped, reported by VolumeLost, and harms no other.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(-1, Timeout.Infinite, _ => Directive.Stop, loggingEnabled: false); // it has said why

    protected override void PreStart()
    {
        CoordinatorTelemetry.RunOpen(1);
        Timers.StartPeriodicTimer(nameof(Tell), new Tell(), _services.Options.ProgressInterval);
        Obey();
    }

    protected override void PostStop()
    {
        CoordinatorTelemetry.RunOpen(-1);
        _stopping.Cancel();
        _stopping.Dispose();
        _span?.Dispose();
        foreach (var client in _run.IsEnded ? _unanswered : [])
        {
            client.Tell(TooLate()); // the run ended before it was this one's turn
        }
    }

    /// <summary>Does as the run's document says, which may just have been changed.</summary>
    private void Obey()
    {
        var stands = new VolumeProtocol.RunStands(_run.RunId, _run.Priority, Held: _run.State != RunState.Active);
        _services.Volumes.LeaseDesk.Tell(stands);
        _services.Volumes.Gate.Tell(stands);
        _services.Volumes.Admission.Tell(stands);
        if (_run.State == RunState.Canceled)
        {
            foreach (var volume in _progress.InWork)
            {
                Context.Child(ActorName(volume)).Tell(new VolumeProtocol.Cancel());
            }
        }

        GoOn();
    }

    /// <summary>Starts actors for as many of the next volumes as may read headers ahead of admission; of a canceled run, counts them.</summary>
    private void GoOn()
    {
        var (settings, options, trace) = (_run.Settings, _services.Options, _span?.Id ?? _run.TraceParent);
        var ahead = options.MaximumVolumes + options.MaximumInspections;
        while (_run.State != RunState.Paused && _progress.InWork.Count < ahead && _inputs.TryTake(out var input))
        {
            _progress = _progress.Started(input.VolumeId);
            if (_run.State == RunState.Canceled)
            {
                _progress = _progress.Concluded(input.VolumeId, VolumeState.Canceled, reused: false);
                continue;
            }

            var actor = Context.ActorOf(Props.Create(() => new VolumeActor(_run.RunId, settings, input, _services.Volumes, trace)), ActorName(input.VolumeId));
            Context.WatchWith(actor, new VolumeLost(input.VolumeId));
        }

        if (_inputs.WantsPage(ahead))
        {
            Pipe(_inputs.ReadAsync(_stopping.Token), page => page, error => new StoreFailed(error), Self);
        }
        else if (_progress.Finished)
        {
            var counts = _progress.Counts;
            Pipe(
                _services.Registry.ChangeAsync(
                    _run, _services.Epoch, run => run with { State = run.State == RunState.Canceled ? RunState.Canceled : RunState.Finished, Counts = counts }, _stopping.Token),
                run => new Ended(run),
                error => new StoreFailed(error),
                Self);
        }
    }

    private void Control(RunProtocol.ControlRun control)
    {
        if (_progress.Finished || _run.State == RunState.Canceled)
        {
            Sender.Tell(TooLate());
            return;
        }

        // The next is written once this actor has been told of the one before: what it hears last is what was written last.
        var (self, replyTo, before, known, stopping) = (Self, Sender, _controlled, _run, _stopping.Token);
        _unanswered.Add(replyTo);
        _controlled = ChangeAsync();

        async Task ChangeAsync()
        {
            await before.ConfigureAwait(false);
            await Pipe(
                _services.Registry.ChangeAsync(known, _services.Epoch, run => RunControls.Apply(run, control), stopping),
                run => new Changed(run, control, replyTo),
                error => new ControlFailed(error, replyTo),
                self).ConfigureAwait(false);
        }
    }

    private RunProtocol.RunRejected TooLate() => new(_run.RunId, "run.ended", $"Run {_run.RunId} has ended or is about to; submit it anew.");

    private void Conclude(RunProtocol.VolumeConcluded concluded)
    {
        if (!_progress.IsInWork(concluded.VolumeId))
        {
            return;
        }

        _progress = _progress.Concluded(concluded.VolumeId, concluded.State, concluded.Reused);
        CoordinatorTelemetry.Concluded(concluded.State, concluded.ReasonCode);
        if (concluded.State is VolumeState.Failed or VolumeState.Quarantined)
        {
            _log.Info("Volume {VolumeId} of run {RunId} is {State}: {ReasonCode}; trace {TraceId}", concluded.VolumeId, _run.RunId, concluded.State, concluded.ReasonCode, Spans.TraceIdOf(concluded.TraceParent));
        }

        Context.Stop(Context.Child(ActorName(concluded.VolumeId)));
        _watchers.Tell(concluded);
        GoOn();
    }

    private void Lost(VolumeId volume)
    {
        var gaveWay = _givenWay.Remove(volume, out var input);
        _broken.Remove(volume, out var trace);
        if (!_progress.IsInWork(volume))
        {
            return;
        }

        if (gaveWay)
        {
            _progress = _progress.PutBack(volume);
            _inputs.PutBack(input!);
            GoOn();
            return;
        }

        var lost = RunControls.Lost(_run.RunId, volume) with { TraceParent = trace };
        _services.Volumes.Ledger.RecordAsync(volume, entry => LedgerEntry.Of(lost, entry) with { TraceId = Spans.TraceIdOf(trace) }, _stopping.Token).PipeTo(Self, success: _ => lost, failure: _ => lost);
    }

    private void Watch(IActorRef watcher)
    {
        _watchers.Add(watcher);
        if (_run.IsEnded)
        {
            watcher.Tell(new RunProtocol.RunFinished(_run.RunId));
        }
    }

    /// <returns>Ends when this actor has been told.</returns>
    private static Task Pipe<T>(Task<T> work, Func<T, object> success, Func<BlobStoreException, object> failure, IActorRef self) => work.PipeTo(self, success: success, failure: error => error switch
    {
        BlobStoreException store => failure(store),
        Claims.SupersededException => new VolumeProtocol.Superseded(),
        _ => new Broken(error),
    });

    private static string ActorName(VolumeId volume) => Uri.EscapeDataString(volume.Value);

    private sealed record StoreFailed(BlobStoreException Error) : ILocalMessage;

    private sealed record TryAgain : ILocalMessage;

    private sealed record Changed(RunDocument Run, RunProtocol.ControlRun Control, IActorRef ReplyTo) : ILocalMessage;

    private sealed record ControlFailed(BlobStoreException Error, IActorRef ReplyTo) : ILocalMessage;

    private sealed record VolumeLost(VolumeId VolumeId) : ILocalMessage;

    private sealed record Tell : ILocalMessage;

    private sealed record Ended(RunDocument Run) : ILocalMessage;

    private sealed record Broken(Exception Error) : ILocalMessage;
}
