using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Exporting;

/// <summary>Makes DICOM objects of the results of DICOM series: a Parametric Map of each heatmap and, where there is a bound, a Segmentation.</summary>
/// <param name="threshold">In place of the run's; null for the run's, if it had one.</param>
/// <param name="pacs">Where they are sent as well; null where they are not.</param>
internal sealed class DicomExport(IBlobStore store, ExportFolder folder, HeatmapThreshold? threshold, StowClient? pacs, IRemoteFiles remote) : IVolumeExport
{
    private const string NotDicom = "export.not_dicom";
    private const string Heatmap = "heatmap";
    private const string NiftiExtension = ".nii.gz";

    public async Task<ExportLine> ExportAsync(RunVolume volume, VolumeResult result, CancellationToken cancel)
    {
        var id = volume.Input.VolumeId;
        if (volume.Input.Uris is not [var uri] || SeriesUri.TryParse(uri) is not { } series)
        {
            return new(id, ExportState.LeftOut, [], NotDicom, "It was read from NIfTI, so there is no DICOM series that objects could refer to.");
        }

        var orderedAt = volume.OrderedAt ?? throw new ExportException(
            "run.missing", $"The document of run {result.RunId}, which made the result of {id}, is gone: run the archive again into another store.");
        var (files, changed) = (new List<string>(), false);
        SourceSeries? source = null;
        foreach (var (at, heatmap) in result.Heatmaps.Index())
        {
            var objects = Objects.Of(result, heatmap, at, orderedAt, threshold);
            foreach (var (name, _) in objects.Files)
            {
                folder.RequireFree(name, id.Value, file => ResultFile.InstanceUidOf(file) is not null);
            }

            if (objects.Files.Any(file => !Lies(file.Name, file.Uid)))
            {
                source ??= SourceSeries.Read(series, result.Input.Sha256, remote, cancel);
                await WriteAsync(objects, result, source, cancel).ConfigureAwait(false);
                changed = true;
            }

            files.AddRange(objects.Files.Select(file => file.Name));
            if (pacs is not null)
            {
                foreach (var (name, uid) in objects.Files)
                {
                    changed |= await pacs.StoreAsync(name, () => File.OpenRead(folder.PathOf(name)), uid, id, cancel).ConfigureAwait(false);
                }
            }
        }

        var withoutBound = result.Heatmaps.Any(heatmap => Bound(heatmap, threshold) is null);
        return new(
            id, changed ? ExportState.Exported : ExportState.Unchanged, files, Detail: withoutBound ? "There is no segmentation, as the run had no threshold: --threshold gives one." : null);
    }

    private static double? Bound(VolumeResult.HeatmapFacts heatmap, HeatmapThreshold? threshold) => threshold?.For(heatmap.Maximum) ?? heatmap.Threshold;

    private bool Lies(string name, string uid) => File.Exists(folder.PathOf(name)) && ResultFile.InstanceUidOf(folder.PathOf(name)) == uid;

    /// <summary>Writes both objects in one reading of the heatmap; neither gets its name before the heatmap's hash is known to be right.</summary>
    private async Task WriteAsync(Objects objects, VolumeResult result, SourceSeries source, CancellationToken cancel)
    {
        var segmentation = objects.Bound is { } bound ? new Segmentation(source.Header.Shape, bound) : null;
        await folder.WriteAsync(objects.Map, stream => VerifiedReading.ReadAsync(
            store,
            result,
            objects.HeatmapFile,
            (heatmap, lengthBytes) =>
            {
                var map = ParametricMap.Begin(stream, source, objects.Origin);
                NiftiReader.Scan(
                    heatmap,
                    lengthBytes,
                    objects.HeatmapFile,
                    voxels =>
                    {
                        map.Append(voxels);
                        segmentation?.Append(voxels);
                    },
                    cancel).Header.RequireSameGrid(source.Header, result.VolumeId.Value);
                map.Complete();
                return true;
            },
            cancel)).ConfigureAwait(false);
        if (segmentation is not null)
        {
            await folder.WriteAsync(objects.Segmentation!, stream =>
            {
                segmentation.Write(stream, source, objects.Origin);
                return Task.CompletedTask;
            }).ConfigureAwait(false);
        }
    }

    /// <summary>The objects of one heatmap, before they are written.</summary>
    /// <param name="Map">Name of the Parametric Map's file, from the folder on.</param>
    /// <param name="Segmentation">Likewise; null where there is no bound.</param>
    private sealed record Objects(string HeatmapFile, ResultOrigin Origin, double? Bound, string Map, string? Segmentation)
    {
        /// <summary>The files, and which instance is to lie in each.</summary>
        public IReadOnlyList<(string Name, string Uid)> Files => Segmentation is null
            ? [(Map, ParametricMap.InstanceUidOf(Origin))]
            : [(Map, ParametricMap.InstanceUidOf(Origin)), (Segmentation, Imaging.Dicom.Results.Segmentation.InstanceUidOf(Origin, Bound!.Value))];

        /// <exception cref="ExportException">The result's document tells of no such file.</exception>
        public static Objects Of(VolumeResult result, VolumeResult.HeatmapFacts heatmap, int at, DateTimeOffset orderedAt, HeatmapThreshold? threshold)
        {
            // A document may say anything.
            var isSound = heatmap.File.StartsWith(Heatmap, StringComparison.Ordinal) && heatmap.File.EndsWith(NiftiExtension, StringComparison.Ordinal)
                && heatmap.File == Path.GetFileName(heatmap.File) && result.Files.ContainsKey(heatmap.File);
            if (!isSound)
            {
                throw new ExportException(VerifiedReading.Damaged, $"The result of {result.VolumeId} names no heatmap: verify the store, and run the volume again.");
            }

            var suffix = heatmap.File[Heatmap.Length..^NiftiExtension.Length];
            var bound = DicomExport.Bound(heatmap, threshold);
            return new(
                heatmap.File,
                Describe(result, heatmap, at, orderedAt),
                bound,
                $"{result.VolumeId}/{Heatmap}{suffix}.dcm",
                bound is null ? null : $"{result.VolumeId}/segmentation{suffix}.dcm");
        }

        private static ResultOrigin Describe(VolumeResult result, VolumeResult.HeatmapFacts heatmap, int at, DateTimeOffset orderedAt)
        {
            static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
            var settings = result.Settings;
            return new ResultOrigin
            {
                SourceSha256 = result.Input.Sha256,
                HeatmapSha256 = result.Files[heatmap.File].Sha256,
                WorkKey = result.WorkKey,
                OrderedAt = orderedAt,
                ClassNumber = at + 1,
                ClassName = heatmap.Class,
                Minimum = heatmap.Minimum,
                Maximum = heatmap.Maximum,
                ModelName = Path.GetFileName(settings.Model.TrimEnd('/')),
                Version = result.Software.Tonno,
                Parameters =
                [
                    $"model {settings.ModelSha256}", $"method {settings.Cam?.Method.ToString() ?? "ToNNO"}",
                    Text($"{result.Sampling.Directions} directions"), Text($"alpha {settings.Alpha}"), $"window {settings.Window}", $"work {result.WorkKey}",
                ],
            };
        }
    }
}
