using ToNNO.Tomography.Geometry;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Range, mean and peak of a heatmap.</summary>
internal readonly record struct HeatmapStatistics(float Minimum, float Maximum, double Mean, VoxelIndex Peak)
{
    /// <param name="slabs">The heatmap's slabs in order.</param>
    /// <returns>Null where a voxel is not finite.</returns>
    public static async Task<HeatmapStatistics?> OfAsync(IAsyncEnumerable<HeatmapSlab> slabs, VolumeShape shape)
    {
        var (minimum, maximum, sum, peak, passed) = (float.PositiveInfinity, float.NegativeInfinity, 0.0, 0, 0);
        await foreach (var slab in slabs.ConfigureAwait(false))
        {
            foreach (var value in slab.Voxels.Span)
            {
                if (!float.IsFinite(value))
                {
                    return null;
                }

                minimum = Math.Min(minimum, value);
                sum += value;
                if (value > maximum)
                {
                    (maximum, peak) = (value, passed);
                }

                passed++;
            }
        }

        return new HeatmapStatistics(minimum, maximum, sum / passed, VoxelIndex.At(peak, shape));
    }
}
