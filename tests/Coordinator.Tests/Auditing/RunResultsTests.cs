using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Auditing;

public sealed class RunResultsTests
{
    private static readonly DateTimeOffset _noon = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);
    private readonly MemoryStore _store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Volumes_OfAllRuns_LatestFirstEachOnceWithTheTimeOfTheRunThatMadeTheResult()
    {
        await RunAsync("earlier", _noon, "a", "b");
        await RunAsync("later", _noon.AddHours(1), "b", "c", "d", "e");
        await DoneAsync("a", "earlier");
        await DoneAsync("b", "earlier"); // which the later run found whole
        await DoneAsync("c", "gone");
        await EntryAsync("d", VolumeState.Quarantined, "nifti.truncated");

        var volumes = await new RunResults(_store, TimeProvider.System).VolumesAsync(null, Cancel).ToListAsync(Cancel);
        Assert.Equal(["b", "c", "d", "e", "a"], volumes.Select(volume => volume.Input.VolumeId.Value));
        Assert.Equal(["/later/b.nii", "/later/c.nii", "/later/d.nii", "/later/e.nii", "/earlier/a.nii"], volumes.Select(volume => volume.Input.Uris[0]));
        Assert.Equal([_noon, null, null, null, _noon], volumes.Select(volume => volume.OrderedAt));
        Assert.Equal([true, true, false, false, true], volumes.Select(volume => volume.Result is not null));
        Assert.Equal((VolumeState.Quarantined, "nifti.truncated"), (volumes[2].State, volumes[2].ReasonCode));
        Assert.Null(volumes[3].State);
        Assert.Equal(["a", "b"], await NamesAsync(new RunId("earlier")));
    }

    [Fact]
    public async Task Volumes_ResultGoneOrOfAnother_DoneWithoutOne()
    {
        await RunAsync("run", _noon, "gone", "damaged", "another");
        await EntryAsync("gone", VolumeState.Completed);
        await EntryAsync("damaged", VolumeState.Warning);
        await EntryAsync("another", VolumeState.Completed);
        await _store.WriteAsync("damaged/result.json", "{"u8.ToArray(), WriteCondition.Always, Cancel);
        await _store.WriteAsync("another/result.json", Documents.ToBytes(Results.Of("else")), WriteCondition.Always, Cancel);
        await foreach (var volume in new RunResults(_store, TimeProvider.System).VolumesAsync(null, Cancel))
        {
            Assert.True(volume.IsDone);
            Assert.Null(volume.Result);
        }
    }

    [Fact]
    public async Task Volumes_NoSuchRun_NotFound()
    {
        await RunAsync("run", _noon, "a");
        var error = await Assert.ThrowsAsync<BlobStoreException>(() => NamesAsync(new RunId("other")));
        Assert.Equal(BlobStoreError.NotFound, error.Error);
    }

    private async Task<IReadOnlyList<string>> NamesAsync(RunId run) =>
        await new RunResults(_store, TimeProvider.System).InputsAsync(run, Cancel).Select(input => input.VolumeId.Value).ToListAsync(Cancel);

    private async Task RunAsync(string run, DateTimeOffset at, params string[] volumes) => await new RunRegistry(_store).CreateAsync(
        new RunDocument { RunId = new(run), Settings = SmallWork.Settings, InputCount = volumes.Length, SubmittedAt = at },
        [.. volumes.Select(volume => new RunInput(new(volume), [$"/{run}/{volume}.nii"]))],
        Cancel);

    private async Task DoneAsync(string volume, string run)
    {
        await EntryAsync(volume, VolumeState.Completed);
        await _store.WriteAsync(VolumeResult.PathOf(new(volume)), Documents.ToBytes(Results.Of(volume) with { RunId = new(run) }), WriteCondition.Always, Cancel);
    }

    private async Task EntryAsync(string volume, VolumeState state, string reason = "") => await new Ledger(_store, TimeProvider.System, epoch: 1).RecordAsync(
        new(volume), _ => new LedgerEntry { VolumeId = new(volume), RunId = SmallWork.Run, State = state, ReasonCode = reason }, Cancel);
}
