using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>The forward transform on a heatmap: ∫ f over the planes of chosen directions, to hold against a sinogram.</summary>
public static class Reprojector
{
    /// <summary>Adds a slab's share of the plane integrals.</summary>
    /// <remarks>
    /// A voxel's mass f·V is shared out over the two slices next to its centre by linear weights: the adjoint of linear
    /// interpolation of a profile at n·(x − c). Mass is kept exactly. Voxels count as points, so that a direction within about a
    /// voxel over the volume's width of a grid axis shows the grid's own planes where these are further apart than slices.
    /// </remarks>
    /// <param name="profiles">Added to: plane integrals <c>[direction, offset]</c> in the order of
    /// <paramref name="directionIndices"/>; heatmap · mm². Those of all slabs sum to the volume's.</param>
    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on.</param>
    /// <param name="geometry">Grid of the whole volume.</param>
    /// <param name="directionIndices">Directions of the plan to integrate along.</param>
    public static void Accumulate(
        Span<double> profiles, ReadOnlySpan<float> slab, VolumeGeometry geometry, int firstK, SamplingPlan plan, ReadOnlySpan<int> directionIndices)
    {
        var shape = geometry.Shape;
        var planes = slab.Length / (shape.I * shape.J);
        ArgumentOutOfRangeException.ThrowIfNotEqual(profiles.Length, directionIndices.Length * plan.OffsetCount, nameof(profiles));
        ArgumentOutOfRangeException.ThrowIfNotEqual(slab.Length, planes * shape.I * shape.J, nameof(slab));
        ArgumentOutOfRangeException.ThrowIfNegative(firstK);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstK + planes, shape.K, nameof(firstK));
        foreach (var index in directionIndices)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(directionIndices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, plan.Directions.Count, nameof(directionIndices));
        }

        var scale = geometry.VoxelVolumeMm3 / plan.SpacingMm;
        for (var row = 0; row < planes * shape.J; row++)
        {
            // A row serves every direction while it lies in the cache.
            var voxels = slab.Slice(row * shape.I, shape.I);
            var start = geometry.Affine.ToWorld(0, row % shape.J, firstK + (row / shape.J)) - plan.CentreMm;
            for (var d = 0; d < directionIndices.Length; d++)
            {
                var n = 1 / plan.SpacingMm * plan.Directions.Normals[directionIndices[d]];
                var profile = profiles.Slice(d * plan.OffsetCount, plan.OffsetCount);
                Splat(profile, voxels, n.Dot(start) + (plan.OffsetCount / 2), n.Dot(geometry.Affine.I), scale);
            }
        }
    }

    private static void Splat(Span<double> profile, ReadOnlySpan<float> voxels, double start, double step, double scale)
    {
        for (var i = 0; i < voxels.Length; i++)
        {
            var position = start + (i * step);
            var below = (int)position;
            var mass = scale * voxels[i];
            var above = (position - below) * mass;
            profile[below] += mass - above;
            profile[below + 1] += above;
        }
    }
}
