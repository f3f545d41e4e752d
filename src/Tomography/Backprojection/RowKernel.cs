using System.Runtime.CompilerServices;

namespace ToNNO.Tomography.Backprojection;

/// <summary>Adds a block of directions to a row of voxels, a register's width at a time.</summary>
/// <remarks>Voxel by voxel, whatever the width: the sum of the stepping lines in order, then the slow lines in order; each line is
/// two fused products.</remarks>
internal static unsafe class RowKernel<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    public const float FractionUnit = 1f / (1 << 24);

    /// <summary>Length of a row with the voxels that are reckoned past its end.</summary>
    public static int PaddedLength(int length)
    {
        var padded = 0;
        while (padded < length)
        {
            padded += Group(length - padded) * TLanes.Count;
        }

        return (padded + KnotLines.Tile - 1) / KnotLines.Tile * KnotLines.Tile;
    }

    /// <summary>Adds a block's lines to row (j, k) of the slab.</summary>
    /// <param name="row">Added to; <see cref="PaddedLength"/> floats.</param>
    public static void Add(float* row, int length, in KnotLines block, float* knots, int j, int k)
    {
        for (var i = 0; i < length;)
        {
            var group = Group(length - i);
            if (group == 8)
            {
                AddEight(row + i, block.Stepping, knots + i, j, k);
            }
            else if (group == 4)
            {
                AddFour(row + i, block.Stepping, knots + i, j, k);
            }
            else
            {
                AddOne(row + i, block.Stepping, knots + i, j, k);
            }

            i += group * TLanes.Count;
        }

        foreach (ref readonly var line in block.Slow)
        {
            AddSlow(row, length, line, knots, j, k);
        }
    }

    /// <summary>Registers to sum at once: many hide the latency of a fused product, and share a line's preparation.</summary>
    private static int Group(int left) => left > 4 * TLanes.Count ? 8 : left > 2 * TLanes.Count ? 4 : 1;

    /// <summary>The knots below voxel i = 0 of a row; those above are a stride on. Part is where between them the row lies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float* Below(in KnotLine line, float* knots, int j, int k, out float part)
    {
        var position = line.Start + (j * line.J) + (k * line.K);
        var knot = (int)(position >> 32);
        part = (int)((uint)position >> 8) * FractionUnit;
        return knots + line.Table + ((knot & ((1 << line.Shift) - 1)) * (long)line.Stride) + (knot >> line.Shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Lerp(TVector sum, float* below, float* above, TVector left, TVector right) =>
        TLanes.MultiplyAdd(right, TLanes.Load(above), TLanes.MultiplyAdd(left, TLanes.Load(below), sum));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* row, TVector sum) => TLanes.Store(TLanes.Add(TLanes.Load(row), sum), row);

    private static void AddEight(float* row, ReadOnlySpan<KnotLine> lines, float* knots, int j, int k)
    {
        var width = TLanes.Count;
        TVector a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        foreach (ref readonly var line in lines)
        {
            var below = Below(line, knots, j, k, out var part);
            var above = below + line.Stride;
            var (left, right) = (TLanes.Broadcast(1 - part), TLanes.Broadcast(part));
            a = Lerp(a, below, above, left, right);
            b = Lerp(b, below + width, above + width, left, right);
            c = Lerp(c, below + (2 * width), above + (2 * width), left, right);
            d = Lerp(d, below + (3 * width), above + (3 * width), left, right);
            e = Lerp(e, below + (4 * width), above + (4 * width), left, right);
            f = Lerp(f, below + (5 * width), above + (5 * width), left, right);
            g = Lerp(g, below + (6 * width), above + (6 * width), left, right);
            h = Lerp(h, below + (7 * width), above + (7 * width), left, right);
        }

        AddTo(row, a);
        AddTo(row + width, b);
        AddTo(row + (2 * width), c);
        AddTo(row + (3 * width), d);
        AddTo(row + (4 * width), e);
        AddTo(row + (5 * width), f);
        AddTo(row + (6 * width), g);
        AddTo(row + (7 * width), h);
    }

    private static void AddFour(float* row, ReadOnlySpan<KnotLine> lines, float* knots, int j, int k)
    {
        var width = TLanes.Count;
        TVector a = default, b = default, c = default, d = default;
        foreach (ref readonly var line in lines)
        {
            var below = Below(line, knots, j, k, out var part);
            var above = below + line.Stride;
            var (left, right) = (TLanes.Broadcast(1 - part), TLanes.Broadcast(part));
            a = Lerp(a, below, above, left, right);
            b = Lerp(b, below + width, above + width, left, right);
            c = Lerp(c, below + (2 * width), above + (2 * width), left, right);
            d = Lerp(d, below + (3 * width), above + (3 * width), left, right);
        }

        AddTo(row, a);
        AddTo(row + width, b);
        AddTo(row + (2 * width), c);
        AddTo(row + (3 * width), d);
    }

    private static void AddOne(float* row, ReadOnlySpan<KnotLine> lines, float* knots, int j, int k)
    {
        TVector sum = default;
        foreach (ref readonly var line in lines)
        {
            var below = Below(line, knots, j, k, out var part);
            sum = Lerp(sum, below, below + line.Stride, TLanes.Broadcast(1 - part), TLanes.Broadcast(part));
        }

        AddTo(row, sum);
    }

    /// <summary>A slow line stays within three knots for a tile: they are looked up in a register.</summary>
    private static void AddSlow(float* row, int length, in KnotLine line, float* knots, int j, int k)
    {
        var (one, step) = (TLanes.Broadcast(1), TLanes.Broadcast((float)line.Step));
        var position = line.Start + (j * line.J) + (k * line.K);
        var tileStep = (long)(line.Step * (KnotLines.Tile * 4294967296.0));
        for (var tile = 0; tile < length; tile += KnotLines.Tile)
        {
            var below = knots + line.Table + (int)(position >> 32);
            var origin = TLanes.Broadcast((int)((uint)position >> 8) * FractionUnit);
            for (var lane = 0; lane < KnotLines.Tile; lane += TLanes.Count)
            {
                var place = TLanes.MultiplyAdd(TLanes.CountFrom(lane), step, origin);
                var knot = TLanes.Truncate(place);
                var part = TLanes.Subtract(place, knot);
                var voxels = row + tile + lane;
                var sum = TLanes.MultiplyAdd(TLanes.Subtract(one, part), TLanes.Lookup(below, knot), TLanes.Load(voxels));
                TLanes.Store(TLanes.MultiplyAdd(part, TLanes.Lookup(below + 1, knot), sum), voxels);
            }

            position += tileStep;
        }
    }
}
