using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Imaging.Sinograms;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Makes a volume's files and publishes them: written under temporary names, read back, then named, and
/// <c>result.json</c> last.</summary>
internal sealed class ResultPublisher(IBlobStore store, IRemoteFiles? remote = null)
{
    /// <exception cref="ImagingException">The source changed meanwhile, or a heatmap is not on its grid or not finite.</exception>
    /// <exception cref="BlobStoreException">The store failed, or another run's result came in between; nothing was published.</exception>
    public async Task<ReconProtocol.HeatmapPublished> PublishAsync(ReconProtocol.PublishHeatmap request, CancellationToken cancel)
    {
        var (result, etag) = await new ResultPlaces(store, request.Task, cancel).PublishAsync(files => MakeAsync(request, files, cancel)).ConfigureAwait(false);
        return new ReconProtocol.HeatmapPublished(
            result.VolumeId, new BlobRef(VolumeResult.PathOf(result.VolumeId), etag?.Value ?? ""), string.Join(' ', result.Warnings));
    }

    /// <summary>Writes all files of the result.</summary>
    private async Task<VolumeResult> MakeAsync(ReconProtocol.PublishHeatmap request, TemporaryFiles files, CancellationToken cancel)
    {
        var (begun, task) = (Stopwatch.GetTimestamp(), request.Task);
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
            cancel,
            remote);
        var rows = await VolumeRows.ReadAsync(store, task, cancel).ConfigureAwait(false);
        var facts = new List<VolumeResult.HeatmapFacts>();
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

        return ResultDescription.Of(request, facts, rows, files.Written, Stopwatch.GetElapsedTime(begun));
    }
}
