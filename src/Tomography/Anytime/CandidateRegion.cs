using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Anytime;

/// <summary>The voxels that may end up in a lesion, by a heatmap in the making, and the planes that meet them.</summary>
/// <remarks>At α = 2 the value at a point needs only planes that pass near it (METHOD §7.1, locality), so that other planes
/// need no encoder.</remarks>
public sealed class CandidateRegion
{
    /// <summary>Slices kept on either side of a region: the reach of the three-point filter, and one more.</summary>
    private const int MarginSlices = 2;

    /// <summary>Edge of the blocks that stand for their voxels when planes are looked for: blocks of 4 cost a tenth more planes
    /// where lesions are small and many.</summary>
    private const int BlockEdge = 2;

    private readonly bool[] _voxels;
    private readonly List<Block> _blocks = [];

    private CandidateRegion(VolumeGeometry grid, bool[] voxels)
    {
        _voxels = voxels;
        CollectBlocks(grid);
    }

    /// <summary>Membership <c>[k, j, i]</c> of the grid's voxels.</summary>
    public ReadOnlySpan<bool> Voxels => _voxels;

    public bool IsEmpty => _blocks.Count == 0;

    /// <summary>The voxels at or above a bound and their neighbours along the axes.</summary>
    /// <param name="heatmap">Voxels <c>[k, j, i]</c> on the grid.</param>
    /// <param name="within">A former region that this one may not leave: outside it few planes were measured since.</param>
    public static CandidateRegion Of(VolumeGeometry grid, ReadOnlySpan<float> heatmap, double bound, CandidateRegion? within)
    {
        var shape = grid.Shape;
        ArgumentOutOfRangeException.ThrowIfNotEqual(heatmap.Length, shape.VoxelCount, nameof(heatmap));
        var voxels = new bool[heatmap.Length];
        for (var (k, at) = (0, 0); k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++, at++)
                {
                    if (!(heatmap[at] >= bound) || within?._voxels[at] == false)
                    {
                        continue;
                    }

                    voxels[at] = true;
                    voxels[i > 0 ? at - 1 : at] = true;
                    voxels[i < shape.I - 1 ? at + 1 : at] = true;
                    voxels[j > 0 ? at - shape.I : at] = true;
                    voxels[j < shape.J - 1 ? at + shape.I : at] = true;
                    voxels[k > 0 ? at - (shape.I * shape.J) : at] = true;
                    voxels[k < shape.K - 1 ? at + (shape.I * shape.J) : at] = true;
                }
            }
        }

        return new CandidateRegion(grid, voxels);
    }

    /// <summary>Marks the slices of a stack that meet the region or pass within two slices of it.</summary>
    /// <param name="wanted">One entry an offset; marks are added.</param>
    public void Mark(SamplingPlan plan, Vector3D normal, Span<bool> wanted)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wanted.Length, plan.OffsetCount, nameof(wanted));
        var (centre, middle) = (plan.CentreMm, plan.OffsetCount / 2);
        foreach (var block in _blocks)
        {
            var offset = normal.Dot(block.CentreMm - centre) / plan.SpacingMm;
            var reach = ((Math.Abs(normal.Dot(block.HalfI)) + Math.Abs(normal.Dot(block.HalfJ)) + Math.Abs(normal.Dot(block.HalfK))) / plan.SpacingMm) + MarginSlices;
            var from = Math.Max(0, middle + (int)Math.Ceiling(offset - reach));
            var to = Math.Min(wanted.Length - 1, middle + (int)Math.Floor(offset + reach));
            if (from <= to)
            {
                wanted[from..(to + 1)].Fill(true);
            }
        }
    }

    private void CollectBlocks(VolumeGeometry grid)
    {
        var (shape, affine) = (grid.Shape, grid.Affine);
        for (var k = 0; k < shape.K; k += BlockEdge)
        {
            for (var j = 0; j < shape.J; j += BlockEdge)
            {
                for (var i = 0; i < shape.I; i += BlockEdge)
                {
                    if (Bounds(shape, i, j, k) is var (low, high))
                    {
                        // Voxels are boxes: half a voxel beyond the centres.
                        _blocks.Add(new Block(
                            affine.ToWorld(0.5 * (low + high)),
                            0.5 * (high.X - low.X + 1) * affine.I,
                            0.5 * (high.Y - low.Y + 1) * affine.J,
                            0.5 * (high.Z - low.Z + 1) * affine.K));
                    }
                }
            }
        }
    }

    /// <summary>The least and greatest index of the region's voxels in a block.</summary>
    private (Vector3D Low, Vector3D High)? Bounds(VolumeShape shape, int firstI, int firstJ, int firstK)
    {
        var (low, high) = ((I: int.MaxValue, J: int.MaxValue, K: int.MaxValue), (I: -1, J: -1, K: -1));
        for (var k = firstK; k < Math.Min(firstK + BlockEdge, shape.K); k++)
        {
            for (var j = firstJ; j < Math.Min(firstJ + BlockEdge, shape.J); j++)
            {
                for (var i = firstI; i < Math.Min(firstI + BlockEdge, shape.I); i++)
                {
                    if (_voxels[i + (shape.I * (j + (shape.J * k)))])
                    {
                        low = (Math.Min(low.I, i), Math.Min(low.J, j), Math.Min(low.K, k));
                        high = (Math.Max(high.I, i), Math.Max(high.J, j), Math.Max(high.K, k));
                    }
                }
            }
        }

        return high.I < 0 ? null : (new Vector3D(low.I, low.J, low.K), new Vector3D(high.I, high.J, high.K));
    }

    private readonly record struct Block(Vector3D CentreMm, Vector3D HalfI, Vector3D HalfJ, Vector3D HalfK);
}
