using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Lifting;

/// <summary>The baseline that does not look: a heatmap that falls with the distance from the volume's centre, whatever the volume.</summary>
/// <remarks>Whatever a method gains over it, it gains by looking. (arXiv 2605.27306 found such a baseline to beat trained ones at
/// finding a lesion's slices.)</remarks>
public static class CentreBlob
{
    /// <summary>Writes 1 − r/R, with r a voxel's distance in mm from the rotation centre and R the volume's radius: 1 in the middle, 0 at
    /// the farthest corner. So the voxels at or above any bound T are a ball, of radius (1 − T)R.</summary>
    /// <remarks>A voxel's bits depend on its index alone, not on the slab.</remarks>
    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on.</param>
    /// <param name="geometry">Grid of the whole volume.</param>
    public static void Write(Span<float> slab, VolumeGeometry geometry, int firstK)
    {
        var (shape, centre, radius) = (geometry.Shape, geometry.CentreMm, geometry.RadiusMm);
        var plane = shape.I * shape.J;
        ArgumentOutOfRangeException.ThrowIfNotEqual(slab.Length % plane, 0, nameof(slab));
        ArgumentOutOfRangeException.ThrowIfNegative(firstK);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstK + (slab.Length / plane), shape.K, nameof(firstK));
        for (var at = 0; at < slab.Length; at++)
        {
            var (k, inPlane) = Math.DivRem(at, plane);
            var (j, i) = Math.DivRem(inPlane, shape.I);
            slab[at] = (float)(1 - ((geometry.Affine.ToWorld(i, j, firstK + k) - centre).Length / radius));
        }
    }

    /// <summary>The whole heatmap.</summary>
    public static float[] Of(VolumeGeometry geometry)
    {
        var heatmap = new float[geometry.Shape.VoxelCount];
        Write(heatmap, geometry, 0);
        return heatmap;
    }

    /// <summary>The bound at which it is a ball of this radius.</summary>
    public static double BoundOf(VolumeGeometry geometry, double radiusMm) => 1 - (radiusMm / geometry.RadiusMm);
}
