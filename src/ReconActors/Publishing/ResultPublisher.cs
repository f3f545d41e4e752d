using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Previews;
using ToNNO.Imaging.Sinograms;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

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
        var rows = await ReadRowsAsync(task, cancel).ConfigureAwait(false);

        var files = new Dictionary<string, VolumeResult.FileFacts>(StringComparer.Ordinal);
        async Task Write(string name, Func<Stream, Task> write) =>
            files[name] = await WriteTemporaryAsync(task, name, write, cancel).ConfigureAwait(false);

        using var meant = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await Write(HeatmapFile, async stream =>
        {
            using var writer = NiftiWriter.ForHeatmap(stream, header, 0, statistics.Maximum, compress: true);
            await foreach (var slab in heatmap.SlabsAsync(cancel).ConfigureAwait(false))
            {
                writer.Append(slab.Voxels.Span);
                heat.Append(slab.Voxels.Span);
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
                await foreach (var slab in heatmap.SlabsAsync(cancel).ConfigureAwait(false))
                {
                    writer.Append(HeatmapMask.Of(slab.Voxels.Span, bound));
                }

                writer.Complete();
            }).ConfigureAwait(false);
        }

        await Write(SinogramFile.FileName, stream =>
        {
            SinogramFile.Write(stream, rows.Logits, rows.Measured, rows.BlankLogit, task.Plan(), task.Geometry);
            return Task.CompletedTask;
        }).ConfigureAwait(false);
        var preview = PreviewRenderer.RenderPng(new PreviewRequest(task.Geometry, peak, image, heat, task.VolumeId.Value) { Threshold = task.Settings.Threshold });
        await Write(PreviewFile, stream =>
        {
            stream.Write(preview);
            return Task.CompletedTask;
        }).ConfigureAwait(false);

        var publishTime = Stopwatch.GetElapsedTime(begun);
        var result = Describe(request, statistics, threshold, rows, files, publishTime);
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

    private async Task<Rows> ReadRowsAsync(VolumeTask task, CancellationToken cancel)
    {
        var plan = task.Plan();
        var logits = new float[plan.Directions.Count * plan.OffsetCount];
        var (blank, cost, devices) = (0f, default(RowsCost), new SortedSet<string>(StringComparer.Ordinal));
        foreach (var lease in task.Leases())
        {
            var rows = await ReadRowsAsync(task.RowsPath(lease), lease, plan.OffsetCount, cancel).ConfigureAwait(false);
            rows.Logits.CopyTo(logits, lease.First * plan.OffsetCount);
            (blank, cost) = (rows.BlankLogit, cost + rows.Cost);
            devices.Add(rows.Device);
        }

        return new Rows(logits, await MeasuredAsync(task, plan, cancel).ConfigureAwait(false), blank, cost, string.Join(", ", devices));
    }

    /// <summary>Which logits were measured: all but those that a pass's guide gave. A plane that misses the volume needs no measuring.</summary>
    private async Task<bool[]> MeasuredAsync(VolumeTask task, SamplingPlan plan, CancellationToken cancel)
    {
        var measured = new bool[plan.Directions.Count * plan.OffsetCount];
        Array.Fill(measured, true);
        foreach (var pass in task.Passes())
        {
            try
            {
                var guide = await ReadRowsAsync(task.GuidePath(pass), pass, plan.OffsetCount, cancel).ConfigureAwait(false);
                for (var at = 0; at < guide.Logits.Length; at++)
                {
                    var normal = plan.Directions.Normals[pass.First + (at / plan.OffsetCount)];
                    measured[(pass.First * plan.OffsetCount) + at] = float.IsNaN(guide.Logits[at])
                        || SliceCutter.Misses(task.Geometry, normal, plan.OffsetMm(at % plan.OffsetCount));
                }
            }
            catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
            {
                // A pass without a guide is measured whole.
            }
        }

        return measured;
    }

    private async Task<RowsBlob> ReadRowsAsync(string path, DirectionRange range, int offsetCount, CancellationToken cancel)
    {
        var blob = await store.ReadAsync(path, cancel).ConfigureAwait(false);
        return RowsBlob.TryParse(blob.Bytes.Span, range, offsetCount)
            ?? throw new BlobStoreException(BlobStoreError.Unavailable, $"The rows at {path} are damaged; run again.");
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

    private static VolumeResult Describe(
        ReconProtocol.PublishHeatmap request,
        HeatmapStatistics statistics,
        double? threshold,
        Rows rows,
        Dictionary<string, VolumeResult.FileFacts> files,
        TimeSpan publishTime)
    {
        var (task, plan) = (request.Task, request.Task.Plan());
        var a = task.Geometry.Affine;
        var guessed = rows.Measured.LongCount(measured => !measured);
        return new VolumeResult
        {
            VolumeId = task.VolumeId,
            RunId = task.RunId,
            WorkKey = task.WorkKey,
            Input = new(Path.GetFileName(task.SourceUri), task.SourceSha256, task.Geometry.Shape,
            [
                [a.I.X, a.J.X, a.K.X, a.Origin.X],
                [a.I.Y, a.J.Y, a.K.Y, a.Origin.Y],
                [a.I.Z, a.J.Z, a.K.Z, a.Origin.Z],
                [0, 0, 0, 1],
            ],
            task.SourceId),
            Settings = task.Settings,
            Sampling = new(
                plan.Directions.Count, plan.OffsetCount, plan.SpacingMm, plan.PixelMm, plan.Size, plan.CentreMm, rows.BlankLogit),
            Slices = new(rows.Logits.Length, rows.Cost.SlicesCut, rows.Cost.SlicesSkipped - guessed, rows.Cost.SlicesEncoded, guessed),
            Seconds = new(
                rows.Cost.ReadTime.TotalSeconds,
                rows.Cost.CutTime.TotalSeconds,
                rows.Cost.EncodeTime.TotalSeconds,
                request.BackprojectionTime.TotalSeconds,
                publishTime.TotalSeconds,
                (request.Elapsed + publishTime).TotalSeconds),
            Heatmap = new(
                statistics.Minimum,
                statistics.Maximum,
                statistics.Mean,
                statistics.Peak,
                a.ToWorld(statistics.Peak.I, statistics.Peak.J, statistics.Peak.K),
                threshold),
            Software = new(
                Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
                RuntimeInformation.FrameworkDescription,
                RuntimeInformation.OSDescription,
                rows.Device),
            Warnings = plan.CutsOff
                ? [$"Slices of {plan.Size} x {plan.PixelMm:G4} mm do not cover the volume; planes are cut off, so lesions near the rim may be missed."]
                : [],
            Files = files,
        };
    }

    /// <summary>The sinogram, and what it cost.</summary>
    private sealed record Rows(float[] Logits, bool[] Measured, float BlankLogit, RowsCost Cost, string Device);
}
