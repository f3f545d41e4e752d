using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.ReconActors.Publishing;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.ReconActors.Tests.Publishing;

public sealed class ResultPublisherTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly ResultPublisher _publisher;

    public ResultPublisherTests()
    {
        _store = new ScriptedStore(new LocalFolderStore(_folder["store"]));
        _publisher = new ResultPublisher(_store);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Publish_ObliqueQFormOnly_HeatmapHasTheInputsGridBitForBit()
    {
        var source = new NiftiBytes { SForm = false, Quaternion = (0.1f, 0.2f, 0.3f), SpacingMm = (1, 1.5f, 2), QFac = -1, Affine = AffineTransform.Scaling(1, 1, 1, new(3, -4, 5)) };
        var request = await RequestAsync(source);
        await _publisher.PublishAsync(request, Cancel);
        var (written, expected) = (Unzip("heatmap.nii.gz"), source.Header());
        Assert.Equal(expected[40..56], written[40..56]); // dim
        Assert.Equal(expected[76..108], written[76..108]); // pixdim with qfac
        Assert.Equal(expected[252..328], written[252..328]); // codes, quaternion, offsets, sform
        Assert.Equal(expected[123], written[123]);
        Assert.Equal(16, BinaryPrimitives.ReadInt16LittleEndian(written.AsSpan(70)));
        var heatmap = MemoryMarshal.Cast<byte, float>(written.AsSpan(NiftiBytes.HeaderBytes)).ToArray();
        Assert.Equal(Heatmap(request.Task), heatmap);
    }

    [Fact]
    public async Task Publish_SFormAndQForm_CodesAreKept()
    {
        var source = new NiftiBytes { Affine = new(new(0, 2, 0), new(-1, 0, 0), new(0, 0, 3), new(7, 8, 9)) };
        var request = await RequestAsync(source);
        await _publisher.PublishAsync(request, Cancel);
        Assert.Equal(source.Header()[252..328], Unzip("heatmap.nii.gz")[252..328]);
        var result = await ResultAsync();
        Assert.Equal([[0, -1, 0, 7], [2, 0, 0, 8], [0, 0, 3, 9], [0, 0, 0, 1]], result.Input.Affine);
        Assert.Equal(request.Task.Geometry.Affine.ToWorld(result.Heatmaps[0].PeakIndex.I, result.Heatmaps[0].PeakIndex.J, result.Heatmaps[0].PeakIndex.K), result.Heatmaps[0].PeakMm);
        await AssertMatchesAsync();
    }

    [Fact]
    public async Task Publish_HeatmapDamagedOnItsWay_RefusedAndNoResult()
    {
        var request = await RequestAsync(new NiftiBytes());
        await DamageWrittenHeatmapAsync(request, bytes => bytes[^1] ^= 1);
        await DamageWrittenHeatmapAsync(request, bytes => BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(280), 2)); // sform
        await DamageWrittenHeatmapAsync(request, bytes => BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(254), 1)); // its code
    }

    [Fact]
    public async Task Publish_SourceChangedMeanwhile_Refused()
    {
        var request = await RequestAsync(new NiftiBytes());
        await File.WriteAllBytesAsync(request.Task.SourceUris[0], new NiftiBytes { Intensity = (_, _, _) => 2 }.Plain(), Cancel);
        var refused = await Assert.ThrowsAsync<ImagingException>(() => _publisher.PublishAsync(request, Cancel));
        Assert.Equal("source.changed", refused.Code);
        Assert.False(File.Exists(_folder["store/a/result.json"]));
    }

    [Fact]
    public async Task Publish_HeatmapNotFinite_Refused()
    {
        var request = await RequestAsync(new NiftiBytes(), heatmap => heatmap[5] = float.NaN);
        var refused = await Assert.ThrowsAsync<ImagingException>(() => _publisher.PublishAsync(request, Cancel));
        Assert.Equal("heatmap.non_finite", refused.Code);
        Assert.False(File.Exists(_folder["store/a/result.json"]));
    }

    [Fact]
    public async Task Publish_SlabTooShort_RefusedAsTransient()
    {
        var request = await RequestAsync(new NiftiBytes());
        await _store.WriteAsync(request.Slabs[1].Path, new byte[8], WriteCondition.Always, Cancel);
        var refused = await Assert.ThrowsAsync<BlobStoreException>(() => _publisher.PublishAsync(request, Cancel));
        Assert.Equal(BlobStoreError.Unavailable, refused.Error);
    }

    [Fact]
    public async Task Publish_OlderResultWithAMask_ReplacedAndTheMaskRemoved()
    {
        var threshold = new HeatmapThreshold(0.5, OfPeak: true);
        await _publisher.PublishAsync(await RequestAsync(new NiftiBytes(), settings: SmallWork.Settings with { Threshold = threshold }), Cancel);
        Assert.True(File.Exists(_folder["store/a/mask.nii.gz"]));
        var mask = Unzip("mask.nii.gz");
        Assert.Contains((byte)1, mask[NiftiBytes.HeaderBytes..]);

        var request = await RequestAsync(new NiftiBytes(), settings: SmallWork.Settings with { Alpha = 1 });
        await _publisher.PublishAsync(request, Cancel);
        Assert.False(File.Exists(_folder["store/a/mask.nii.gz"]));
        Assert.Equal(1, (await ResultAsync()).Settings.Alpha);
        await AssertMatchesAsync();
    }

    [Fact]
    public async Task Publish_AskedAgainAfterTheRowsAreGone_AnswersAndLeavesTheResult()
    {
        var request = await RequestAsync(new NiftiBytes());
        var first = await _publisher.PublishAsync(request, Cancel);
        Directory.Delete(_folder["store/.tonno/tasks"], recursive: true);
        Assert.Equal(first, await _publisher.PublishAsync(request, Cancel));
        await AssertMatchesAsync();
    }

    /// <summary>Fails at each change of the store in turn, before the deed or after it, over nothing and over an older result.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Publish_StoreFailsAtEachChange_NoResultWhoseFilesDoNotMatch(bool olderResult, bool afterTheDeed)
    {
        var completed = false;
        for (var failing = 0; !completed; failing++)
        {
            Assert.True(failing < 30, "publishing never completes");
            _store.Before = _store.After = _ => Task.CompletedTask;
            if (olderResult)
            {
                await _publisher.PublishAsync(
                    await RequestAsync(new NiftiBytes(), settings: SmallWork.Settings with { Alpha = 0.5, Threshold = new(0.5, true) }) is var older
                        ? older with { Task = older.Task with { RunId = new($"older-{failing}") } }
                        : throw new InvalidOperationException(),
                    Cancel);
            }

            var request = await RequestAsync(new NiftiBytes());
            var changes = 0;
            Task Fail(StoreCall call) => call.Changes && changes++ == failing ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
            (_store.Before, _store.After) = afterTheDeed ? (_store.Before, Fail) : ((Func<StoreCall, Task>)Fail, _store.After);
            try
            {
                await _publisher.PublishAsync(request, Cancel);
                completed = true;
            }
            catch (BlobStoreException)
            {
                _store.Before = _store.After = _ => Task.CompletedTask;
                if (File.Exists(_folder["store/a/result.json"]))
                {
                    await AssertMatchesAsync();
                }

                await _publisher.PublishAsync(request, Cancel); // the retry
            }

            Assert.Equal(2, (await ResultAsync()).Settings.Alpha);
            await AssertMatchesAsync();
            Directory.Delete(_folder["store"], recursive: true);
        }
    }

    [Fact]
    public async Task Publish_SeveralClasses_EachHasFilesOfItsNameAndTheFormerResultsAreGone()
    {
        var threshold = new HeatmapThreshold(0.5, OfPeak: true);
        await _publisher.PublishAsync(await RequestAsync(new NiftiBytes(), settings: SmallWork.Settings with { Threshold = threshold }), Cancel);
        await AssertMatchesAsync();
        Assert.True(File.Exists(_folder["store/a/mask.nii.gz"]));

        var three = SmallWork.Settings with { Threshold = threshold, Classes = [new(2, "tumour"), new(0, "oedema/core"), new(1, "oedema core")] };
        var request = await RequestAsync(new NiftiBytes(), settings: three);
        await _publisher.PublishAsync(request, Cancel);
        await AssertMatchesAsync();
        var result = await ResultAsync();
        Assert.Equal(["heatmap-tumour.nii.gz", "heatmap-oedema_core-0.nii.gz", "heatmap-oedema_core-1.nii.gz"], result.Heatmaps.Select(heatmap => heatmap.File));
        Assert.Equal(["tumour", "oedema/core", "oedema core"], result.Heatmaps.Select(heatmap => heatmap.Class));
        foreach (var (heatmap, classAt) in result.Heatmaps.Select((heatmap, classAt) => (heatmap, classAt)))
        {
            var content = Unzip(heatmap.File);
            Assert.Equal(Heatmap(request.Task, classAt), MemoryMarshal.Cast<byte, float>(content.AsSpan(352)).ToArray());
            Assert.Equal(Heatmap(request.Task, classAt).Max(), heatmap.Maximum);
            Assert.Contains(heatmap.File.Replace("heatmap", "mask", StringComparison.Ordinal), result.Files.Keys);
        }

        // Written before anyone had classes.
        await File.WriteAllTextAsync(_folder["store/a/notes.txt"], "mine", Cancel);
        await _publisher.PublishAsync(await RequestAsync(new NiftiBytes()), Cancel);
        Assert.Equal("mine", await File.ReadAllTextAsync(_folder["store/a/notes.txt"], Cancel));
        File.Delete(_folder["store/a/notes.txt"]);
        await AssertMatchesAsync();
    }

    private static float[] Heatmap(VolumeTask task, int classAt = 0) =>
        [.. Enumerable.Range(0, (int)task.Geometry.Shape.VoxelCount).Select(at => (float)Math.Sin(0.1 * (1 + classAt) * at))];

    private async Task<ReconProtocol.PublishHeatmap> RequestAsync(NiftiBytes source, Action<float[]>? change = null, RunSettings? settings = null)
    {
        var path = _folder["a.nii"];
        await File.WriteAllBytesAsync(path, source.Plain(), Cancel);
        var facts = VolumeSource.Inspect([path], Cancel);
        var task = SmallWork.Task() with { SourceUris = [path], SourceSha256 = facts.Sha256, Geometry = facts.Headers.ByChannel[0].Geometry, Settings = settings ?? SmallWork.Settings };
        task = task with { SlabCount = 2 * task.Settings.Classes.Count };
        var slabs = new List<BlobRef>();
        for (var index = 0; index < task.SlabCount; index++)
        {
            var (range, plane) = (task.Slab(index), task.Geometry.Shape.I * task.Geometry.Shape.J);
            var heatmap = Heatmap(task, range.Class);
            change?.Invoke(heatmap);
            var bytes = MemoryMarshal.AsBytes(heatmap.AsSpan(range.FirstK * plane, range.CountK * plane)).ToArray();
            slabs.Add(new(task.SlabPath(index), (await _store.WriteAsync(task.SlabPath(index), bytes, WriteCondition.Always, Cancel)).Value));
        }

        foreach (var lease in SmallWork.Leases(task))
        {
            await Work.StoreAsync(_store, task, lease);
        }

        return new ReconProtocol.PublishHeatmap(task, slabs, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), []);
    }

    private async Task DamageWrittenHeatmapAsync(ReconProtocol.PublishHeatmap request, Action<byte[]> damage)
    {
        _store.After = async call =>
        {
            if (call.Operation == StoreOperation.Write && call.Path.EndsWith("heatmap.nii.gz", StringComparison.Ordinal))
            {
                var path = _folder[$"store/{call.Path}"];
                var content = Unzip(path, absolute: true);
                damage(content);
                await File.WriteAllBytesAsync(path, NiftiBytes.Gzip(content), Cancel);
            }
        };
        var error = await Assert.ThrowsAnyAsync<Exception>(() => _publisher.PublishAsync(request, Cancel));
        Assert.True(error is ImagingException { Code: "heatmap.grid_differs" } or BlobStoreException, error.ToString());
        Assert.False(File.Exists(_folder["store/a/result.json"]));
    }

    private byte[] Unzip(string name, bool absolute = false)
    {
        using var gzip = new GZipStream(File.OpenRead(absolute ? name : _folder[$"store/a/{name}"]), CompressionMode.Decompress);
        using var content = new MemoryStream();
        gzip.CopyTo(content);
        return content.ToArray();
    }

    private async Task<VolumeResult> ResultAsync() =>
        Documents.TryParse<VolumeResult>(await File.ReadAllBytesAsync(_folder["store/a/result.json"], Cancel))!;

    private async Task AssertMatchesAsync()
    {
        var result = await ResultAsync();
        foreach (var (name, facts) in result.Files)
        {
            var bytes = await File.ReadAllBytesAsync(_folder[$"store/a/{name}"], Cancel);
            Assert.Equal((facts.Sha256, facts.SizeBytes), (Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.LongLength));
        }

        Assert.Equal(result.Files.Keys.Append("result.json").Order(), Directory.EnumerateFiles(_folder["store/a"]).Select(Path.GetFileName).Order()!);
    }
}
