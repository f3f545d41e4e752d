using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Tests;

/// <summary>Rows of a task, as encoders leave them.</summary>
internal static class Work
{
    public static RowsBlob Rows(VolumeTask task, DirectionRange lease)
    {
        var offsets = task.Plan().OffsetCount;
        var (classes, ofClass) = (task.Settings.Classes.Count, lease.Count * offsets);
        var logits = new float[classes * ofClass];
        for (var at = 0; at < logits.Length; at++)
        {
            var row = at % ofClass;
            logits[at] = (float)Math.Exp(-0.1 * Math.Pow((row % offsets) - (offsets / 2), 2)) * (1 + (at / ofClass) + (0.01f * (lease.First + (row / offsets))));
        }

        return new RowsBlob(lease, offsets, new float[classes], new RowsCost(1, 2, 3, default, default, default), logits);
    }

    /// <summary>Maps of 3 x 3 cells.</summary>
    public static StackBlob Stack(VolumeTask task, int direction, int classAt = 0)
    {
        var random = new Random(direction + (1000 * classAt));
        float[] Cells(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
        return new StackBlob(classAt, direction, new(3, 4, -4.5), Cells(9), Cells(9 * task.Plan().OffsetCount));
    }

    public static async Task<BlobRef> StoreAsync(IBlobStore store, VolumeTask task, DirectionRange lease)
    {
        var path = task.RowsPath(lease);
        var etag = await store.WriteAsync(path, Rows(task, lease).ToBytes(), WriteCondition.Always, CancellationToken.None);
        return new BlobRef(path, etag.Value);
    }
}
