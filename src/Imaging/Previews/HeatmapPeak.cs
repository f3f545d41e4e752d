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

        if (best < 0 || heatmap[best] <= lowest)
        {
            return new(shape.I / 2, shape.J / 2, shape.K / 2, best < 0 ? float.NaN : heatmap[best], IsDistinct: false);
        }

        return new(best % shape.I, best / shape.I % shape.J, best / shape.I / shape.J, heatmap[best], IsDistinct: true);
    }

    internal int Along(DisplayAxis axis) => axis.IndexAxis switch
    {
        0 => I,
        1 => J,
        _ => K,
    };
}
