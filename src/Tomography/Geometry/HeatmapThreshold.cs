namespace ToNNO.Tomography.Geometry;

/// <summary>Where a heatmap becomes a mask.</summary>
/// <param name="Value">The bound; voxels at or above it belong to the mask.</param>
/// <param name="OfPeak">True where <paramref name="Value"/> is a fraction of the heatmap's own peak.</param>
public sealed record HeatmapThreshold(double Value, bool OfPeak)
{
    /// <summary>The bound in the heatmap's unit.</summary>
    public double For(double peak) => OfPeak ? Value * peak : Value;
}
