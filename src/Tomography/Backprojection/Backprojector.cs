using System.Buffers;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>Sums filtered profiles over directions into a heatmap: f(x) = (1/2π) Σ w_j p_j(n_j·(x − c)).</summary>
public static class Backprojector
{
    /// <summary>Directions that are summed before they are added to a slab: part of what fixes a heatmap's bytes.</summary>
    public const int BlockSize = 16;

    /// <summary>Rows that memory is asked for ahead: a block leaves a slab's row for so long that the processor's own
    /// prefetcher forgets it.</summary>
    private const int PrefetchRows = 4;

    /// <summary>The widest instructions that this processor has.</summary>
    internal static Instructions Best { get; } =
        Avx512F.IsSupported ? Instructions.Avx512 : Avx2.IsSupported && Fma.IsSupported ? Instructions.Avx2 : Instructions.Scalar;

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
    /// <remarks>n·(A·x + b − c) is affine in the voxel index, so any spacing, axis order or shear needs no resampling. The
    /// same blocks in the same order give the same bytes, whatever the slabs and the processor; see <see cref="KnotLine"/>.</remarks>
    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on, added to.</param>
    /// <param name="geometry">Grid of the whole volume.</param>
    /// <param name="firstK">First plane of the slab on the slowest axis.</param>
    /// <param name="firstDirection">Index in the plan of the block's first direction.</param>
    /// <param name="filtered">The block's profiles as <see cref="ProfileFilter.ApplyRows"/> gives them.</param>
    public static void Accumulate(
        Span<float> slab, VolumeGeometry geometry, int firstK, SamplingPlan plan, int firstDirection, ReadOnlySpan<float> filtered) =>
        Accumulate(slab, geometry, firstK, plan, firstDirection, filtered, Best);

    internal static void Accumulate(
        Span<float> slab, VolumeGeometry geometry, int firstK, SamplingPlan plan, int firstDirection, ReadOnlySpan<float> filtered, Instructions instructions)
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

        if (slab.IsEmpty || filtered.IsEmpty)
        {
            return;
        }

        switch (instructions)
        {
            case Instructions.Avx512:
                Accumulate<Avx512Lanes, Vector512<float>>(slab, geometry, firstK, planes, plan, firstDirection, filtered);
                break;
            case Instructions.Avx2:
                Accumulate<Avx2Lanes, Vector256<float>>(slab, geometry, firstK, planes, plan, firstDirection, filtered);
                break;
            case Instructions.Scalar:
                Accumulate<ScalarLanes, float>(slab, geometry, firstK, planes, plan, firstDirection, filtered);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(instructions), instructions, "Choose scalar, AVX2 or AVX-512.");
        }
    }

    private static void Accumulate<TLanes, TVector>(
        Span<float> slab, VolumeGeometry geometry, int firstK, int planes, SamplingPlan plan, int firstDirection, ReadOnlySpan<float> filtered)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        var rows = geometry.Shape with { K = planes };
        var rowLength = RowKernel<TLanes, TVector>.PaddedLength(rows.I);
        using var block = KnotLines.Of(geometry, rows, rowLength, firstK, plan, firstDirection, filtered);
        AddRows<TLanes, TVector>(slab, rows, rowLength, block);
    }

    /// <summary>Adds a block's lines to the rows of a slab.</summary>
    internal static unsafe void AddRows<TLanes, TVector>(Span<float> slab, VolumeShape rows, int rowLength, in KnotLines block)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        var padded = ArrayPool<float>.Shared.Rent(rowLength);
        fixed (float* knots = block.Knots, voxels = slab, end = padded)
        {
            for (var row = 0; row < rows.J * rows.K; row++)
            {
                var target = voxels + ((long)row * rows.I);
                for (var i = 0; i < rows.I; i += TLanes.Count)
                {
                    TLanes.Prefetch(target + (PrefetchRows * rows.I) + i);
                }

                if (rowLength == rows.I)
                {
                    RowKernel<TLanes, TVector>.Add(target, rows.I, block, knots, row % rows.J, row / rows.J);
                    continue;
                }

                new ReadOnlySpan<float>(target, rows.I).CopyTo(padded);
                RowKernel<TLanes, TVector>.Add(end, rows.I, block, knots, row % rows.J, row / rows.J);
                padded.AsSpan(0, rows.I).CopyTo(new Span<float>(target, rows.I));
            }
        }

        ArrayPool<float>.Shared.Return(padded);
    }
}
