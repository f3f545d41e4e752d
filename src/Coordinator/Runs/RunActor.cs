using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Runs;

/// <summary>Takes every volume of a run through: so many at a time, each on its own, and tells the watchers.</summary>
internal sealed class RunActor : ReceiveActor, IWithTimers
{
    private readonly RunId _run;
    private readonly VolumeServices _services;
    private readonly Admission _admission;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly HashSet<IActorRef> _watchers = [];
    private readonly CancellationTokenSource _stopping = new();
    private RunManifest? _manifest;
    private RunProgress _progress = RunProgress.Empty;

    public RunActor(RunId run, BlobRef manifest, IActorRef client, VolumeServices services)
    {
        (_run, _services) = (run, services);
        _admission = new Admission(services.Options.MemoryBudgetBytes, services.Options.MaximumVolumes);
        services.Store.ReadAsync(manifest.Path, _stopping.Token).PipeTo(
            Self, client, success: blob => new ManifestRead(Documents.TryParse<RunManifest>(blob.Bytes.Span)), failure: error => new ManifestUnreadable(error));

        Receive<ManifestRead>(read => Begin(read.Manifest));
        Receive<ManifestUnreadable>(unreadable => Refuse(
            unreadable.Error is BlobStoreException store ? store.Code : "run.manifest_unreadable", unreadable.Error.Message));
        Receive<RunProtocol.WatchRun>(_ => Watch(Sender));
        Receive<VolumeProtocol.AdmissionRequested>(Admit);
        Receive<VolumeProtocol.VolumeAdvanced>(advanced => _progress = _progress.Advanced(advanced));
        Receive<RunProtocol.VolumeConcluded>(Conclude);
        Receive<Tell>(_ => TellWatchers(_progress.ToMessage(_run)));
        Receive<Terminated>(gone => Lost(gone.ActorRef));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // A volume that fails unexpectedly is stopped, reported by Terminated, and harms no other.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(error =>
    {
        _log.Error(error, "A volume of run {RunId} failed unexpectedly", _run);
        return Directive.Stop;
    });

    protected override void PostStop()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void Begin(RunManifest? manifest)
    {
        if (manifest is not { Settings: not null, Inputs: not null }) // what a document lacks is read as null
        {
            Refuse("run.manifest_unreadable", "The run's manifest is not one that this program wrote; submit the run again.");
            return;
        }

        if (manifest.Inputs.DistinctBy(input => input.VolumeId).Count() < manifest.Inputs.Count)
        {
            Refuse("run.manifest_invalid", "The run's manifest names two inputs alike; give each an id of its own.");
            return;
        }

        _manifest = manifest;
        _progress = RunProgress.Of(manifest.Inputs.Select(input => input.VolumeId));
        Watch(Sender);
        Sender.Tell(new RunProtocol.RunAccepted(_run, manifest.Inputs.Count));
        Timers.StartPeriodicTimer(nameof(Tell), new Tell(), _services.Options.ProgressInterval);
        StartVolumes();
        FinishWhenDone();
    }

    private void Refuse(string reasonCode, string detail)
    {
        Sender.Tell(new RunProtocol.RunRejected(_run, reasonCode, detail));
        Context.Stop(Self);
    }

    /// <summary>Starts actors for as many of the next volumes as may read headers ahead of admission.</summary>
    private void StartVolumes()
    {
        var settings = _manifest!.Settings;
        while (_progress.Running < _services.Options.MaximumInspections && _progress.NextWaiting is { } position)
        {
            var input = _manifest.Inputs[position];
            var actor = Context.ActorOf(Props.Create(() => new VolumeActor(_run, settings, input, _services)), ActorName(input.VolumeId));
            Context.Watch(actor);
            _progress = _progress.Started();
        }
    }

    private void Admit(VolumeProtocol.AdmissionRequested request)
    {
        if (_admission.Exceeds(request.SizeBytes))
        {
            Sender.Tell(new VolumeProtocol.StageFailed(
                "volume.too_large",
                $"Volume {request.VolumeId} needs about {request.SizeBytes >> 20} MiB, more than the memory set aside for volumes; use a machine with more.",
                VolumeState.Quarantined));
            return;
        }

        _admission.Request(request.VolumeId, request.SizeBytes);
        StartAdmitted();
    }

    private void StartAdmitted()
    {
        foreach (var volume in _admission.Admit())
        {
            Context.Child(ActorName(volume)).Tell(new VolumeProtocol.Admitted());
        }
    }

    private void Conclude(RunProtocol.VolumeConcluded concluded)
    {
        if (!_progress.IsOpen(concluded.VolumeId))
        {
            return;
        }

        _progress = _progress.Concluded(concluded.VolumeId);
        _admission.Release(concluded.VolumeId);
        Context.Stop(Context.Child(ActorName(concluded.VolumeId)));
        TellWatchers(concluded);
        StartAdmitted();
        StartVolumes();
        FinishWhenDone();
    }

    private void Lost(IActorRef actor)
    {
        if (_watchers.Remove(actor) || _manifest?.Inputs.FirstOrDefault(input => ActorName(input.VolumeId) == actor.Path.Name) is not { } input
            || !_progress.IsOpen(input.VolumeId))
        {
            return;
        }

        const string Code = "internal.failure";
        const string Detail = "The work on this volume failed unexpectedly; the log says where. Please report it.";
        var concluded = new RunProtocol.VolumeConcluded(_run, input.VolumeId, VolumeState.Failed, Code, Detail, Reused: false, TimeSpan.Zero);
        _services.Ledger.RecordAsync(
            input.VolumeId,
            entry => new LedgerEntry
            {
                VolumeId = input.VolumeId,
                RunId = _run,
                State = VolumeState.Failed,
                ReasonCode = Code,
                Detail = Detail,
                Attempts = entry?.Attempts ?? 0,
            },
            _stopping.Token).PipeTo(Self, success: () => concluded, failure: _ => concluded);
    }

    private void FinishWhenDone()
    {
        if (_progress.Finished)
        {
            Timers.CancelAll();
            TellWatchers(_progress.ToMessage(_run));
            TellWatchers(new RunProtocol.RunFinished(_run));
        }
    }

    private void Watch(IActorRef watcher)
    {
        _watchers.Add(watcher);
        Context.Watch(watcher);
    }

    private void TellWatchers(object message)
    {
        foreach (var watcher in _watchers)
        {
            watcher.Tell(message);
        }
    }

    private static string ActorName(VolumeId volume) => Uri.EscapeDataString(volume.Value);

    private sealed record ManifestRead(RunManifest? Manifest) : ILocalMessage;

    private sealed record ManifestUnreadable(Exception Error) : ILocalMessage;

    private sealed record Tell : ILocalMessage;
}
