using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>How far the surfaces of a mask and its reference are apart, in mm.</summary>
/// <param name="MeanMm">Mean distance of a surface's voxels from the other surface, over the voxels of both (ASSD).</param>
/// <param name="Percentile95Mm">The larger of the two 95th percentiles of these distances (HD95).</param>
internal readonly record struct SurfaceDistance(double MeanMm, double Percentile95Mm)
{
    private const double Percentile = 0.95;

    /// <remarks>A surface is made of the voxels of a mask that have a face to its outside or to the volume's; distances are taken
    /// in the world, between middles of voxels, so that oblique, anisotropic and sheared grids need no care.</remarks>
    /// <param name="mask">One byte per voxel, 0 outside.</param>
    /// <param name="reference">The same.</param>
    /// <returns>Null where one of them is empty: then no distance says anything.</returns>
    public static SurfaceDistance? Between(ReadOnlySpan<byte> mask, ReadOnlySpan<byte> reference, VolumeGeometry geometry)
    {
        var (ours, theirs) = (Surface(mask, geometry), Surface(reference, geometry));
        if (ours.Length == 0 || theirs.Length == 0)
        {
            return null;
        }

        var (there, back) = (Distances(ours, new PointTree(theirs)), Distances(theirs, new PointTree(ours)));
        return new(
            (there.Sum() + back.Sum()) / (there.Length + back.Length),
            Math.Max(At(there, Percentile), At(back, Percentile)));
    }

    private static double[] Distances(Vector3D[] from, PointTree to)
    {
        var distances = Array.ConvertAll(from, point => Math.Sqrt(to.SquaredDistance(point)));
        Array.Sort(distances);
        return distances;
    }

    /// <summary>The value that this part of the sorted values lies at or below.</summary>
    private static double At(double[] sorted, double part) => sorted[(int)Math.Ceiling(part * sorted.Length) - 1];

    private static Vector3D[] Surface(ReadOnlySpan<byte> mask, VolumeGeometry geometry)
    {
        var shape = geometry.Shape;
        ArgumentOutOfRangeException.ThrowIfNotEqual(mask.Length, shape.VoxelCount, nameof(mask));
        var (row, plane) = (shape.I, shape.I * shape.J);
        var points = new List<Vector3D>();
        for (var at = 0; at < mask.Length; at++)
        {
            if (mask[at] == 0)
            {
                continue;
            }

            var voxel = VoxelIndex.At(at, shape);
            var isInner = voxel.I > 0 && voxel.I < shape.I - 1 && voxel.J > 0 && voxel.J < shape.J - 1 && voxel.K > 0 && voxel.K < shape.K - 1
                && mask[at - 1] != 0 && mask[at + 1] != 0 && mask[at - row] != 0 && mask[at + row] != 0 && mask[at - plane] != 0 && mask[at + plane] != 0;
            if (!isInner)
            {
                points.Add(geometry.Affine.ToWorld(voxel.I, voxel.J, voxel.K));
            }
        }

        return [.. points];
    }
}
