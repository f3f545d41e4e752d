using System.Security.Cryptography;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Auditing;

public sealed class StoreAuditorTests
{
    private readonly MemoryStore _store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Audit_EachWayToBe_IsTold()
    {
        await DoneAsync("whole", VolumeState.Completed);
        await DoneAsync("whole-warned", VolumeState.Warning);
        await DoneAsync("no-entry", null);
        await DoneAsync("changed", VolumeState.Completed);
        await PutAsync("changed/heatmap.nii.gz", "other");
        await DoneAsync("gone", VolumeState.Completed);
        await _store.DeleteAsync("gone/sinogram.npz", Cancel);
        await DoneAsync("no-result", VolumeState.Completed);
        await _store.DeleteAsync("no-result/result.json", Cancel);
        await EntryAsync("never-there", VolumeState.Completed);
        await DoneAsync("bad-result", VolumeState.Completed);
        await PutAsync("bad-result/result.json", "{");
        await DoneAsync("bad-entry", VolumeState.Completed);
        await PutAsync(".tonno/ledger/bad-entry.json", "{");
        await DoneAsync("other-work", VolumeState.Completed);
        await EntryAsync("other-work", VolumeState.Completed, key: "another");
        await EntryAsync("waiting", VolumeState.Scheduled);
        await DoneAsync("again", VolumeState.InProcess);
        await EntryAsync("aside", VolumeState.Quarantined, "nifti.truncated");
        await DoneAsync("worse", VolumeState.Failed, "store.unavailable");
        await DoneAsync("worse-changed", VolumeState.Quarantined, "volume.uniform");
        await PutAsync("worse-changed/heatmap.nii.gz", "other");
        await DoneAsync("canceled-gone", VolumeState.Canceled);
        await _store.DeleteAsync("canceled-gone/sinogram.npz", Cancel);
        await PutAsync("mine/notes.txt", "of the user");
        await PutAsync("loose.txt", "of the user");

        var found = await AuditAsync();

        string Of(VolumeFinding finding) => string.Join(' ', found.Values.Where(audit => audit.Finding == finding).Select(audit => audit.VolumeId.Value).Order(StringComparer.Ordinal));
        Assert.Equal("no-entry whole whole-warned", Of(VolumeFinding.Whole));
        Assert.Equal("bad-entry bad-result changed other-work worse-changed", Of(VolumeFinding.Damaged));
        Assert.Equal("canceled-gone gone never-there no-result", Of(VolumeFinding.Missing));
        Assert.Equal("again waiting", Of(VolumeFinding.Unfinished));
        Assert.Equal("aside worse", Of(VolumeFinding.SetAside));
        Assert.Equal(16, found.Count);
        Assert.Null(found["no-entry"].Ledger);
        Assert.Equal("sinogram.npz is gone.", found["gone"].Detail);
        Assert.Equal("heatmap.nii.gz is not the file that result.json tells of.", found["changed"].Detail);
        Assert.Equal("nifti.truncated: why", found["aside"].Detail);
    }

    [Fact]
    public async Task Audit_Leftovers_AreRemovedOfWholeVolumesOnly()
    {
        await DoneAsync("done", VolumeState.Completed);
        await DoneAsync("done-2", VolumeState.Completed);
        await DoneAsync("broken", VolumeState.Completed);
        await PutAsync("broken/heatmap.nii.gz", "other");
        await EntryAsync("under-way", VolumeState.InProcess);
        foreach (var path in new[] { "done/key/rows-000000", "done/publish/x/heatmap.nii.gz", "broken/key/rows-000000", "under-way/key/rows-000016", "unknown/key/rows-000000" })
        {
            await PutAsync(".tonno/tasks/" + path, "x");
        }

        var auditor = new StoreAuditor(_store);
        var found = await auditor.AuditAsync(Cancel).ToDictionaryAsync(audit => audit.VolumeId.Value, cancellationToken: Cancel);

        Assert.Equal((2, 0), (found["done"].LeftoversRemoved, found["done"].LeftoversKept));
        Assert.Equal((0, 0), (found["done-2"].LeftoversRemoved, found["done-2"].LeftoversKept));
        Assert.Equal((0, 1), (found["broken"].LeftoversRemoved, found["broken"].LeftoversKept));
        Assert.Equal((0, 1), (found["under-way"].LeftoversRemoved, found["under-way"].LeftoversKept));
        Assert.Equal(1, auditor.StrayLeftovers);
        Assert.Equal(
            [".tonno/tasks/broken/key/rows-000000", ".tonno/tasks/under-way/key/rows-000016", ".tonno/tasks/unknown/key/rows-000000"],
            await _store.ListAsync(".tonno/tasks/", Cancel).ToListAsync(Cancel));
    }

    /// <summary>Many volumes, names that begin alike, entries and results in unlike orders: each is told once.</summary>
    [Fact]
    public async Task Audit_ManyVolumes_TellsEachOnce()
    {
        var names = Enumerable.Range(0, 300).Select(at => at % 3 == 0 ? $"v{at}" : at % 3 == 1 ? $"v{at / 3}-{at}" : $"v{at / 3}.{at}").ToList();
        foreach (var (at, name) in names.Index())
        {
            await (at % 5 == 0 ? EntryAsync(name, VolumeState.Scheduled) : DoneAsync(name, at % 5 == 1 ? null : VolumeState.Completed));
        }

        var found = await new StoreAuditor(_store).AuditAsync(Cancel).ToListAsync(Cancel);
        Assert.Equal(names.Order(StringComparer.Ordinal), found.Select(audit => audit.VolumeId.Value).Order(StringComparer.Ordinal));
        Assert.Equal(240, found.Count(audit => audit.Finding == VolumeFinding.Whole));
    }

    [Fact]
    public async Task Audit_StoreFails_IsToldAndNotTakenForDamage()
    {
        await DoneAsync("whole", VolumeState.Completed);
        var failing = new ScriptedStore(_store) { Before = call => call.Path.EndsWith("heatmap.nii.gz", StringComparison.Ordinal) ? throw ScriptedStore.Unavailable() : Task.CompletedTask };
        var failure = await Assert.ThrowsAsync<BlobStoreException>(async () => await new StoreAuditor(failing).AuditAsync(Cancel).ToListAsync(Cancel));
        Assert.Equal(BlobStoreError.Unavailable, failure.Error);
    }

    [Fact]
    public async Task Requeue_Quarantined_AreScheduledWithACleanRecord()
    {
        await _store.WriteAsync(CoordinatorClaim.Path, Documents.ToBytes(new CoordinatorClaim(7, "x", true, default)), WriteCondition.Always, Cancel);
        await EntryAsync("a", VolumeState.Quarantined, "volume.kills_process", epoch: 7);
        await EntryAsync("b", VolumeState.Quarantined, "nifti.truncated");
        await EntryAsync("c", VolumeState.Failed, "store.unavailable");
        await EntryAsync("d", VolumeState.Completed);

        Assert.Equal(["b True"], await RequeueAsync(new([], "nifti.truncated", false)));
        Assert.Equal(["c False", "d False", "e False", "a True"], await RequeueAsync(new([new("c"), new("d"), new("e"), new("a")], null, false)));
        Assert.Equal(["c True"], await RequeueAsync(new([], null, true)));
        Assert.Empty(await RequeueAsync(new([], null, true)));

        foreach (var name in new[] { "a", "b", "c" })
        {
            var entry = (await Ledger.ReadAsync(_store, new(name), Cancel))!;
            Assert.Equal((VolumeState.Scheduled, "", "", 0, 7), (entry.State, entry.ReasonCode, entry.Detail, entry.Attempts, entry.Epoch));
            Assert.Null(entry.Deaths);
        }

        Assert.Equal(VolumeState.Completed, (await Ledger.ReadAsync(_store, new("d"), Cancel))!.State);
    }

    /// <summary>A coordinator takes the volume up between the look at it and the write.</summary>
    [Fact]
    public async Task Requeue_ChangedMeanwhile_LeavesTheOthersWord()
    {
        await EntryAsync("a", VolumeState.Quarantined, "nifti.truncated");
        var looks = 0;
        var raced = new ScriptedStore(_store)
        {
            Before = async call =>
            {
                if (call is { Operation: StoreOperation.Write, Path: ".tonno/ledger/a.json" } && looks++ == 0)
                {
                    await EntryAsync("a", VolumeState.Completed);
                }
            },
        };
        var told = await new Requeue(raced, TimeProvider.System).RunAsync(new([new("a")], null, false), Cancel).SingleAsync(Cancel);
        Assert.False(told.Done);
        Assert.Equal(VolumeState.Completed, (await Ledger.ReadAsync(_store, new("a"), Cancel))!.State);
    }

    private async Task<List<string>> RequeueAsync(RequeueOrder order) =>
        await new Requeue(_store, TimeProvider.System).RunAsync(order, Cancel).Select(volume => $"{volume.VolumeId} {volume.Done}").ToListAsync(Cancel);

    private async Task<Dictionary<string, VolumeAudit>> AuditAsync() =>
        await new StoreAuditor(_store).AuditAsync(Cancel).ToDictionaryAsync(audit => audit.VolumeId.Value, cancellationToken: Cancel);

    private async Task PutAsync(string path, string content) =>
        await _store.WriteAsync(path, Encoding.UTF8.GetBytes(content), WriteCondition.Always, Cancel);

    private async Task EntryAsync(string name, VolumeState state, string reason = "", string key = "key", long epoch = 0) => await _store.WriteAsync(
        Ledger.PathOf(new(name)),
        Documents.ToBytes(new LedgerEntry
        {
            VolumeId = new(name),
            RunId = SmallWork.Run,
            State = state,
            ReasonCode = reason,
            Detail = reason.Length > 0 ? "why" : "",
            WorkKey = key,
            Attempts = 3,
            Epoch = epoch,
            Deaths = VolumeDeaths.None,
        }),
        WriteCondition.Always,
        Cancel);

    private async Task DoneAsync(string name, VolumeState? state, string reason = "")
    {
        var files = new Dictionary<string, VolumeResult.FileFacts>();
        foreach (var file in new[] { "heatmap.nii.gz", "sinogram.npz" })
        {
            await PutAsync($"{name}/{file}", $"{name} {file}");
            files[file] = new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {file}"))), 1);
        }

        await _store.WriteAsync(
            VolumeResult.PathOf(new(name)),
            Documents.ToBytes(new VolumeResult
            {
                VolumeId = new(name),
                RunId = SmallWork.Run,
                WorkKey = "key",
                Input = new(["a.nii"], "00", new(1, 1, 1), []),
                Settings = SmallWork.Settings,
                Sampling = new(1, 1, 1, 1, 1, default),
                Slices = new(1, 1, 0, 1),
                Seconds = new(0, 0, 0, 0, 0, 0),
                Heatmaps = [],
                Software = new("", "", "", ""),
                Warnings = [],
                Files = files,
            }),
            WriteCondition.Always,
            Cancel);
        if (state is { } known)
        {
            await EntryAsync(name, known, reason);
        }
    }
}
