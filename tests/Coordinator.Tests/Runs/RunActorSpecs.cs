using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Runs;

/// <summary>The coordinator and its runs, with inspections that the test answers.</summary>
public sealed class RunActorSpecs : VirtualTimeSpecs
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly FakeInspector _inspector = new();
    private readonly TestProbe _client;
    private readonly TestProbe _encoder;
    private readonly TestProbe _slabs;
    private readonly CoordinatorOptions _options = new() { MaximumAttempts = 3, MaximumVolumes = 1, MaximumInspections = 1, MemoryBudgetBytes = 1 << 20 };
    private readonly IActorRef _publisher;
    private readonly IActorRef _coordinator;

    public RunActorSpecs()
    {
        (_client, _encoder, _slabs) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        var publisher = CreateTestProbe();
        _publisher = publisher.Ref;
        _coordinator = Coordinator(_options);
    }

    [Fact]
    public async Task Submit_AllDoneBefore_EachConcludedThenFinished()
    {
        await SubmitAsync("a", "b", "c");
        Assert.Equal(3, _client.ExpectMsg<RunProtocol.RunAccepted>().VolumeCount);
        foreach (var id in new[] { "a", "b", "c" })
        {
            _inspector.Answer(FakeInspector.NewVolume(id) with { Done = Results.Of(id) });
            Assert.Equal((id, VolumeState.Completed, ""), Concluded());
        }

        Finished();
    }

    [Fact]
    public async Task Submit_NoVolumes_FinishesAtOnce()
    {
        await SubmitAsync();
        Finished();
    }

    [Fact]
    public void Submit_DocumentMissing_Rejected()
    {
        _coordinator.Tell(new RunProtocol.SubmitRun(SmallWork.Run, SmallWork.Blob("nowhere.json")), _client.Ref);
        Assert.Equal("run.unknown", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("null")]
    public async Task Submit_DocumentIsNone_Rejected(string text)
    {
        var path = RunDocument.PathOf(SmallWork.Run);
        await _store.WriteAsync(path, System.Text.Encoding.UTF8.GetBytes(text), WriteCondition.Always, CancellationToken.None);
        _coordinator.Tell(new RunProtocol.SubmitRun(SmallWork.Run, SmallWork.Blob(path)), _client.Ref);
        Assert.Equal("run.manifest_unreadable", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Fact]
    public async Task Submit_Again_NoSecondRunAndNoSecondEnd()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        Submit(SmallWork.Run);
        Settle(_coordinator);
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a") });
        Assert.Equal("a", Concluded().Id);
        Finished();
    }

    [Theory]
    [InlineData("leases")]
    [InlineData("with / and $ and ä")]
    public async Task Submit_AnyRunId_IsTaken(string id)
    {
        await SubmitAsync(new RunId(id), "a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
    }

    [Fact]
    public void Watch_UnknownRun_Rejected()
    {
        _coordinator.Tell(new RunProtocol.WatchRun(new("other")), _client.Ref);
        Assert.Equal("run.unknown", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Fact]
    public async Task Watch_RunThatEnded_ItsEndIsTold()
    {
        await SubmitAsync();
        Finished();
        _coordinator.Tell(new RunProtocol.WatchRun(SmallWork.Run), _client.Ref);
        Finished();
        Submit(SmallWork.Run);
        Finished();
    }

    [Fact]
    public async Task Describe_WhileRunningAndAfter_CountsVolumesByTheirEnds()
    {
        await SubmitAsync("a", "b", "c");
        _inspector.Fail("a", new ImagingException(RejectReason.NotNifti, ""));
        Assert.Equal("a", Concluded().Id);
        var running = Ask(new RunProtocol.DescribeRun(SmallWork.Run));
        Assert.Equal((RunState.Active, 3, 2, new RunCounts(0, 0, 0, 0, 1, 0)), (running.State, running.Volumes, running.InWork, running.Counts));
        _inspector.Answer(FakeInspector.NewVolume("b") with { Done = Results.Of("b") });
        _inspector.Answer(FakeInspector.NewVolume("c") with { Done = Results.Of("c") });
        Finished();
        var ended = Ask(new RunProtocol.DescribeRun(SmallWork.Run));
        Assert.Equal((RunState.Finished, 3, 0, new RunCounts(2, 0, 2, 0, 1, 0)), (ended.State, ended.Volumes, ended.InWork, ended.Counts));
    }

    [Fact]
    public async Task Instruments_VolumesEnd_TellOfThemByStateAndReason()
    {
        using var heard = new Heard();
        await SubmitAsync("a", "b");
        _inspector.Fail("a", new ImagingException(RejectReason.NotNifti, ""));
        Concluded();
        _inspector.Fail("b", new BlobStoreException(BlobStoreError.OtherStore, ""));
        Concluded();
        Finished();
        Assert.True(heard.Of("tonno.coordinator.volume.open scheduled") > 0);
        Assert.True(heard.Of("tonno.coordinator.volume.concluded quarantined") > 0);
        Assert.True(heard.Of("tonno.coordinator.volume.quarantined nifti.not_nifti") > 0);
        Assert.True(heard.Of("tonno.coordinator.volume.concluded failed") > 0);
        Assert.True(heard.Of("tonno.coordinator.volume.failed store.other") > 0);
        Assert.True(heard.Of("tonno.coordinator.run.open") > 0);
        Assert.True(heard.Of("tonno.coordinator.run.duration finished") > 0);
    }

    [Fact]
    public async Task Pause_ThenResume_NothingNewIsBegunMeanwhile()
    {
        await SubmitAsync("a", "b", "c", "d");
        while (Ask(new RunProtocol.DescribeRun(SmallWork.Run)).InWork < 2)
        {
            // The inputs are still being read.
        }

        Assert.Equal(RunState.Paused, Ask(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Pause, 0)).State);
        foreach (var id in new[] { "a", "b", "c", "d" })
        {
            _inspector.Answer(FakeInspector.NewVolume(id) with { Done = Results.Of(id) });
        }

        string[] inWork = [Concluded().Id, Concluded().Id];
        Assert.Equal(["a", "b"], inWork.Order());
        ExpectNothing(_client, _coordinator);
        Assert.Equal(RunState.Active, Ask(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Resume, 0)).State);
        string[] rest = [Concluded().Id, Concluded().Id];
        Assert.Equal(["c", "d"], rest.Order());
        Finished();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Volume_WantedByARunThatComesFirst_IsLeftToItAndTakenUpAfterwards(bool paused)
    {
        var urgent = new RunId("urgent");
        await SubmitAsync("a", "b");
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Request();
        Assert.Equal(SmallWork.Run, _encoder.ExpectMsg<SliceProtocol.EncodeLease>().Task.RunId);
        await SubmitAsync(urgent, "a");
        AwaitAssert(() => Assert.Equal((0, 1), (Ask(new RunProtocol.DescribeRun(urgent)).InWork, Ask(new RunProtocol.DescribeRun(urgent)).Awaited)));

        Ask(paused ? new RunProtocol.ControlRun(SmallWork.Run, RunControl.Pause, 0) : new RunProtocol.ControlRun(urgent, RunControl.Prioritize, 1));
        LeaseOf(urgent);
        Assert.Equal((1, 0), (Ask(new RunProtocol.DescribeRun(urgent)).InWork, Ask(new RunProtocol.DescribeRun(urgent)).Awaited));
        AwaitAssert(() => Assert.Equal((1, paused ? 0 : 1), (Ask(new RunProtocol.DescribeRun(SmallWork.Run)).InWork, Ask(new RunProtocol.DescribeRun(SmallWork.Run)).Awaited)));

        Ask(new RunProtocol.ControlRun(urgent, RunControl.Cancel, 0));
        Ask(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Resume, 0));
        LeaseOf(SmallWork.Run);
        Assert.Equal((2, 0), (Ask(new RunProtocol.DescribeRun(SmallWork.Run)).InWork, Ask(new RunProtocol.DescribeRun(SmallWork.Run)).Awaited));
    }

    /// <summary>One budget for all runs: an urgent one is neither beside it nor behind it.</summary>
    [Fact]
    public async Task Admission_UrgentRunWhileAllPlacesAreTaken_StartsAtOnceAndTheOtherGoesOnAfterwards()
    {
        var urgent = new RunId("urgent");
        await SubmitAsync("a");
        _inspector.Answer(FakeInspector.NewVolume("a", bytes: 1 << 20));
        LeaseOf(SmallWork.Run);
        await SubmitAsync(urgent, "u");
        var asked = await Sys.ActorSelection(_coordinator.Path / "admission").ResolveOne(TimeSpan.FromSeconds(20));
        _inspector.Answer(FakeInspector.NewVolume("u", bytes: 1 << 20));
        AwaitAssert(() => Assert.Equal(1, Ask(new RunProtocol.DescribeRun(urgent)).InWork));
        Settle(asked);
        Assert.Null(await EntryAsync("u"));

        Ask(new RunProtocol.ControlRun(urgent, RunControl.Prioritize, 1));
        LeaseOf(urgent);
        Assert.Equal(VolumeState.InProcess, (await EntryAsync("u"))!.State);
        Ask(new RunProtocol.ControlRun(urgent, RunControl.Cancel, 0));
        LeaseOf(SmallWork.Run);
    }

    [Fact]
    public async Task Cancel_VolumesInWorkAndWaiting_AllAreAccountedForAndTheEndIsFinal()
    {
        await SubmitAsync("a", "b", "c", "d");
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        Assert.Equal(RunState.Canceled, Ask(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Cancel, 0)).State);
        Finished();
        _encoder.FishForMessage(message => message is SliceProtocol.ReleaseVolume);
        var ended = Ask(new RunProtocol.DescribeRun(SmallWork.Run));
        Assert.Equal((RunState.Canceled, new RunCounts(0, 0, 0, 0, 0, 4)), (ended.State, ended.Counts));
        Assert.Equal(VolumeState.Canceled, (await EntryAsync("a"))!.State);
        Assert.Null(await EntryAsync("d"));
        Assert.Equal(VolumeState.Canceled, (await new RunRegistry(_store).ReadAsync(SmallWork.Run, CancellationToken.None))!.UnbegunState);
        _coordinator.Tell(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Resume, 0), _client.Ref);
        Assert.Equal("run.ended", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Fact]
    public async Task Resume_WhileACancelIsBeingWritten_DoesNotUndoIt()
    {
        await SubmitAsync("a", "b");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        var (written, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.Before = call => call.Changes && call.Path == RunDocument.PathOf(SmallWork.Run) && written.TrySetResult() ? goOn.Task : Task.CompletedTask;
        _coordinator.Tell(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Cancel, 0), _client.Ref);
        await written.Task;
        _coordinator.Tell(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Resume, 0), _client.Ref);
        _coordinator.Tell(new RunProtocol.ControlRun(SmallWork.Run, RunControl.Prioritize, 7), _client.Ref);
        goOn.SetResult();
        Assert.Equal(RunState.Canceled, _client.FishForMessage<RunProtocol.RunDescribed>(_ => true).State);
        Assert.Equal("run.ended", _client.FishForMessage<RunProtocol.RunRejected>(_ => true).ReasonCode);
        AwaitAssert(() => Assert.Equal(RunState.Canceled, Ask(new RunProtocol.DescribeRun(SmallWork.Run)).State));
        Assert.Equal(RunState.Canceled, (await new RunRegistry(_store).ReadAsync(SmallWork.Run, CancellationToken.None))!.State);
    }

    /// <summary>A node that coordinates and encodes at once, and dies of a volume: nobody is left who would know but the ledger.</summary>
    [Fact]
    public async Task Failover_ProcessThatWorksItselfDiedTwiceOfAVolume_TheVolumeIsSetAside()
    {
        _coordinator.Tell(new RunProtocol.WatchRun(new RunId("none")), _client.Ref);
        _client.ExpectMsg<RunProtocol.RunRejected>(); // it has claimed the store, and will not once it has ended
        await EndAsync(_coordinator);
        for (var death = 0; death < 2; death++)
        {
            var inspector = new FakeInspector();
            inspector.Answer(FakeInspector.NewVolume("a"));
            var dying = Coordinator(_options, inspector, works: true);
            if (death == 0)
            {
                await SubmitAsync(SmallWork.Run, dying, "a");
            }

            var stuck = death;
            await AwaitAssertAsync(async () => Assert.Equal((VolumeState.InProcess, stuck), await EntryAsync("a") is { } entry ? (entry.State, entry.Stuck) : default));
            await EndAsync(dying);
        }

        var last = new FakeInspector();
        last.Answer(FakeInspector.NewVolume("a"));
        var next = Coordinator(_options, last, works: true);
        next.Tell(new RunProtocol.WatchRun(SmallWork.Run), _client.Ref);
        Assert.Equal(("a", VolumeState.Quarantined, "volume.kills_process"), Concluded());
    }

    [Fact]
    public async Task Desk_FailsUnexpectedly_TheNodeLeavesToAnother()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        var left = Sys.WhenTerminated;
        Sys.ActorSelection(_coordinator.Path / "admission").Tell(PoisonPill.Instance);
        await left.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Failover_RunUnderWay_TheNextCoordinatorGoesOnWithWhatIsNotDone()
    {
        await SubmitAsync("a", "b", "c");
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a") });
        Assert.Equal("a", Concluded().Id);
        await EndAsync(_coordinator);

        var inspector = new FakeInspector();
        var next = Coordinator(_options, inspector);
        next.Tell(new RunProtocol.WatchRun(SmallWork.Run), _client.Ref);
        foreach (var id in new[] { "b", "c" })
        {
            inspector.Answer(FakeInspector.NewVolume(id) with { Done = Results.Of(id) });
            Assert.Equal(id, Concluded().Id);
        }

        Finished();
        Assert.Equal(new RunCounts(3, 0, 3, 0, 0, 0), Ask(new RunProtocol.DescribeRun(SmallWork.Run), next).Counts);
        Assert.Equal((await CoordinatorClaim.FindAsync(_store, CancellationToken.None))!.Epoch, (await EntryAsync("b"))!.Epoch);
    }

    /// <summary>A store that is read-only, say: who asks is told so at once, and not that nobody answers.</summary>
    [Fact]
    public async Task Begin_StoreTakesNoClaim_QuestionsAreAnsweredByItsReason()
    {
        await EndAsync(_coordinator);
        await WriteRunAsync(SmallWork.Run, ["a"]);
        _store.Before = call => call.Path == CoordinatorClaim.Path && call.Changes ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        var coordinator = Coordinator(_options);
        foreach (var question in new object[] { new RunProtocol.DescribeRun(SmallWork.Run), new RunProtocol.ControlRun(SmallWork.Run, RunControl.Pause, 0) })
        {
            AwaitAssert(
                () =>
                {
                    Pass(_options.StoreRetryPause, coordinator); // the first one may have been at its claim when it was ended
                    var probe = CreateTestProbe();
                    coordinator.Tell(question, probe.Ref);
                    var rejected = probe.ExpectMsg<RunProtocol.RunRejected>(TimeSpan.FromMilliseconds(200));
                    Assert.Equal("store.unavailable", rejected.ReasonCode);
                    Assert.Contains("cannot claim the store", rejected.Detail, StringComparison.Ordinal);
                },
                TimeSpan.FromSeconds(30));
        }

        _store.Before = _ => Task.CompletedTask;
        Pass(_options.StoreRetryPause, coordinator);
        AwaitAssert(() => Assert.Equal(SmallWork.Run, Ask(new RunProtocol.DescribeRun(SmallWork.Run), coordinator).RunId), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Begin_StoreHangs_QuestionsAreRefusedAfterAWhile()
    {
        await EndAsync(_coordinator);
        var hangs = new TaskCompletionSource();
        _store.Before = call => call.Path == CoordinatorClaim.Path ? hangs.Task : Task.CompletedTask;
        var coordinator = Coordinator(_options);
        for (var tick = 0; tick < 15; tick++)
        {
            Pass(_options.ClaimRenewal, coordinator);
        }

        var probe = CreateTestProbe();
        Settle(coordinator);
        coordinator.Tell(new RunProtocol.DescribeRun(SmallWork.Run), probe.Ref);
        Assert.Equal("store.unavailable", probe.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
        coordinator.Tell(new SliceProtocol.RequestLease("early", []), _encoder.Ref);
        coordinator.Tell(new SliceProtocol.RequestLease("early", []), _encoder.Ref);
        hangs.SetResult();
        AwaitAssert(() =>
        {
            coordinator.Tell(new RunProtocol.DescribeRun(SmallWork.Run), probe.Ref);
            Assert.Equal("run.unknown", probe.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
        });

        // The encoder that asked meanwhile need not ask again.
        coordinator.Tell(new SliceProtocol.DescribeLeases(), probe.Ref);
        Assert.Equal(1, probe.ExpectMsg<SliceProtocol.LeasesDescribed>().FreeEncoders);
    }

    [Fact]
    public async Task Renewal_StoreHangs_IsToldAndAskedOnceUntilItAnswers()
    {
        using var heard = new Heard();
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        var renewal = await Sys.ActorSelection(_coordinator.Path / "renewal").ResolveOne(TimeSpan.FromSeconds(20));
        var (hangs, asked) = (new TaskCompletionSource(), 0);
        _store.Before = call => call is { Path: CoordinatorClaim.Path, Operation: StoreOperation.Read } && ++asked > 0 ? hangs.Task : Task.CompletedTask;
        for (var tick = 0; tick < 20; tick++)
        {
            Pass(_options.ClaimRenewal, renewal);
        }

        Settle(renewal);
        Assert.Equal(1, asked);
        Assert.True(heard.Of("tonno.coordinator.store.silence") >= 570); // 3, 6 … 57 s

        hangs.SetResult();
        AwaitAssert(() =>
        {
            Pass(_options.ClaimRenewal, renewal);
            Assert.True(asked > 1);
        });
    }

    [Fact]
    public async Task Failover_ProcessForOneRunAlone_LeavesOtherRunsAlone()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        await EndAsync(_coordinator);
        var inspector = new FakeInspector();
        var next = Coordinator(new CoordinatorOptions { TakesUpRuns = false }, inspector);
        await SubmitAsync(new RunId("own"), next, "b");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        inspector.Fail("a", new ImagingException(RejectReason.NotNifti, "which nobody asked for"));
        inspector.Answer(FakeInspector.NewVolume("b") with { Done = Results.Of("b") });
        Assert.Equal("b", Concluded().Id);
        Finished();
        Assert.Null(await EntryAsync("a"));

        var registry = new RunRegistry(_store);
        await registry.EndDeadAsync(TimeProvider.System, CancellationToken.None);
        Assert.Equal(RunState.Active, (await registry.ReadAsync(SmallWork.Run, CancellationToken.None))!.State);
    }

    [Fact]
    public async Task Failover_FormerCoordinatorStillThinksItLeads_ItWritesNothingMore()
    {
        await SubmitAsync("a", "b");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        var inspector = new FakeInspector();
        var next = Coordinator(_options, inspector);
        next.Tell(new RunProtocol.WatchRun(SmallWork.Run), _client.Ref);
        inspector.Fail("a", new ImagingException(RejectReason.NotNifti, ""));
        Assert.Equal(("a", VolumeState.Quarantined, "nifti.not_nifti"), Concluded());

        var left = Sys.WhenTerminated;
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a") });
        await left.WaitAsync(TimeSpan.FromSeconds(30)); // the node leaves; virtual time stands still
        var entry = (await EntryAsync("a"))!;
        Assert.Equal((VolumeState.Quarantined, (await CoordinatorClaim.FindAsync(_store, CancellationToken.None))!.Epoch), (entry.State, entry.Epoch));
    }

    [Fact]
    public async Task Inputs_ManyPages_EachIsTakenOnce()
    {
        var ids = Enumerable.Range(0, (2 * RunDocument.PageSize) + 1).Select(n => $"v{n:D4}").ToArray();
        foreach (var id in ids)
        {
            _inspector.Answer(FakeInspector.NewVolume(id) with { Done = Results.Of(id) });
        }

        await SubmitAsync(ids);
        Assert.Equal(ids.Length, _client.ExpectMsg<RunProtocol.RunAccepted>().VolumeCount);
        var concluded = new HashSet<string>();
        foreach (var _ in ids)
        {
            Assert.True(concluded.Add(Concluded().Id));
        }

        Finished();
    }

    [Fact]
    public async Task Inputs_PageDamaged_ItsVolumesFailAndTheOthersComplete()
    {
        var ids = Enumerable.Range(0, RunDocument.PageSize + 1).Select(n => $"v{n:D4}").ToArray();
        _inspector.Answer(FakeInspector.NewVolume(ids[^1]) with { Done = Results.Of(ids[^1]) });
        await WriteRunAsync(SmallWork.Run, ids);
        var document = (await new RunRegistry(_store).ReadAsync(SmallWork.Run, CancellationToken.None))!;
        await _store.WriteAsync(document.PagePath(0), "damaged"u8.ToArray(), WriteCondition.Always, CancellationToken.None);
        Submit(SmallWork.Run);
        Finished();
        Assert.Equal(new RunCounts(1, 0, 1, RunDocument.PageSize, 0, 0), (await new RunRegistry(_store).ReadAsync(SmallWork.Run, CancellationToken.None))!.Counts);
    }

    [Fact]
    public async Task Store_OutOfReachForAWhile_VolumesWaitAndComplete()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        var failures = 0;
        _store.Before = call => call.Changes && failures++ < 3 ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        _inspector.Answer(FakeInspector.NewVolume("a") with { Done = Results.Of("a") });
        Assert.Equal(VolumeState.Completed, ((RunProtocol.VolumeConcluded)InTime(message => message is RunProtocol.VolumeConcluded)).State);
        Assert.True(failures > 3);
        Finished();
    }

    [Fact]
    public async Task Volume_RefusedAndLargeAndGood_EachEndsInItsOwnWay()
    {
        await SubmitAsync("bad", "good", "large");
        _inspector.Fail("bad", new ImagingException(RejectReason.NotNifti, "It is a text."));
        Assert.Equal(("bad", VolumeState.Quarantined, "nifti.not_nifti"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("large", bytes: 2 << 20));
        Assert.Equal(("large", VolumeState.Quarantined, "volume.too_large"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("good") with { Done = Results.Of("good") });
        Assert.Equal(("good", VolumeState.Completed, ""), Concluded());
        Finished();
    }

    [Fact]
    public async Task Volume_UnexpectedFailure_FailsAloneAndIsInTheLedgerAndItsTrace()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == CoordinatorTelemetry.MeterName,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await SubmitAsync("bug", "good");
        _inspector.Fail("bug", new InvalidCastException("a bug"));
        Assert.Equal(("bug", VolumeState.Failed, "internal.failure"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("good") with { Done = Results.Of("good") });
        Assert.Equal("good", Concluded().Id);
        Finished();
        var entry = Documents.TryParse<LedgerEntry>((await _store.ReadAsync(Ledger.PathOf(new("bug")), CancellationToken.None)).Bytes.Span)!;
        Assert.Equal((VolumeState.Failed, "internal.failure"), (entry.State, entry.ReasonCode));
        var span = Assert.Single(ended, span => span.OperationName == "volume" && span.TraceId.ToHexString() == entry.TraceId);
        Assert.Equal((ActivityStatusCode.Error, "internal.failure"), (span.Status, span.StatusDescription));
    }

    [Fact]
    public async Task Volume_UnexpectedFailureWhileLedgerIsDown_FailsAloneAllTheSame()
    {
        await SubmitAsync("bug", "good");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        _store.Before = call => call.Changes ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        _inspector.Fail("bug", new InvalidCastException("a bug"));
        Assert.Equal(("bug", VolumeState.Failed, "internal.failure"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("good") with { Done = Results.Of("good") });
        var good = (RunProtocol.VolumeConcluded)InTime(message => message is RunProtocol.VolumeConcluded);
        Assert.Equal(("good", VolumeState.Failed, "store.unavailable"), (good.VolumeId.Value, good.State, good.ReasonCode));
        _store.Before = _ => Task.CompletedTask;
        InTime(message => message is RunProtocol.RunFinished);
    }

    [Fact]
    public async Task Volume_ChildFailsUnexpectedly_FailsAlone()
    {
        await SubmitAsync("bug", "good");
        _inspector.Answer(FakeInspector.NewVolume("bug"));
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        // A slab index beyond the volume's breaks the slab feeder, which no slab can do.
        _encoder.Reply(new SliceProtocol.LeaseEncoded(new("bug"), new(0, 16), SmallWork.Blob("rows"), "e", 1));
        _slabs.ExpectMsg<ReconProtocol.ApplyRows>();
        _slabs.Reply(new ReconProtocol.RowsApplied(new("bug"), 99, 16));
        Assert.Equal(("bug", VolumeState.Failed, "internal.failure"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("good") with { Done = Results.Of("good") });
        Assert.Equal("good", Concluded().Id);
        Finished();
    }

    [Fact]
    public async Task Volume_Concluded_ItsLeasesAreNoLongerHandedOut()
    {
        await SubmitAsync("a");
        _inspector.Answer(FakeInspector.NewVolume("a"));
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        _encoder.Reply(new SliceProtocol.LeaseRejected(new("a"), new(0, 16), "volume.non_finite", "NaN", Transient: false));
        Assert.Equal(("a", VolumeState.Quarantined, "volume.non_finite"), Concluded());
        _encoder.ExpectMsg<SliceProtocol.ReleaseVolume>();
        AwaitAssert(() =>
        {
            Request();
            ExpectNothing(_encoder, _coordinator);
        });
        Finished();
    }

    [Fact]
    public async Task Inspections_MoreVolumesThanAllowed_SoManyAtATime()
    {
        await SubmitAsync("a", "b", "c");
        _inspector.Answer(FakeInspector.NewVolume("c") with { Done = Results.Of("c") });
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        ExpectNothing(_client, _coordinator);
        _inspector.Fail("a", new ImagingException(RejectReason.NotNifti, ""));
        Assert.Equal("a", Concluded().Id);
        Assert.Equal("c", Concluded().Id);
    }

    [Fact]
    public async Task Progress_WhileRunning_IsToldAtIntervals()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        Pass(_options.ProgressInterval, _coordinator);
        Assert.Equal(1, _client.ExpectMsg<RunProtocol.RunProgressed>().Volumes);
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _folder.Dispose();
    }

    private IActorRef Coordinator(CoordinatorOptions options, FakeInspector? inspector = null, bool works = false) => Sys.ActorOf(Props.Create(() => new CoordinatorActor(new RunStarter(
        _store,
        "node",
        options,
        TimeProvider.System,
        new ClaimKeeper(_store),
        () => false,
        works,
        (desks, ledger) => new VolumeServices(inspector ?? _inspector, ledger, _store, desks.Leases, _slabs.Ref, _publisher, options, TimeProvider.System) { Gate = desks.Gate, Admission = desks.Admission }))));

    /// <summary>Ends a coordinator, and waits until it has let the store go, which it does when it has ended.</summary>
    private async Task EndAsync(IActorRef coordinator)
    {
        await coordinator.GracefulStop(TimeSpan.FromSeconds(30));
        await AwaitAssertAsync(async () => await (await _store.HoldAsync(CancellationToken.None)).DisposeAsync());
    }

    private RunProtocol.RunDescribed Ask(object question, IActorRef? coordinator = null)
    {
        var probe = CreateTestProbe();
        (coordinator ?? _coordinator).Tell(question, probe.Ref);
        return probe.ExpectMsg<RunProtocol.RunDescribed>();
    }

    private async Task<LedgerEntry?> EntryAsync(string id) =>
        (await new Ledger(_store, TimeProvider.System, epoch: 99).FindAsync([new(id)], CancellationToken.None))[0];

    private Task SubmitAsync(params string[] ids) => SubmitAsync(SmallWork.Run, ids);

    private Task SubmitAsync(RunId run, params string[] ids) => SubmitAsync(run, _coordinator, ids);

    private async Task SubmitAsync(RunId run, IActorRef coordinator, params string[] ids)
    {
        await WriteRunAsync(run, ids);
        Submit(run, coordinator);
    }

    private async Task WriteRunAsync(RunId run, string[] ids)
    {
        var document = new RunDocument { RunId = run, Settings = SmallWork.Settings, InputCount = ids.Length, SubmittedAt = DateTimeOffset.UnixEpoch };
        await new RunRegistry(_store).CreateAsync(document, [.. ids.Select(id => new RunInput(new(id), [$"/nowhere/{id}.nii"]))], CancellationToken.None);
    }

    private void Submit(RunId run, IActorRef? coordinator = null) => (coordinator ?? _coordinator).Tell(new RunProtocol.SubmitRun(run, SmallWork.Blob(RunDocument.PathOf(run))), _client.Ref);

    private void Request()
    {
        Ask(new RunProtocol.DescribeRun(SmallWork.Run)); // a coordinator that has not begun hears no requests
        _coordinator.Tell(new SliceProtocol.RequestLease("e", []), _encoder.Ref);
    }

    /// <summary>Asks for a lease until there is one of a run.</summary>
    private void LeaseOf(RunId run)
    {
        do
        {
            Request();
        }
        while (((SliceProtocol.EncodeLease)_encoder.FishForMessage(message => message is SliceProtocol.EncodeLease)).Task.RunId != run);
    }

    private (string Id, VolumeState State, string Code) Concluded()
    {
        var concluded = (RunProtocol.VolumeConcluded)_client.FishForMessage(message => message is RunProtocol.VolumeConcluded);
        return (concluded.VolumeId.Value, concluded.State, concluded.ReasonCode);
    }

    /// <summary>Lets time pass until the client hears something.</summary>
    private object InTime(Predicate<object> sought)
    {
        object? found = null;
        AwaitAssert(
            () =>
            {
                Pass(TimeSpan.FromSeconds(40), _coordinator);
                while (found is null && _client.HasMessages)
                {
                    found = _client.ReceiveOne(TimeSpan.Zero) is { } message && sought(message) ? message : null;
                }

                Assert.NotNull(found);
            },
            TimeSpan.FromSeconds(20));
        return found!;
    }

    private void Finished() => _client.FishForMessage(message => message is RunProtocol.RunFinished);
}
