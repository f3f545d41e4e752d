namespace ToNNO.Tomography.Geometry;

/// <summary>A heatmap cut at a bound.</summary>
public static class HeatmapMask
{
    /// <summary>Writes 1 where the heatmap is positive and at or above <paramref name="bound"/>, 0 elsewhere.</summary>
    /// <param name="mask">Destination, as long as the heatmap.</param>
    public static void Write(ReadOnlySpan<float> heatmap, double bound, Span<byte> mask)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(mask.Length, heatmap.Length, nameof(mask));
        for (var at = 0; at < mask.Length; at++)
        {
            mask[at] = heatmap[at] > 0 && heatmap[at] >= bound ? (byte)1 : (byte)0;
        }
    }
}
