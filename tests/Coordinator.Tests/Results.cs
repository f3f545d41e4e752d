using ToNNO.Contracts;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests;

internal static class Results
{
    public static VolumeResult Of(string id, string? warning = null)
    {
        var task = SmallWork.Task(id);
        return new VolumeResult
        {
            VolumeId = task.VolumeId,
            RunId = new("earlier"),
            WorkKey = task.WorkKey,
            Input = new([$"{id}.nii"], task.SourceSha256, task.Geometry.Shape, []),
            Settings = task.Settings,
            Sampling = new(SmallWork.Directions, 19, 1, 1, 20, task.Geometry.CentreMm),
            Slices = new(1, 1, 0, 1),
            Seconds = new(0, 0, 0, 0, 0, 0),
            Heatmaps = [new("", "heatmap.nii.gz", 0, 1, 0, default, default, 0)],
            Software = new("0", "", "", "cpu"),
            Warnings = warning is null ? [] : [warning],
            Files = new Dictionary<string, VolumeResult.FileFacts>(),
        };
    }
}
