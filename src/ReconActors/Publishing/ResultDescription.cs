using System.Reflection;
using System.Runtime.InteropServices;
using ToNNO.Contracts;
using ToNNO.Imaging;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Puts into words and numbers what was done: the content of <c>result.json</c>.</summary>
internal static class ResultDescription
{
    public static VolumeResult Of(
        ReconProtocol.PublishHeatmap request,
        IReadOnlyList<VolumeResult.HeatmapFacts> heatmaps,
        VolumeRows rows,
        IReadOnlyDictionary<string, VolumeResult.FileFacts> files,
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
            TraceId = Spans.TraceIdOf(request.TraceParent),
            Input = new([.. task.SourceUris.Select(VolumeSource.NameOf)], task.SourceSha256, task.Geometry.Shape,
            [
                [a.I.X, a.J.X, a.K.X, a.Origin.X],
                [a.I.Y, a.J.Y, a.K.Y, a.Origin.Y],
                [a.I.Z, a.J.Z, a.K.Z, a.Origin.Z],
                [0, 0, 0, 1],
            ],
            task.SourceId,
            task.OwnIntensities,
            task.Label),
            Settings = task.Settings,
            Sampling = new(
                plan.Directions.Count, plan.OffsetCount, plan.SpacingMm, plan.PixelMm, plan.Size, plan.CentreMm),
            Slices = new(rows.Measured.Length, rows.Cost.SlicesCut, rows.Cost.SlicesSkipped - guessed, rows.Cost.SlicesEncoded, guessed),
            Seconds = new(
                rows.Cost.ReadTime.TotalSeconds,
                rows.Cost.CutTime.TotalSeconds,
                rows.Cost.EncodeTime.TotalSeconds,
                request.BackprojectionTime.TotalSeconds,
                publishTime.TotalSeconds,
                (request.Elapsed + publishTime).TotalSeconds),
            Heatmaps = heatmaps,
            Passes = task.Settings.Passes is null ? null : Passes(task, request.PassChanges),
            Software = new(
                Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
                RuntimeInformation.FrameworkDescription,
                RuntimeInformation.OSDescription,
                string.Join(", ", rows.By.Devices),
                rows.By.Libtorchs.Count > 0 ? string.Join(", ", rows.By.Libtorchs) : null,
                rows.By.Batches.Count > 0 ? [.. rows.By.Batches] : null),
            Warnings = plan.CutsOff
                ? [$"Slices of {plan.Size} x {plan.PixelMm:G4} mm do not cover the volume; planes are cut off, so lesions near the rim may be missed."]
                : [],
            Files = files,
        };
    }

    /// <summary>The passes that were made; the first had none before it to differ from.</summary>
    private static IReadOnlyList<VolumeResult.PassFacts> Passes(VolumeTask task, IReadOnlyList<double> changes) =>
        [.. task.Passes().Zip(changes, (pass, change) => new VolumeResult.PassFacts(pass.End, double.IsFinite(change) ? change : null))];
}
