using Microsoft.Extensions.Time.Testing;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Runs;

public sealed class RunRegistryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private static readonly TimeSpan _watch = TimeSpan.FromSeconds(5);
    private readonly FakeTimeProvider _time = new();
    private readonly RunRegistry _registry;

    public RunRegistryTests()
    {
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        _registry = new RunRegistry(_store);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Create_TwoInputsNamedAlikeOrAnotherNumber_Refused()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _registry.CreateAsync(Run(2), Inputs("a", "a"), Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => _registry.CreateAsync(Run(3), Inputs("a", "b"), Cancel));
        Assert.Empty(_store.Calls);
    }

    [Fact]
    public async Task Create_CutShort_ThereIsNoRun()
    {
        _store.Before = call => call.Path.EndsWith("run.json", StringComparison.Ordinal) ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        await Assert.ThrowsAsync<BlobStoreException>(() => _registry.CreateAsync(Run(1), Inputs("a"), Cancel));
        Assert.Empty(await _registry.ListAsync(Cancel));
    }

    [Fact]
    public async Task Create_SecondOfThatName_Refused()
    {
        await _registry.CreateAsync(Run(1), Inputs("a"), Cancel);
        var again = await Assert.ThrowsAsync<BlobStoreException>(() => _registry.CreateAsync(Run(1), Inputs("a"), Cancel));
        Assert.Equal(BlobStoreError.ConditionFailed, again.Error);
    }

    [Fact]
    public async Task Create_TwoOfOneNameAtATime_TheOneThatIsThereHasItsOwnInputs()
    {
        var other = new RunRegistry(_store);
        var first = true;
        _store.Before = async call =>
        {
            if (first && call.Path.EndsWith("run.json", StringComparison.Ordinal))
            {
                first = false;
                await other.CreateAsync(Run(1), Inputs("x"), Cancel); // between this one's pages and its document
            }
        };
        await Assert.ThrowsAsync<BlobStoreException>(() => _registry.CreateAsync(Run(2), Inputs("a", "b"), Cancel));
        var run = (await _registry.ReadAsync(SmallWork.Run, Cancel))!;
        Assert.Equal((1, "x"), (run.InputCount, Assert.Single(await _registry.ReadPageAsync(run, 0, new Ledger(_store, _time, epoch: 1), Cancel)).Input.VolumeId.Value));
    }

    [Fact]
    public async Task ReadPage_CanceledRunWhoseCoordinatorDiedBeforeItCouldSaySo_VolumesAreCanceled()
    {
        await _registry.CreateAsync(Run(3), Inputs("a", "b", "c"), Cancel);
        var ledger = new Ledger(_store, _time, epoch: 1);
        foreach (var (id, run, state) in new[] { ("a", SmallWork.Run, VolumeState.InProcess), ("b", SmallWork.Run, VolumeState.Completed), ("c", new("another"), VolumeState.InProcess) })
        {
            await ledger.RecordAsync(new(id), _ => new LedgerEntry { VolumeId = new(id), RunId = run, State = state }, Cancel);
        }

        var document = (await _registry.ReadAsync(SmallWork.Run, Cancel))!;
        Assert.Equal([VolumeState.InProcess, VolumeState.Completed, VolumeState.InProcess], await StatesAsync(document));
        Assert.Equal([VolumeState.Canceled, VolumeState.Completed, VolumeState.InProcess], await StatesAsync(document with { State = RunState.Canceled, Counts = new RunCounts(1, 0, 0, 0, 2, 0) }));

        async Task<IEnumerable<VolumeState>> StatesAsync(RunDocument run) => (await _registry.ReadPageAsync(run, 0, ledger, Cancel)).Select(one => one.Entry!.State);
    }

    [Fact]
    public async Task EndDead_RunOfAProcessThatDied_IsCanceledWithEveryVolumeAccountedFor()
    {
        await _registry.CreateAsync(Run(3) with { OfOneProcess = true }, Inputs("a", "b", "c"), Cancel);
        var ledger = new Ledger(_store, _time, epoch: 1);
        await ledger.RecordAsync(new("a"), _ => Entry("a", VolumeState.Completed), Cancel);
        await ledger.RecordAsync(new("b"), _ => Entry("b", VolumeState.InProcess), Cancel);
        await _registry.EndDeadAsync(_time, Cancel);
        var run = (await _registry.ReadAsync(SmallWork.Run, Cancel))!;
        Assert.Equal((RunState.Canceled, new RunCounts(1, 0, 0, 0, 0, 2)), (run.State, run.Counts));

        static LedgerEntry Entry(string id, VolumeState state) => new() { VolumeId = new(id), RunId = SmallWork.Run, State = state };
    }

    [Theory]
    [InlineData(null)]
    [InlineData("{")]
    [InlineData("{\"inputs\": []}")]
    [InlineData("{\"inputs\": [null, {\"volumeId\": \"a\", \"uris\": [\"/a.nii\"]}]}")]
    [InlineData("{\"inputs\": [{\"volumeId\": \"a\", \"uris\": [\"/a.nii\"]}, {\"volumeId\": \"a\", \"uris\": [\"/a.nii\"]}]}")]
    [InlineData("{\"inputs\": [{\"volumeId\": \"../a\", \"uris\": [\"/a.nii\"]}, {\"volumeId\": \"b\", \"uris\": [\"/b.nii\"]}]}")]
    [InlineData("{\"inputs\": [{\"volumeId\": \"a\", \"uris\": []}, {\"volumeId\": \"b\", \"uris\": [null]}]}")]
    public async Task EndDead_InputsDamagedOrGone_EndsWithThemFailed(string? text)
    {
        await _registry.CreateAsync(Run(2) with { OfOneProcess = true }, Inputs("a", "b"), Cancel);
        var page = (await _registry.ReadAsync(SmallWork.Run, Cancel))!.PagePath(0);
        await (text is null ? _store.DeleteAsync(page, Cancel) : _store.WriteAsync(page, System.Text.Encoding.UTF8.GetBytes(text), WriteCondition.Always, Cancel));
        await _registry.EndDeadAsync(_time, Cancel);
        Assert.Equal(new RunCounts(0, 0, 0, 2, 0, 0), (await _registry.ReadAsync(SmallWork.Run, Cancel))!.Counts);
    }

    [Fact]
    public async Task Change_AnotherWriterBetween_BothChangesStand()
    {
        await _registry.CreateAsync(Run(0), [], Cancel);
        var between = true;
        _store.Before = async call =>
        {
            if (call.Operation == StoreOperation.Write && between)
            {
                between = false;
                await _registry.ChangeAsync(Run(0), 1, run => run with { Priority = 7 }, Cancel);
            }
        };
        await _registry.ChangeAsync(Run(0), 1, run => run with { State = RunState.Paused }, Cancel);
        var run = (await _registry.ReadAsync(SmallWork.Run, Cancel))!;
        Assert.Equal((RunState.Paused, 7), (run.State, run.Priority));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Change_DocumentDamagedOrRemoved_WhatWasKnownStands(bool removed)
    {
        await _registry.CreateAsync(Run(0), [], Cancel);
        var path = RunDocument.PathOf(SmallWork.Run);
        await (removed ? _store.DeleteAsync(path, Cancel) : _store.WriteAsync(path, "damaged"u8.ToArray(), WriteCondition.Always, Cancel));
        await _registry.ChangeAsync(Run(0) with { Priority = 3 }, 1, run => run with { State = RunState.Paused }, Cancel);
        var run = (await _registry.ReadAsync(SmallWork.Run, Cancel))!;
        Assert.Equal((RunState.Paused, 3), (run.State, run.Priority));
    }

    [Fact]
    public async Task Change_LaterCoordinatorWroteIt_Refused()
    {
        await _registry.CreateAsync(Run(0), [], Cancel);
        await _registry.ChangeAsync(Run(0), 3, run => run, Cancel);
        await Assert.ThrowsAsync<SupersededException>(() => _registry.ChangeAsync(Run(0), 2, run => run with { Priority = 1 }, Cancel));
        Assert.Equal(0, (await _registry.ReadAsync(SmallWork.Run, Cancel))!.Priority);
    }

    [Fact]
    public async Task Claim_TakenAndReleased_EachIsOneMoreAndOnlyTheLastIsGivenBack()
    {
        var (first, _) = await TakeAsync("a");
        var (second, former) = await TakeAsync("a");
        Assert.Equal((first.Epoch + 1, first), (second.Epoch, former));
        await first.ReleaseAsync(_store, Cancel);
        Assert.Equal(second, await CoordinatorClaim.FindAsync(_store, Cancel));
        await second.ReleaseAsync(_store, Cancel);
        Assert.Equal(second with { Standing = false, Ended = true }, await CoordinatorClaim.FindAsync(_store, Cancel));
    }

    [Fact]
    public async Task Claim_WhereSomebodyRemovedTheFormer_IsHigherAllTheSame()
    {
        var (first, _) = await TakeAsync("a");
        await _store.DeleteAsync(CoordinatorClaim.Path, Cancel);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True((await TakeAsync("b")).Claim.Epoch > first.Epoch);
    }

    [Fact]
    public async Task Claim_OfAnotherNode_IsTakenOverOnlyWhenItGivesNoSignOfLife()
    {
        var (first, _) = await TakeAsync("a");
        var taking = TakeAsync("b");
        while (!taking.IsCompleted)
        {
            first = await first.RenewAsync(_store, alone: false, Cancel);
            _time.Advance(_watch / 100); // whenever the wait begins, a renewal comes within it
            await Task.Yield();
        }

        await Assert.ThrowsAsync<SupersededException>(() => taking);

        taking = TakeAsync("b");
        while (!taking.IsCompleted)
        {
            _time.Advance(_watch); // the wait may not have begun
            await Task.Yield();
        }

        Assert.True((await taking).Claim.Epoch > first.Epoch);
        await Assert.ThrowsAsync<SupersededException>(() => first.RenewAsync(_store, alone: false, Cancel));
    }

    [Fact]
    public async Task Claim_OfACoordinatorThatIsAlone_IsTakenOverAtOnceByOneThatIsNot()
    {
        var (first, _) = await TakeAsync("a", alone: true);
        var (second, _) = await TakeAsync("b");
        await Assert.ThrowsAsync<SupersededException>(() => first.RenewAsync(_store, alone: true, Cancel));

        var taking = TakeAsync("a", alone: true);
        while (!taking.IsCompleted)
        {
            second = await second.RenewAsync(_store, alone: true, Cancel); // alone as well by now: neither is before the other
            _time.Advance(_watch / 100);
            await Task.Yield();
        }

        await Assert.ThrowsAsync<SupersededException>(() => taking);
        Assert.True((await TakeAsync("a")).Claim.Epoch > second.Epoch);
    }

    private Task<(CoordinatorClaim Claim, CoordinatorClaim? Former)> TakeAsync(string node, bool alone = false) =>
        CoordinatorClaim.TakeAsync(_store, node, true, alone, false, _watch, _time, Cancel);

    private static RunDocument Run(int inputs) => new() { RunId = SmallWork.Run, Settings = SmallWork.Settings, InputCount = inputs, SubmittedAt = DateTimeOffset.UnixEpoch };

    private static IReadOnlyList<RunInput> Inputs(params string[] ids) => [.. ids.Select(id => new RunInput(new(id), [$"/nowhere/{id}.nii"]))];
}
