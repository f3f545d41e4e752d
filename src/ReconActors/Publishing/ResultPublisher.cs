using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Imaging.Sinograms;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Makes a volume's files and publishes them: written under temporary names, read back, then named, and
/// <c>result.json</c> last.</summary>
internal sealed class ResultPublisher(IBlobStore store)
{
    /// <exception cref="ImagingException">The source changed meanwhile, or a heatmap is not on its grid or not finite.</exception>
    /// <exception cref="BlobStoreException">The store failed; nothing was published.</exception>
    public async Task<ReconProtocol.HeatmapPublished> PublishAsync(ReconProtocol.PublishHeatmap request, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var task = request.Task;
        var path = VolumeResult.PathOf(task.VolumeId);
        var (standing, etag) = await StandingAsync(path, cancel).ConfigureAwait(false);
        if (standing is not null && standing.RunId == task.RunId && standing.WorkKey == task.WorkKey)
        {
            // Asked again while the answer was on its way: the rows may be gone by now.
            return new ReconProtocol.HeatmapPublished(task.VolumeId, new BlobRef(path, etag), string.Join(' ', standing.Warnings));
        }

        var heatmaps = new List<ClassHeatmap>();
        foreach (var names in ResultFileNames.Of(task.Settings.Classes))
        {
            heatmaps.Add(await ClassHeatmap.OfAsync(store, request, heatmaps.Count, names, cancel).ConfigureAwait(false));
        }

        var header = VolumeSource.Scan(
            task.SourceUris,
            task.SourceSha256,
            intensities =>
            {
                foreach (var heatmap in heatmaps)
                {
                    heatmap.Image.Append(intensities);
                }
            },
            cancel);
        var rows = await VolumeRows.ReadAsync(store, task, cancel).ConfigureAwait(false);
        var (files, facts) = (new TemporaryFiles(store, task, cancel), new List<VolumeResult.HeatmapFacts>());
        foreach (var heatmap in heatmaps)
        {
            facts.Add(await heatmap.WriteAsync(files, header, rows, cancel).ConfigureAwait(false));
        }

        if (!task.Settings.IsCentreBlob) // which asks for no logits
        {
            await files.WriteAsync(SinogramFile.FileName, stream =>
            {
                SinogramFile.Write(stream, rows.ToSinogram(task, header));
                return Task.CompletedTask;
            }).ConfigureAwait(false);
        }

        var result = ResultDescription.Of(request, facts, rows, files.Written, Stopwatch.GetElapsedTime(begun));
        var blob = await PublishFilesAsync(task, result, standing, cancel).ConfigureAwait(false);
        return new ReconProtocol.HeatmapPublished(task.VolumeId, blob, string.Join(' ', result.Warnings));
    }

    /// <summary>The result that is there.</summary>
    private async Task<(VolumeResult? Result, string ETag)> StandingAsync(string path, CancellationToken cancel)
    {
        try
        {
            var blob = await store.ReadAsync(path, cancel).ConfigureAwait(false);
            return (Documents.TryParse<VolumeResult>(blob.Bytes.Span), blob.ETag.Value);
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            return (null, "");
        }
    }

    private async Task<BlobRef> PublishFilesAsync(VolumeTask task, VolumeResult result, VolumeResult? standing, CancellationToken cancel)
    {
        var folder = VolumeResult.FolderOf(task.VolumeId);
        var resultPath = VolumeResult.PathOf(task.VolumeId);
        // An older result stops counting before its files are touched.
        await store.DeleteAsync(resultPath, cancel).ConfigureAwait(false);
        var former = standing?.Files.Keys.Where(name => name == Path.GetFileName(name)) ?? []; // a document may say anything
        foreach (var name in ResultFileNames.Plain.Union(former).Except(result.Files.Keys))
        {
            await store.DeleteAsync(folder + name, cancel).ConfigureAwait(false);
        }

        foreach (var name in result.Files.Keys)
        {
            await store.MoveAsync(task.WorkPrefix + name, folder + name, WriteCondition.Always, cancel).ConfigureAwait(false);
        }

        var etag = await store.WriteAsync(resultPath, Documents.ToBytes(result), WriteCondition.IfAbsent, cancel).ConfigureAwait(false);
        return new BlobRef(resultPath, etag.Value);
    }
}
