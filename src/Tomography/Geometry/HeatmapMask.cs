namespace ToNNO.Tomography.Geometry;

/// <summary>A heatmap cut at a bound.</summary>
public static class HeatmapMask
{
    /// <summary>1 where the heatmap is positive and at or above <paramref name="bound"/>, 0 elsewhere.</summary>
    public static byte[] Of(ReadOnlySpan<float> heatmap, double bound)
    {
        var mask = new byte[heatmap.Length];
        for (var at = 0; at < mask.Length; at++)
        {
            mask[at] = heatmap[at] > 0 && heatmap[at] >= bound ? (byte)1 : (byte)0;
        }

        return mask;
    }
}
