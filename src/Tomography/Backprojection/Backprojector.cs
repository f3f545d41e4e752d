using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>Sums filtered profiles over directions into a heatmap: f(x) = (1/2π) Σ w_j p_j(n_j·(x − c)).</summary>
public static class Backprojector
{
    /// <summary>Directions that are summed before they are added to a slab: part of what fixes a heatmap's bytes.</summary>
    public const int BlockSize = 16;

    /// <summary>Filters and backprojects a whole sinogram into a whole heatmap.</summary>
    /// <param name="sinogram">Logits <c>[direction, offset]</c> of one class.</param>
    /// <param name="blankLogit">The encoder's answer to a slice of fill.</param>
    /// <returns>Voxels <c>[k, j, i]</c> on the volume's grid.</returns>
    public static float[] Reconstruct(
        ReadOnlySpan<float> sinogram, float blankLogit, VolumeGeometry geometry, SamplingPlan plan, ProfileFilter filter)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.Length, plan.Directions.Count * plan.OffsetCount, nameof(sinogram));
        var heatmap = new float[geometry.Shape.VoxelCount];
        for (var first = 0; first < plan.Directions.Count; first += BlockSize)
        {
            var profiles = sinogram.Slice(first * plan.OffsetCount, Math.Min(BlockSize, plan.Directions.Count - first) * plan.OffsetCount);
            Accumulate(heatmap, geometry, 0, plan, first, filter.ApplyRows(profiles, blankLogit, plan.OffsetCount));
        }

        return heatmap;
    }

    /// <summary>Adds a block of consecutive directions to a slab, on the volume's own grid.</summary>
    /// <remarks>n·(A·x + b − c) is affine in the voxel index, so any spacing, axis order or shear needs no resampling. A
    /// block's sum is made in double and added once: the same blocks in the same order give the same bytes.</remarks>
    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on, added to.</param>
    /// <param name="geometry">Grid of the whole volume.</param>
    /// <param name="firstK">First plane of the slab on the slowest axis.</param>
    /// <param name="firstDirection">Index in the plan of the block's first direction.</param>
    /// <param name="filtered">The block's profiles as <see cref="ProfileFilter.ApplyRows"/> gives them.</param>
    public static void Accumulate(
        Span<float> slab, VolumeGeometry geometry, int firstK, SamplingPlan plan, int firstDirection, ReadOnlySpan<float> filtered)
    {
        var (length, shape) = (ProfileFilter.FilteredLength(plan.OffsetCount), geometry.Shape);
        var count = filtered.Length / length;
        var planes = slab.Length / (shape.I * shape.J);
        ArgumentOutOfRangeException.ThrowIfNotEqual(filtered.Length, count * length, nameof(filtered));
        ArgumentOutOfRangeException.ThrowIfNotEqual(slab.Length, planes * shape.I * shape.J, nameof(slab));
        ArgumentOutOfRangeException.ThrowIfNegative(firstK);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstK + planes, shape.K, nameof(firstK));
        ArgumentOutOfRangeException.ThrowIfNegative(firstDirection);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstDirection + count, plan.Directions.Count, nameof(firstDirection));

        var lines = new OffsetLine[count];
        for (var d = 0; d < count; d++)
        {
            lines[d] = OffsetLine.Of(geometry, plan, firstDirection + d);
        }

        var row = new double[shape.I];
        for (var k = 0; k < planes; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                Array.Clear(row);
                for (var d = 0; d < count; d++)
                {
                    AddLine(row, filtered.Slice(d * length, length), lines[d], j, firstK + k);
                }

                var target = slab.Slice(((k * shape.J) + j) * shape.I, shape.I);
                for (var i = 0; i < target.Length; i++)
                {
                    target[i] += (float)row[i];
                }
            }
        }
    }

    private static void AddLine(Span<double> row, ReadOnlySpan<float> profile, OffsetLine line, int j, int k)
    {
        var start = line.Start + (j * line.J) + (k * line.K);
        for (var i = 0; i < row.Length; i++)
        {
            var position = start + (i * line.I);
            var below = (int)position;
            var fraction = position - below;
            row[i] += line.Weight * (((1 - fraction) * profile[below]) + (fraction * profile[below + 1]));
        }
    }

    /// <summary>Fractional index of a voxel in a filtered profile: affine in (i, j, k).</summary>
    private readonly record struct OffsetLine(double Start, double I, double J, double K, double Weight)
    {
        public static OffsetLine Of(VolumeGeometry geometry, SamplingPlan plan, int direction)
        {
            var n = (ProfileFilter.Oversampling / plan.SpacingMm) * plan.Directions.Normals[direction];
            var affine = geometry.Affine;
            return new OffsetLine(
                n.Dot(affine.Origin - plan.CentreMm) + (ProfileFilter.Oversampling * (plan.OffsetCount / 2)),
                n.Dot(affine.I),
                n.Dot(affine.J),
                n.Dot(affine.K),
                plan.Directions.Weights[direction] / (2 * Math.PI));
        }
    }
}
