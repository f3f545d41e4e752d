using ToNNO.Tomography.Geometry;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Range, mean and peak of a heatmap.</summary>
internal readonly record struct HeatmapStatistics(float Minimum, float Maximum, double Mean, VoxelIndex Peak)
{
    /// <returns>Null where a voxel is not finite.</returns>
    public static HeatmapStatistics? Of(ReadOnlySpan<float> heatmap, VolumeShape shape)
    {
        var (minimum, maximum, sum, peak) = (float.PositiveInfinity, float.NegativeInfinity, 0.0, 0);
        for (var at = 0; at < heatmap.Length; at++)
        {
            var value = heatmap[at];
            if (!float.IsFinite(value))
            {
                return null;
            }

            minimum = Math.Min(minimum, value);
            sum += value;
            if (value > maximum)
            {
                (maximum, peak) = (value, at);
            }
        }

        return new HeatmapStatistics(minimum, maximum, sum / heatmap.Length, VoxelIndex.At(peak, shape));
    }
}
