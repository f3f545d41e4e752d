using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Previews;
using ToNNO.Storage;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;

namespace ToNNO.ReconActors.Publishing;

/// <summary>One class's heatmap on its way from slabs to files.</summary>
internal sealed class ClassHeatmap
{
    private readonly VolumeTask _task;
    private readonly int _classAt;
    private readonly ResultFileNames _names;
    private readonly StoredHeatmap _heatmap;
    private readonly HeatmapStatistics _statistics;
    private readonly double? _bound;
    private readonly HeatmapPeak _peak;
    private readonly VolumeGlimpse _heat;

    private ClassHeatmap(VolumeTask task, int classAt, ResultFileNames names, StoredHeatmap heatmap, HeatmapStatistics statistics)
    {
        (_task, _classAt, _names, _heatmap, _statistics) = (task, classAt, names, heatmap, statistics);
        _bound = task.Settings.Threshold?.For(statistics.Maximum);
        _peak = HeatmapPeak.Of(statistics.Minimum, statistics.Maximum, statistics.Peak, task.Geometry.Shape);
        (Image, _heat) = (new VolumeGlimpse(task.Geometry.Shape, _peak), new VolumeGlimpse(task.Geometry.Shape, _peak));
    }

    /// <summary>The volume around the heatmap's peak; to be shown the volume before <see cref="WriteAsync"/>.</summary>
    public VolumeGlimpse Image { get; }

    /// <summary>Looks through a heatmap.</summary>
    /// <exception cref="ImagingException">A voxel is not finite.</exception>
    public static async Task<ClassHeatmap> OfAsync(
        IBlobStore store, ReconProtocol.PublishHeatmap request, int classAt, ResultFileNames names, CancellationToken cancel)
    {
        var task = request.Task;
        var heatmap = new StoredHeatmap(store, task, request.Slabs, classAt);
        var statistics = await HeatmapStatistics.OfAsync(heatmap.SlabsAsync(cancel), task.Geometry.Shape).ConfigureAwait(false) ?? throw new ImagingException(
            RejectReason.HeatmapNonFinite, $"The heatmap of {task.VolumeId} holds NaN or infinite values; look for extreme logits of the model.");
        return new ClassHeatmap(task, classAt, names, heatmap, statistics);
    }

    /// <summary>Writes heatmap, mask and preview under their temporary names, the heatmap read back as any reader would.</summary>
    /// <param name="header">Of the source.</param>
    /// <returns>What <c>result.json</c> says of the heatmap.</returns>
    public async Task<VolumeResult.HeatmapFacts> WriteAsync(TemporaryFiles files, NiftiHeader header, VolumeRows rows, CancellationToken cancel)
    {
        // A heatmap of maps is not the sinogram's: there is nothing to hold it against.
        var reprojection = _task.Settings.Cam is not null
            ? null
            : new BrightReprojection(_task.Geometry, _task.Plan(), _task.Settings.Alpha, _statistics.Maximum);
        using var meant = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await files.WriteAsync(_names.Heatmap, async stream =>
        {
            using var writer = NiftiWriter.ForHeatmap(stream, header, 0, _statistics.Maximum, compress: true);
            await foreach (var slab in _heatmap.SlabsAsync(cancel).ConfigureAwait(false))
            {
                writer.Append(slab.Voxels.Span);
                _heat.Append(slab.Voxels.Span);
                reprojection?.Add(slab.Voxels.Span, slab.Range.FirstK);
                meant.AppendVoxels(slab.Voxels.Span);
            }

            writer.Complete();
        }).ConfigureAwait(false);
        await files.VerifyHeatmapAsync(_names.Heatmap, header, meant.GetHashAndReset()).ConfigureAwait(false);
        if (_bound is { } bound)
        {
            await files.WriteAsync(_names.Mask, stream => WriteMaskAsync(stream, header, bound, cancel)).ConfigureAwait(false);
        }

        var (settings, blank) = (_task.Settings, rows.BlankLogits[_classAt]);
        var title = settings.Classes.Count == 1 ? _task.VolumeId.Value : $"{_task.VolumeId} {settings.Classes[_classAt].Name}";
        var preview = PreviewRenderer.RenderPng(new PreviewRequest(_task.Geometry, _peak, Image, _heat, title) { Threshold = settings.Threshold });
        await files.WriteAsync(_names.Preview, stream =>
        {
            stream.Write(preview);
            return Task.CompletedTask;
        }).ConfigureAwait(false);

        SinogramConsistency? fit = reprojection is null ? null : SinogramConsistency.Of(rows.Of(_classAt), blank, _task.Plan(), reprojection);
        return new VolumeResult.HeatmapFacts(
            settings.Classes[_classAt].Name,
            _names.Heatmap,
            _statistics.Minimum,
            _statistics.Maximum,
            _statistics.Mean,
            _statistics.Peak,
            _task.Geometry.Affine.ToWorld(_statistics.Peak.I, _statistics.Peak.J, _statistics.Peak.K),
            blank,
            _bound,
            fit is { } known ? new(known.ReprojectionResidual, known.IntegralSpread) : null);
    }

    private async Task WriteMaskAsync(Stream stream, NiftiHeader header, double bound, CancellationToken cancel)
    {
        using var writer = NiftiWriter.ForMask(stream, header, compress: true);
        byte[] mask = [];
        await foreach (var slab in _heatmap.SlabsAsync(cancel).ConfigureAwait(false))
        {
            Array.Resize(ref mask, Math.Max(mask.Length, slab.Voxels.Length));
            HeatmapMask.Write(slab.Voxels.Span, bound, mask.AsSpan(0, slab.Voxels.Length));
            writer.Append(mask.AsSpan(0, slab.Voxels.Length));
        }

        writer.Complete();
    }
}
