using System.Diagnostics;
using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Previews;
using ToNNO.Imaging.Sinograms;
using ToNNO.Storage;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Makes a volume's files and publishes them: written under temporary names, read back, then named, and
/// <c>result.json</c> last.</summary>
internal sealed class ResultPublisher(IBlobStore store)
{
    private const string HeatmapFile = "heatmap.nii.gz";
    private const string MaskFile = "mask.nii.gz";
    private const string PreviewFile = "preview.png";

    /// <exception cref="ImagingException">The source changed meanwhile, or the heatmap is not on its grid or not finite.</exception>
    /// <exception cref="BlobStoreException">The store failed; nothing was published.</exception>
    public async Task<ReconProtocol.HeatmapPublished> PublishAsync(ReconProtocol.PublishHeatmap request, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var task = request.Task;
        if (await PublishedAsync(task, cancel).ConfigureAwait(false) is { } published)
        {
            return published; // asked again while the answer was on its way: the rows may be gone by now
        }

        var (heatmap, shape) = (new StoredHeatmap(store, task, request.Slabs), task.Geometry.Shape);
        var statistics = await HeatmapStatistics.OfAsync(heatmap.SlabsAsync(cancel), shape).ConfigureAwait(false) ?? throw new ImagingException(
            RejectReason.HeatmapNonFinite, $"The heatmap of {task.VolumeId} holds NaN or infinite values; look for extreme logits of the model.");
        var threshold = task.Settings.Threshold?.For(statistics.Maximum);
        var peak = HeatmapPeak.Of(statistics.Minimum, statistics.Maximum, statistics.Peak, shape);
        var (image, heat) = (new VolumeGlimpse(shape, peak), new VolumeGlimpse(shape, peak));
        var header = VolumeSource.Scan(task.SourceUri, task.SourceSha256, image.Append, cancel);
        var rows = await VolumeRows.ReadAsync(store, task, cancel).ConfigureAwait(false);

        var files = new Dictionary<string, VolumeResult.FileFacts>(StringComparer.Ordinal);
        async Task Write(string name, Func<Stream, Task> write) =>
            files[name] = await WriteTemporaryAsync(task, name, write, cancel).ConfigureAwait(false);

        // A heatmap of maps is not the sinogram's: there is nothing to hold it against.
        var reprojection = task.Settings.Cam is not null ? null : new BrightReprojection(task.Geometry, task.Plan(), task.Settings.Alpha, statistics.Maximum);
        using var meant = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await Write(HeatmapFile, async stream =>
        {
            using var writer = NiftiWriter.ForHeatmap(stream, header, 0, statistics.Maximum, compress: true);
            await foreach (var slab in heatmap.SlabsAsync(cancel).ConfigureAwait(false))
            {
                writer.Append(slab.Voxels.Span);
                heat.Append(slab.Voxels.Span);
                reprojection?.Add(slab.Voxels.Span, slab.Range.FirstK);
                meant.AppendVoxels(slab.Voxels.Span);
            }

            writer.Complete();
        }).ConfigureAwait(false);
        await VerifyAsync(task, header, meant.GetHashAndReset(), cancel).ConfigureAwait(false);
        if (threshold is { } bound)
        {
            await Write(MaskFile, async stream =>
            {
                using var writer = NiftiWriter.ForMask(stream, header, compress: true);
                byte[] mask = [];
                await foreach (var slab in heatmap.SlabsAsync(cancel).ConfigureAwait(false))
                {
                    Array.Resize(ref mask, Math.Max(mask.Length, slab.Voxels.Length));
                    HeatmapMask.Write(slab.Voxels.Span, bound, mask.AsSpan(0, slab.Voxels.Length));
                    writer.Append(mask.AsSpan(0, slab.Voxels.Length));
                }

                writer.Complete();
            }).ConfigureAwait(false);
        }

        await Write(SinogramFile.FileName, stream =>
        {
            SinogramFile.Write(stream, rows.ToSinogram(task, header));
            return Task.CompletedTask;
        }).ConfigureAwait(false);
        var preview = PreviewRenderer.RenderPng(new PreviewRequest(task.Geometry, peak, image, heat, task.VolumeId.Value) { Threshold = task.Settings.Threshold });
        await Write(PreviewFile, stream =>
        {
            stream.Write(preview);
            return Task.CompletedTask;
        }).ConfigureAwait(false);

        SinogramConsistency? consistency = reprojection is null ? null : SinogramConsistency.Of(rows.Logits, rows.BlankLogit, task.Plan(), reprojection);
        var publishTime = Stopwatch.GetElapsedTime(begun);
        var result = ResultDescription.Of(request, statistics, threshold, rows, consistency, files, publishTime);
        var blob = await PublishFilesAsync(task, result, cancel).ConfigureAwait(false);
        return new ReconProtocol.HeatmapPublished(task.VolumeId, blob, string.Join(' ', result.Warnings));
    }

    /// <summary>The result, where this run has published it already.</summary>
    private async Task<ReconProtocol.HeatmapPublished?> PublishedAsync(VolumeTask task, CancellationToken cancel)
    {
        var path = VolumeResult.PathOf(task.VolumeId);
        try
        {
            var blob = await store.ReadAsync(path, cancel).ConfigureAwait(false);
            return Documents.TryParse<VolumeResult>(blob.Bytes.Span) is { } result && result.RunId == task.RunId && result.WorkKey == task.WorkKey
                ? new ReconProtocol.HeatmapPublished(task.VolumeId, new BlobRef(path, blob.ETag.Value), string.Join(' ', result.Warnings))
                : null;
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            return null;
        }
    }

    private async Task<VolumeResult.FileFacts> WriteTemporaryAsync(VolumeTask task, string name, Func<Stream, Task> write, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var size = 0L;
        await store.WriteAsync(
            task.WorkPrefix + name,
            async (stream, _) =>
            {
                var counting = new HashingStream(stream, hash);
                await using (counting.ConfigureAwait(false))
                {
                    await write(counting).ConfigureAwait(false);
                    size = counting.Written;
                }
            },
            cancel).ConfigureAwait(false);
        return new VolumeResult.FileFacts(Convert.ToHexStringLower(hash.GetHashAndReset()), size);
    }

    /// <summary>Reads the heatmap back as any reader would, and refuses it unless grid and voxels are the ones meant.</summary>
    /// <param name="meant">SHA-256 of the voxels.</param>
    private async Task VerifyAsync(VolumeTask task, NiftiHeader source, byte[] meant, CancellationToken cancel)
    {
        using var read = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var stream = await store.OpenReadAsync(task.WorkPrefix + HeatmapFile, cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var written = NiftiReader.Scan(stream, stream.Length, HeatmapFile, read.AppendVoxels, cancel);
            written.Header.RequireSameGrid(source, task.VolumeId.Value);
            if (!read.GetHashAndReset().AsSpan().SequenceEqual(meant))
            {
                throw new BlobStoreException(BlobStoreError.Unavailable, $"The heatmap of {task.VolumeId} was not read back as it was written.");
            }
        }
    }

    private async Task<BlobRef> PublishFilesAsync(VolumeTask task, VolumeResult result, CancellationToken cancel)
    {
        var folder = VolumeResult.FolderOf(task.VolumeId);
        var resultPath = VolumeResult.PathOf(task.VolumeId);
        // An older result stops counting before its files are touched.
        await store.DeleteAsync(resultPath, cancel).ConfigureAwait(false);
        foreach (var name in new[] { HeatmapFile, MaskFile, SinogramFile.FileName, PreviewFile })
        {
            if (result.Files.ContainsKey(name))
            {
                await store.MoveAsync(task.WorkPrefix + name, folder + name, cancel).ConfigureAwait(false);
            }
            else
            {
                await store.DeleteAsync(folder + name, cancel).ConfigureAwait(false);
            }
        }

        var etag = await store.WriteAsync(resultPath, Documents.ToBytes(result), WriteCondition.IfAbsent, cancel).ConfigureAwait(false);
        return new BlobRef(resultPath, etag.Value);
    }
}
