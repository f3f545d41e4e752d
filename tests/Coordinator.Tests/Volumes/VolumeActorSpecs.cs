using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class VolumeActorSpecs : VirtualTimeSpecs
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly FakeInspector _inspector = new();
    private readonly CoordinatorOptions _options = new() { MaximumStoreFailures = 1, MaximumAttempts = 3 };
    private readonly TestProbe _run;
    private readonly TestProbe _admission;
    private readonly TestProbe _desk;
    private readonly TestProbe _slabs;
    private readonly TestProbe _publisher;
    private readonly IActorRef _gate;
    private readonly IActorRef _volume;

    public VolumeActorSpecs()
    {
        (_run, _admission, _desk, _slabs, _publisher) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        _gate = Sys.ActorOf(Props.Create(() => new VolumeGateActor()));
        _volume = Begin();
    }

    [Fact]
    public async Task Inspected_FromHeaderToResult_ConcludesCompletedAndClearsUp()
    {
        await _store.WriteAsync(".tonno/tasks/a/00/rows-000000", new byte[] { 1 }, WriteCondition.Always, CancellationToken.None);
        Work();
        Encode();
        CompleteSlabs();
        var publish = _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
        Assert.Equal(["slab-0", "slab-1"], publish.Slabs.Select(slab => slab.Path));
        _volume.Tell(new ReconProtocol.HeatmapPublished(new("a"), SmallWork.Blob("a/result.json"), ""));
        Assert.Equal((VolumeState.Completed, "", false), Concluded());
        Assert.Equal([], await _store.ListAsync(".tonno/tasks/", CancellationToken.None).ToListAsync());
        Assert.Equal((VolumeState.Completed, 1), await LedgerAsync());
        var entry = await EntryAsync();
        Assert.Equal(("lesion of Doe", "a Completed"), (entry.Label, entry.ToString())); // in the ledger, and in no log
    }

    [Fact]
    public void Inspected_DoneBefore_ConcludesWithoutWork()
    {
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a", warning: "cut off") });
        Assert.Equal((VolumeState.Warning, "", true), Concluded());
        Assert.False(_desk.HasMessages);
    }

    [Fact]
    public void Gate_TwoRunsAtOneVolume_TakeTurns()
    {
        Work();
        var other = CreateTestProbe();
        other.Send(_gate, new VolumeGateActor.Enter(new("a"), new("other")));
        other.ExpectMsg<VolumeGateActor.Waits>();
        Settle(_gate);
        Assert.False(other.HasMessages);
        _volume.Tell(PoisonPill.Instance);
        Assert.True(other.ExpectMsg<VolumeGateActor.Entered>().AfterAnother);
        other.Send(_gate, new VolumeGateActor.Enter(new("b"), new("other")));
        Assert.False(other.ExpectMsg<VolumeGateActor.Entered>().AfterAnother);
    }

    [Fact]
    public void GiveWay_UntilTheResultIsBeingMade_TheRunIsTold()
    {
        Work();
        _volume.Tell(new GiveWay());
        Assert.Equal("a", _run.ExpectMsg<GivenWay>().Input.VolumeId.Value);
        Encode();
        CompleteSlabs();
        _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
        _volume.Tell(new GiveWay());
        ExpectNothing(_run, _volume);
    }

    [Fact]
    public async Task GiveWay_WhileTheLedgerIsBeingWritten_GoesWhenThatIsDone()
    {
        Work();
        var (begun, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.Before = call => call.Changes && begun.TrySetResult() ? goOn.Task : Task.CompletedTask;
        var encoding = _desk.LastSender;
        encoding.Tell(new LeaseStarted(new(16, 16), _slabs.Ref));
        encoding.Tell(new LeasesLost([new(16, 16)], LeaseLoss.Died, [16], "there#1", TimeSpan.Zero));
        await begun.Task;
        _volume.Tell(new GiveWay());
        ExpectNothing(_run, _volume);
        goOn.SetResult();
        _run.ExpectMsg<GivenWay>();
        Assert.Equal([new VolumeDeaths.Place(16, 1)], (await EntryAsync()).Deaths?.Places);
    }

    [Fact]
    public void Inspecting_SourceNeverAnswers_FailsAndTheStageIsNamed()
    {
        IActorRef? inspection = null;
        AwaitAssert(() => inspection = Sys.ActorSelection(_volume.Path / "inspection").ResolveOne(TimeSpan.FromSeconds(1)).GetAwaiter().GetResult());
        AwaitCondition(() => _inspector.Asked > 0);
        Pass(_options.StoreDeadline, inspection!);
        Assert.Equal((VolumeState.Failed, "inspection.silent", false), Concluded());
    }

    [Fact]
    public void Cancel_WhileTheResultIsBeingMade_ItStands()
    {
        Publish();
        _volume.Tell(new Cancel());
        _publisher.Reply(new ReconProtocol.HeatmapPublished(new("a"), SmallWork.Blob("a/result.json"), ""));
        Assert.Equal((VolumeState.Completed, "", false), Concluded());
    }

    [Fact]
    public void Cancel_WhileThePublisherFails_IsNotTriedAgain()
    {
        Publish();
        _volume.Tell(new Cancel());
        Settle(_volume);
        _publisher.Reply(new ReconProtocol.PublishFailed(new("a"), "store.unavailable", "", Transient: true));
        Assert.Equal((VolumeState.Canceled, "run.canceled", false), Concluded());
    }

    [Fact]
    public void Concluding_OrPublishing_GivesWayToNobody()
    {
        Publish();
        _admission.ExpectMsg<Stays>();
        _volume.Tell(new StageFailed("volume.non_finite", "NaN", VolumeState.Quarantined));
        _admission.ExpectMsg<Stays>();
    }

    [Fact]
    public async Task Cancel_WhileAnotherRunIsAtTheVolume_LeavesItsEntryAlone()
    {
        Work();
        var second = Begin();
        second.Tell(new Cancel());
        Assert.Equal((VolumeState.Canceled, "run.canceled", false), Concluded());
        Assert.Equal((VolumeState.InProcess, 1), await LedgerAsync());
    }

    [Fact]
    public void Inspected_PublishedByThisRunAndNotRecorded_IsCompletedByItAndNotReused()
    {
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a") with { RunId = SmallWork.Run } });
        Assert.Equal((VolumeState.Completed, "", false), Concluded());
    }

    [Fact]
    public void Inspected_RowsOfAnEarlierRun_OnlyTheOthersAreOffered()
    {
        var lease = new DirectionRange(16, 16);
        _inspector.Answer(FakeInspector.NewVolume("a", 1, new RowsStored(lease, SmallWork.Blob("rows"), 0)));
        Admit();
        Assert.Equal([0, 32], _desk.ExpectMsg<LeasesOffered>().Ranges.Select(range => range.First).Order());
    }

    [Fact]
    public async Task Inspecting_Refused_QuarantinedWithTheCode()
    {
        _inspector.Fail("a", new ImagingException(RejectReason.NiftiRgb, "It is coloured."));
        Assert.Equal((VolumeState.Quarantined, "nifti.rgb", false), Concluded());
        Assert.Equal((VolumeState.Quarantined, 0), await LedgerAsync());
    }

    [Fact]
    public void Inspecting_StoreDown_FailsWithItsCode()
    {
        _inspector.Fail("a", ScriptedStore.Unavailable());
        Assert.Equal((VolumeState.Failed, "store.unavailable", false), Concluded());
    }

    [Fact]
    public void StageFailed_WhileWorking_ConcludesOnceAndIgnoresLateAnswers()
    {
        Work();
        _volume.Tell(new StageFailed("volume.non_finite", "NaN", VolumeState.Quarantined));
        Assert.Equal((VolumeState.Quarantined, "volume.non_finite", false), Concluded());
        _volume.Tell(new RowsStored(new(0, 16), SmallWork.Blob("rows"), 1));
        _volume.Tell(new StageFailed("other", "", VolumeState.Failed));
        _volume.Tell(new ReconProtocol.HeatmapPublished(new("a"), SmallWork.Blob("a/result.json"), ""));
        ExpectNothing(_run, _volume);
    }

    [Fact]
    public void Publishing_NoAnswer_AskedAgain()
    {
        Publish();
        Pass(_options.ReducerDeadline, _volume);
        _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
    }

    [Fact]
    public void Publishing_SoManySilencesInARow_FailedAndThePublisherIsNamed()
    {
        Publish();
        for (var silence = 1; silence < _options.MaximumSilences; silence++)
        {
            Pass(_options.ReducerDeadline, _volume);
            _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
        }

        Pass(_options.ReducerDeadline, _volume);

        var concluded = (RunProtocol.VolumeConcluded)_run.FishForMessage(message => message is RunProtocol.VolumeConcluded);
        Assert.Equal((VolumeState.Failed, "recon.silent"), (concluded.State, concluded.ReasonCode));
        Assert.Contains("no node has answered for it", concluded.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Died_EncoderOfTheVolume_InTheLedgerBeforeItIsOfferedAgainAndAnotherCoordinatorKnows()
    {
        Work();
        var encoding = _desk.LastSender;
        encoding.Tell(new LeaseStarted(new(16, 16), _slabs.Ref));
        encoding.Tell(new LeasesLost([new(16, 16)], LeaseLoss.Died, [16], "there#1", TimeSpan.Zero));
        Assert.Equal([16], _desk.ExpectMsg<LeasesOffered>().Suspects);
        Assert.Equal([new VolumeDeaths.Place(16, 1)], (await EntryAsync()).Deaths?.Places);

        _volume.Tell(PoisonPill.Instance);
        _desk.ExpectMsg<LeasesWithdrawn>();
        var second = Begin();
        _admission.ExpectMsg<AdmissionRequested>();
        second.Tell(new Admitted());
        Assert.Equal([16], _desk.ExpectMsg<LeasesOffered>().Suspects);
        Assert.Equal((VolumeState.InProcess, 2), await LedgerAsync());
    }

    [Fact]
    public void Publishing_TransientAsOftenAsAStoreMayFail_FailedWithTheCode()
    {
        Publish();
        for (var attempt = 1; attempt < _options.MaximumStoreFailures; attempt++)
        {
            _publisher.Reply(new ReconProtocol.PublishFailed(new("a"), "store.unavailable", "", Transient: true));
            ExpectNothing(_publisher, _publisher.LastSender);
            Pass(_options.ReducerDeadline, _publisher.LastSender);
            _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
        }

        _publisher.Reply(new ReconProtocol.PublishFailed(new("a"), "store.unavailable", "", Transient: true));
        Assert.Equal((VolumeState.Failed, "store.unavailable", false), Concluded());
    }

    [Fact]
    public void Publishing_Deterministic_Quarantined()
    {
        Publish();
        _publisher.Reply(new ReconProtocol.PublishFailed(new("a"), "source.changed", "", Transient: false));
        Assert.Equal((VolumeState.Quarantined, "source.changed", false), Concluded());
    }

    [Fact]
    public void Concluding_LedgerCannotBeWritten_FailsWithTheStoresCode()
    {
        Publish();
        _store.Before = call => call.Changes ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        _publisher.Reply(new ReconProtocol.HeatmapPublished(new("a"), SmallWork.Blob("a/result.json"), ""));
        Assert.Equal((VolumeState.Failed, "store.unavailable", false), Concluded());
    }

    [Fact]
    public async Task Concluding_RowsCannotBeDeleted_CompletedAllTheSame()
    {
        await _store.WriteAsync(".tonno/tasks/a/00/rows-000000", new byte[] { 1 }, WriteCondition.Always, CancellationToken.None);
        Publish();
        _store.Before = call => call.Operation == StoreOperation.Delete ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        _volume.Tell(new ReconProtocol.HeatmapPublished(new("a"), SmallWork.Blob("a/result.json"), ""));
        Assert.Equal((VolumeState.Completed, "", false), Concluded());
    }

    [Fact]
    public void Admitted_LedgerCannotBeWritten_FailsBeforeAnyWork()
    {
        _store.Before = call => call.Changes ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Admit();
        Assert.Equal((VolumeState.Failed, "store.unavailable", false), Concluded());
        Assert.False(_desk.HasMessages);
    }

    [Fact]
    public async Task Cancel_WhileItsBeginningIsBeingRecorded_TheLedgerSaysCanceled()
    {
        var (begun, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.Before = call => call.Changes && begun.TrySetResult() ? goOn.Task : Task.CompletedTask;
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Admit();
        await begun.Task;
        _volume.Tell(new Cancel());
        Settle(_volume);
        goOn.SetResult();
        Assert.Equal((VolumeState.Canceled, "run.canceled", false), Concluded());
        Assert.Equal(VolumeState.Canceled, (await EntryAsync()).State);
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _folder.Dispose();
    }

    private IActorRef Begin()
    {
        var services = new VolumeServices(
            _inspector, new Ledger(_store, TimeProvider.System, epoch: 1), _store, _desk.Ref, _slabs.Ref, _publisher.Ref, _options, TimeProvider.System)
        { Gate = _gate, Admission = _admission.Ref };
        var input = new RunInput(new("a"), ["/nowhere/a.nii"], "lesion of Doe");
        return _run.ChildActorOf(Props.Create(() => new VolumeActor(SmallWork.Run, SmallWork.Settings, input, services)));
    }

    private async Task<LedgerEntry> EntryAsync()
    {
        var blob = await _store.ReadAsync(Ledger.PathOf(new("a")), CancellationToken.None);
        return Documents.TryParse<LedgerEntry>(blob.Bytes.Span)!;
    }

    private void Admit()
    {
        _admission.ExpectMsg<AdmissionRequested>();
        _volume.Tell(new Admitted());
    }

    private void Work()
    {
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Admit();
        Assert.Equal(3, _desk.ExpectMsg<LeasesOffered>().Ranges.Count);
    }

    private void Encode()
    {
        var encoding = _desk.LastSender;
        foreach (var lease in SmallWork.Leases(SmallWork.Task()))
        {
            encoding.Tell(new SliceProtocol.LeaseEncoded(new("a"), lease, SmallWork.Blob("rows"), "e", 7));
            Assert.Equal(7, _run.ExpectMsg<VolumeAdvanced>().SlicesEncoded);
        }
    }

    private void CompleteSlabs()
    {
        for (var answered = 0; answered < 2;)
        {
            var apply = _slabs.ExpectMsg<ReconProtocol.ApplyRows>();
            var last = apply.Directions.End == SmallWork.Directions;
            answered += last ? 1 : 0;
            _slabs.Reply(last
                ? new ReconProtocol.SlabCompleted(new("a"), apply.Slab, SmallWork.Blob($"slab-{apply.Slab}"), TimeSpan.Zero)
                : new ReconProtocol.RowsApplied(new("a"), apply.Slab, apply.Directions.End));
        }
    }

    private void Publish()
    {
        Work();
        Encode();
        CompleteSlabs();
        _publisher.ExpectMsg<ReconProtocol.PublishHeatmap>();
    }

    private (VolumeState State, string Code, bool Reused) Concluded()
    {
        var concluded = (RunProtocol.VolumeConcluded)_run.FishForMessage(message => message is RunProtocol.VolumeConcluded);
        return (concluded.State, concluded.ReasonCode, concluded.Reused);
    }

    private async Task<(VolumeState State, int Attempts)> LedgerAsync()
    {
        var entry = await EntryAsync();
        return (entry.State, entry.Attempts);
    }
}
