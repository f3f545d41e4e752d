using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>The voxel that the planes of a picture meet in.</summary>
/// <param name="I">Index along i.</param>
/// <param name="J">Index along j.</param>
/// <param name="K">Index along k.</param>
/// <param name="Value">The heatmap there; NaN where no value is finite.</param>
/// <param name="IsDistinct">False where the heatmap is constant or nowhere finite: the voxel is then the grid's middle.</param>
public sealed record HeatmapPeak(int I, int J, int K, float Value, bool IsDistinct)
{
    /// <summary>Finds the highest finite value, the first in memory among equals.</summary>
    public static HeatmapPeak Find(ReadOnlySpan<float> heatmap, VolumeShape shape)
    {
        var (best, lowest) = (-1, float.PositiveInfinity);
        for (var index = 0; index < heatmap.Length; index++)
        {
            if (float.IsFinite(heatmap[index]))
            {
                lowest = Math.Min(lowest, heatmap[index]);
                best = best < 0 || heatmap[index] > heatmap[best] ? index : best;
            }
        }

        return best < 0 ? Of(float.NaN, float.NaN, default, shape) : Of(lowest, heatmap[best], VoxelIndex.At(best, shape), shape);
    }

    /// <summary>The peak of a heatmap of which the range is known.</summary>
    /// <param name="highest">Its highest value, NaN where none is finite.</param>
    /// <param name="at">Where that is, the first in memory among equals.</param>
    public static HeatmapPeak Of(float lowest, float highest, VoxelIndex at, VolumeShape shape) => highest > lowest
        ? new(at.I, at.J, at.K, highest, IsDistinct: true)
        : new(shape.I / 2, shape.J / 2, shape.K / 2, highest, IsDistinct: false);

    internal int Along(DisplayAxis axis) => axis.IndexAxis switch
    {
        0 => I,
        1 => J,
        _ => K,
    };
}
