namespace ToNNO.Tomography.Backprojection;

/// <summary>The transpose of <see cref="RowKernel{TLanes, TVector}"/>: adds a row of voxels to a block's knots, by the weights with which
/// the kernel takes the voxels from them.</summary>
/// <remarks>Since a row has one fraction and its knots stand side by side, no two voxels of it meet in a knot of one phase: nothing is
/// scattered, rows are added to rows.</remarks>
internal static unsafe class RowScatter<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Adds row (j, k) of the slab to a block's lines.</summary>
    /// <param name="row"><see cref="RowKernel{TLanes, TVector}.PaddedLength"/> floats, zero past the row's end.</param>
    public static void Add(float* row, int length, in KnotLines block, float* knots, int j, int k)
    {
        var width = TLanes.Count;
        for (var i = 0; i < length;)
        {
            if (length - i > 2 * width)
            {
                AddFour(row + i, block.Stepping, knots + i, j, k);
                i += 4 * width;
            }
            else
            {
                AddOne(row + i, block.Stepping, knots + i, j, k);
                i += width;
            }
        }

        foreach (ref readonly var line in block.Slow)
        {
            AddSlow(row, length, line, knots, j, k);
        }
    }

    private static void Share(TVector voxels, float* below, float* above, TVector left, TVector right)
    {
        TLanes.Store(TLanes.MultiplyAdd(left, voxels, TLanes.Load(below)), below);
        TLanes.Store(TLanes.MultiplyAdd(right, voxels, TLanes.Load(above)), above);
    }

    private static void AddFour(float* row, ReadOnlySpan<KnotLine> lines, float* knots, int j, int k)
    {
        var width = TLanes.Count;
        var (a, b, c, d) = (TLanes.Load(row), TLanes.Load(row + width), TLanes.Load(row + (2 * width)), TLanes.Load(row + (3 * width)));
        foreach (ref readonly var line in lines)
        {
            var below = RowKernel<TLanes, TVector>.Below(line, knots, j, k, out var part);
            var above = below + line.Stride;
            var (left, right) = (TLanes.Broadcast(1 - part), TLanes.Broadcast(part));
            Share(a, below, above, left, right);
            Share(b, below + width, above + width, left, right);
            Share(c, below + (2 * width), above + (2 * width), left, right);
            Share(d, below + (3 * width), above + (3 * width), left, right);
        }
    }

    private static void AddOne(float* row, ReadOnlySpan<KnotLine> lines, float* knots, int j, int k)
    {
        var voxels = TLanes.Load(row);
        foreach (ref readonly var line in lines)
        {
            var below = RowKernel<TLanes, TVector>.Below(line, knots, j, k, out var part);
            Share(voxels, below, below + line.Stride, TLanes.Broadcast(1 - part), TLanes.Broadcast(part));
        }
    }

    /// <summary>Voxel by voxel: one direction in 64 is slow.</summary>
    private static void AddSlow(float* row, int length, in KnotLine line, float* knots, int j, int k)
    {
        var position = line.Start + (j * line.J) + (k * line.K);
        var tileStep = (long)(line.Step * (KnotLines.Tile * 4294967296.0));
        for (var tile = 0; tile < length; tile += KnotLines.Tile)
        {
            var below = knots + line.Table + (int)(position >> 32);
            var origin = (int)((uint)position >> 8) * RowKernel<TLanes, TVector>.FractionUnit;
            for (var lane = 0; lane < KnotLines.Tile; lane++)
            {
                var place = MathF.FusedMultiplyAdd(lane, (float)line.Step, origin);
                var knot = (int)place;
                var part = place - knot;
                below[knot] += (1 - part) * row[tile + lane];
                below[knot + 1] += part * row[tile + lane];
            }

            position += tileStep;
        }
    }
}
