using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Anytime;

/// <summary>The grid on which a heatmap in the making is looked at: the volume's own, thinned where that is large.</summary>
public static class JudgingGrid
{
    /// <summary>Voxels of the largest grid: a heatmap on it takes 32 MiB, and seconds to make anew after each pass.</summary>
    public const int MaximumVoxels = 8 << 20;

    /// <summary>Every n-th voxel of a volume along each axis, n the least that leaves few enough.</summary>
    /// <returns>The grid, centred in the volume, and n.</returns>
    public static (VolumeGeometry Grid, int Step) Of(VolumeGeometry geometry)
    {
        var step = 1;
        while (Thinned(geometry.Shape, step).VoxelCount > MaximumVoxels)
        {
            step++;
        }

        var (shape, whole, affine) = (Thinned(geometry.Shape, step), geometry.Shape, geometry.Affine);
        var origin = affine.ToWorld(
            0.5 * (whole.I - 1 - (step * (shape.I - 1))),
            0.5 * (whole.J - 1 - (step * (shape.J - 1))),
            0.5 * (whole.K - 1 - (step * (shape.K - 1))));
        return (new VolumeGeometry(shape, new AffineTransform(step * affine.I, step * affine.J, step * affine.K, origin)), step);
    }

    private static VolumeShape Thinned(VolumeShape shape, int step) =>
        new((shape.I + step - 1) / step, (shape.J + step - 1) / step, (shape.K + step - 1) / step);
}
