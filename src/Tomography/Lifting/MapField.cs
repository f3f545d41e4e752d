using System.Numerics;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Lifting;

/// <summary>The maps of one direction's slices, as a function of space: C_n(x·u, x·v, x·n).</summary>
/// <remarks>Source: arXiv 2404.13103 (Averaged and Tomographic CAM); what it leaves open is settled in docs/adr/0004-cam-methods.md.
/// Between cells and slices the stack is linear; for one cell past the outermost centres, which reaches the slice's edge, their values
/// go on.</remarks>
public sealed class MapField
{
    private readonly Volume _cells;

    private MapField(Volume cells) => _cells = cells;

    /// <summary>A stack as the encoder gave it.</summary>
    /// <param name="maps">Maps <c>[offset, row b, column a]</c>.</param>
    /// <param name="grid">Their cells.</param>
    /// <param name="direction">Index of the direction in the plan.</param>
    public static MapField Of(ReadOnlySpan<float> maps, in MapGrid grid, SamplingPlan plan, int direction) =>
        new(Cells(maps, grid, plan, direction));

    /// <summary>A stack filtered along s.</summary>
    /// <param name="blank">The map of a slice of fill, which is what lies outside the stack; it is subtracted.</param>
    /// <param name="filter">|ω|^α W(ω), made for the plan's offsets.</param>
    /// <inheritdoc cref="Of"/>
    public static MapField Filtered(ReadOnlySpan<float> maps, ReadOnlySpan<float> blank, in MapGrid grid, SamplingPlan plan, int direction, ProfileFilter filter)
    {
        var cells = grid.CellCount;
        ArgumentOutOfRangeException.ThrowIfNotEqual(blank.Length, cells, nameof(blank));
        ArgumentOutOfRangeException.ThrowIfNotEqual(maps.Length, plan.OffsetCount * cells, nameof(maps));
        var filtered = new float[maps.Length];
        var above = new float[cells];
        for (var from = 0; from < plan.OffsetCount; from++)
        {
            var map = maps.Slice(from * cells, cells);
            if (map.SequenceEqual(blank))
            {
                continue; // slices that miss the volume, mostly
            }

            for (var cell = 0; cell < cells; cell++)
            {
                above[cell] = map[cell] - blank[cell];
            }

            for (var to = 0; to < plan.OffsetCount; to++)
            {
                AddProduct((float)filter.Taps[Math.Abs(to - from) * ProfileFilter.Oversampling], above, filtered.AsSpan(to * cells, cells));
            }
        }

        return Of(filtered, grid, plan, direction);
    }

    /// <summary>Adds the stack, weighted, to a slab on the volume's own grid.</summary>
    /// <remarks>A plane of the slab is a slice of the stack. A voxel's bits depend on its index alone, not on the slab or the
    /// processor; see <see cref="PixelGrid"/>.</remarks>
    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on, added to.</param>
    /// <param name="geometry">Grid of the whole volume.</param>
    /// <param name="firstK">First plane of the slab on the slowest axis.</param>
    /// <param name="weight">w_n of the direction.</param>
    public void AddTo(Span<float> slab, VolumeGeometry geometry, int firstK, double weight)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        var plane = shape.I * shape.J;
        ArgumentOutOfRangeException.ThrowIfNotEqual(slab.Length % plane, 0, nameof(slab));
        ArgumentOutOfRangeException.ThrowIfNegative(firstK);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstK + (slab.Length / plane), shape.K, nameof(firstK));
        var values = new float[plane];
        for (var k = 0; k < slab.Length / plane; k++)
        {
            var grid = new PixelGrid(_cells.Geometry.Affine, affine.ToWorld(0, 0, firstK + k), affine.I, affine.J, shape.I, shape.J);
            SliceCutter.Cut(_cells, grid, values, shape.I, shape.J);
            AddProduct((float)weight, values, slab.Slice(k * plane, plane));
        }
    }

    /// <summary>The stack as a volume, with the cells of each map's edge once more around it.</summary>
    private static Volume Cells(ReadOnlySpan<float> maps, in MapGrid grid, SamplingPlan plan, int direction)
    {
        var edge = grid.Edge;
        ArgumentOutOfRangeException.ThrowIfLessThan(edge, 1, nameof(grid));
        ArgumentOutOfRangeException.ThrowIfNotEqual(maps.Length, plan.OffsetCount * grid.CellCount, nameof(maps));
        var wide = edge + 2;
        var cells = new float[(long)wide * wide * plan.OffsetCount];
        for (var (offset, at) = (0, 0); offset < plan.OffsetCount; offset++)
        {
            for (var row = 0; row < wide; row++, at += wide)
            {
                var source = maps.Slice(((offset * edge) + Math.Clamp(row - 1, 0, edge - 1)) * edge, edge);
                source.CopyTo(cells.AsSpan(at + 1));
                (cells[at], cells[at + wide - 1]) = (source[0], source[^1]);
            }
        }

        var frame = SliceFrame.For(plan.Directions.Normals[direction]);
        var outermost = grid.FirstMm - grid.CellMm;
        var origin = plan.CentreMm + (plan.OffsetMm(0) * frame.N) + (outermost * frame.U) + (outermost * frame.V);
        var affine = new AffineTransform(grid.CellMm * frame.U, grid.CellMm * frame.V, plan.SpacingMm * frame.N, origin);
        return new Volume(new VolumeGeometry(new VolumeShape(wide, wide, plan.OffsetCount), affine), cells);
    }

    /// <summary>sum += factor · values, rounded once; the same bits in every register width.</summary>
    private static void AddProduct(float factor, ReadOnlySpan<float> values, Span<float> sum)
    {
        var at = 0;
        for (; at <= values.Length - Vector<float>.Count; at += Vector<float>.Count)
        {
            Vector.FusedMultiplyAdd(new Vector<float>(factor), new Vector<float>(values[at..]), new Vector<float>(sum[at..])).CopyTo(sum[at..]);
        }

        for (; at < values.Length; at++)
        {
            sum[at] = MathF.FusedMultiplyAdd(factor, values[at], sum[at]);
        }
    }
}
