using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
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
    private readonly CoordinatorOptions _options = new() { MaximumAttempts = 3, MaximumInspections = 2, MemoryBudgetBytes = 1 << 20 };
    private readonly IActorRef _coordinator;

    public RunActorSpecs()
    {
        (_client, _encoder, _slabs) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        var publisher = CreateTestProbe();
        Func<IActorRef, VolumeServices> services = desk => new(
            _inspector, new Ledger(_store, TimeProvider.System), _store, desk, _slabs.Ref, publisher.Ref, _options, TimeProvider.System);
        _coordinator = Sys.ActorOf(Props.Create(() => new CoordinatorActor(services)));
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
    public void Submit_ManifestMissing_Rejected()
    {
        _coordinator.Tell(new RunProtocol.SubmitRun(SmallWork.Run, SmallWork.Blob("nowhere.json")), _client.Ref);
        Assert.Equal("store.not_found", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("null")]
    public async Task Submit_ManifestIsNoManifest_Rejected(string text)
    {
        await _store.WriteAsync("bad.json", System.Text.Encoding.UTF8.GetBytes(text), WriteCondition.Always, CancellationToken.None);
        _coordinator.Tell(new RunProtocol.SubmitRun(SmallWork.Run, SmallWork.Blob("bad.json")), _client.Ref);
        Assert.Equal("run.manifest_unreadable", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Fact]
    public async Task Submit_TwoInputsNamedAlike_Rejected()
    {
        await SubmitAsync("a", "a");
        Assert.Equal("run.manifest_invalid", _client.ExpectMsg<RunProtocol.RunRejected>().ReasonCode);
    }

    [Fact]
    public async Task Submit_Again_NoSecondRunAndNoSecondWord()
    {
        await SubmitAsync("a");
        _client.ExpectMsg<RunProtocol.RunAccepted>();
        await SubmitAsync("a");
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
    public async Task Volume_UnexpectedFailure_FailsAloneAndIsInTheLedger()
    {
        await SubmitAsync("bug", "good");
        _inspector.Fail("bug", new InvalidCastException("a bug"));
        Assert.Equal(("bug", VolumeState.Failed, "internal.failure"), Concluded());
        _inspector.Answer(FakeInspector.NewVolume("good") with { Done = Results.Of("good") });
        Assert.Equal("good", Concluded().Id);
        Finished();
        var entry = Documents.TryParse<LedgerEntry>((await _store.ReadAsync(Ledger.PathOf(new("bug")), CancellationToken.None)).Bytes.Span)!;
        Assert.Equal((VolumeState.Failed, "internal.failure"), (entry.State, entry.ReasonCode));
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
        Assert.Equal(("good", VolumeState.Failed, "store.unavailable"), Concluded());
        Finished();
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

    private Task SubmitAsync(params string[] ids) => SubmitAsync(SmallWork.Run, ids);

    private async Task SubmitAsync(RunId run, params string[] ids)
    {
        var manifest = new RunManifest(run, SmallWork.Settings, [.. ids.Select(id => new RunInput(new(id), [$"/nowhere/{id}.nii"]))]);
        await _store.WriteAsync("run.json", Documents.ToBytes(manifest), WriteCondition.Always, CancellationToken.None);
        _coordinator.Tell(new RunProtocol.SubmitRun(run, SmallWork.Blob("run.json")), _client.Ref);
    }

    private void Request() => _coordinator.Tell(new SliceProtocol.RequestLease("e", []), _encoder.Ref);

    private (string Id, VolumeState State, string Code) Concluded()
    {
        var concluded = (RunProtocol.VolumeConcluded)_client.FishForMessage(message => message is RunProtocol.VolumeConcluded);
        return (concluded.VolumeId.Value, concluded.State, concluded.ReasonCode);
    }

    private void Finished() => _client.FishForMessage(message => message is RunProtocol.RunFinished);
}
