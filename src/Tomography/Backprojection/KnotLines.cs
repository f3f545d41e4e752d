using System.Buffers;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>A direction's filtered profile on knots that suit the rows of a grid, and where each row meets them.</summary>
/// <remarks>
/// The knots of a stepping line lie |n·I|/M apart, M a power of two: neighbouring voxels of a row are M knots apart, all of a
/// row have the same fraction, and the knots they need stand side by side in the table <c>[phase, step]</c>, phase M being
/// phase 0 one step on. Where a row runs almost along the planes, such knots would be too many; a slow line's are
/// h/<see cref="KnotLines.KnotsPerSpacing"/> apart. Positions are fixed point, 32 bits after the point: exact sums, whatever
/// the slab.
/// </remarks>
/// <param name="Start">Position, in knots, of voxel i = 0 of the slab's first row.</param>
/// <param name="J">What a step in j adds.</param>
/// <param name="K">What a step in k adds.</param>
/// <param name="Lowest">First knot that is needed, counted from the rotation centre's.</param>
/// <param name="Origin">The table's first knot, of phase 0, counted from the rotation centre's.</param>
/// <param name="Last">Last knot that is needed, counted from <paramref name="Origin"/>.</param>
/// <param name="Table">Where in the block's knots the table starts.</param>
/// <param name="Stride">From a phase to the next.</param>
/// <param name="Shift">log₂ M.</param>
/// <param name="Step">Knots from a voxel to the next: M, or, where the line is slow, less than 1/8.</param>
/// <param name="Direction">Which of the block's directions it is of.</param>
/// <param name="Spacing">Slice spacings from a knot to the next; negative where rows run against the direction.</param>
internal readonly record struct KnotLine(
    long Start, long J, long K, int Lowest, int Origin, int Last, int Table, int Stride, int Shift, double Step, int Direction, double Spacing)
{
    public bool Slow => Step < 1;
}

/// <summary>The knots of a block of directions for the rows of a slab; see <see cref="KnotLine"/>.</summary>
internal readonly ref struct KnotLines : IDisposable
{
    /// <summary>Knots to a slice spacing, at least. Linear interpolation between them costs (ωh/8)²/12 at frequency ω: 1.3 % at
    /// the highest, .03 % where a lesion of σ = 2h has its mass.</summary>
    public const int KnotsPerSpacing = 8;

    /// <summary>Voxels of a row whose positions on a slow line are reckoned from one fixed-point number.</summary>
    public const int Tile = 16;

    private readonly float[] _knots;
    private readonly int _size;
    private readonly KnotLine[] _inOrder;
    private readonly KnotLine[] _lines;
    private readonly int _stepping;

    private KnotLines(float[] knots, int size, KnotLine[] inOrder, KnotLine[] lines, int stepping) =>
        (_knots, _size, _inOrder, _lines, _stepping) = (knots, size, inOrder, lines, stepping);

    /// <summary>The tables of all lines, one behind the other.</summary>
    public Span<float> Knots => _knots.AsSpan(0, _size);

    /// <summary>Lines whose rows step from knot to knot, in the directions' order.</summary>
    public ReadOnlySpan<KnotLine> Stepping => _lines.AsSpan(0, _stepping);

    /// <summary>Lines whose rows stay near a knot, in the directions' order.</summary>
    public ReadOnlySpan<KnotLine> Slow => _lines.AsSpan(_stepping);

    /// <summary>The block's lines in the order of its directions.</summary>
    public ReadOnlySpan<KnotLine> Lines => _inOrder;

    /// <summary>Lays out the knots of a block's directions, and takes the filtered profiles at them.</summary>
    /// <param name="rows">The slab's rows: J by K of them, of I voxels.</param>
    /// <param name="rowLength">Voxels that a kernel reads of a row, those past its end included.</param>
    public static KnotLines Of(
        VolumeGeometry geometry, VolumeShape rows, int rowLength, int firstK, SamplingPlan plan, int firstDirection, ReadOnlySpan<float> filtered)
    {
        var length = ProfileFilter.FilteredLength(plan.OffsetCount);
        var block = Laid(geometry, rows, rowLength, firstK, plan, firstDirection, filtered.Length / length);
        foreach (ref readonly var line in block.Lines)
        {
            var weight = (float)(plan.Directions.Weights[firstDirection + line.Direction] / (2 * Math.PI));
            Fill(
                block._knots.AsSpan(line.Table), line, line.Spacing * ProfileFilter.Oversampling, filtered.Slice(line.Direction * length, length), weight);
        }

        return block;
    }

    /// <summary>Lays out the knots of a block's directions, whatever they hold.</summary>
    /// <inheritdoc cref="Of"/>
    public static KnotLines Laid(
        VolumeGeometry geometry, VolumeShape rows, int rowLength, int firstK, SamplingPlan plan, int firstDirection, int count)
    {
        var lines = new KnotLine[count];
        var size = 0;
        for (var d = 0; d < count; d++)
        {
            var normal = plan.Directions.Normals[firstDirection + d];
            lines[d] = Lay(KnotGrid.Of(normal.Dot(geometry.Affine.I) / plan.SpacingMm), geometry, rows, rowLength, firstK, plan, normal, size) with { Direction = d };
            size = checked(size + (((1 << lines[d].Shift) + 1) * lines[d].Stride));
        }

        var stepping = Array.FindAll(lines, line => !line.Slow);
        return new KnotLines(ArrayPool<float>.Shared.Rent(size), size, lines, [.. stepping, .. Array.FindAll(lines, line => line.Slow)], stepping.Length);
    }

    public void Dispose() => ArrayPool<float>.Shared.Return(_knots);

    private static KnotLine Lay(
        KnotGrid grid, VolumeGeometry geometry, VolumeShape rows, int rowLength, int firstK, SamplingPlan plan, Vector3D normal, int table)
    {
        var (affine, n) = (geometry.Affine, 1 / (plan.SpacingMm * grid.Spacing) * normal);
        var (j, k) = (Fixed(n.Dot(affine.J)), Fixed(n.Dot(affine.K)));
        var start = Fixed(n.Dot(affine.Origin - plan.CentreMm)) + (firstK * k);
        var lowest = start + Math.Min(0, (rows.J - 1) * j) + Math.Min(0, (rows.K - 1) * k);
        var highest = start + Math.Max(0, (rows.J - 1) * j) + Math.Max(0, (rows.K - 1) * k);

        // Counted from a knot of phase 0: the same knots in every slab.
        var origin = lowest >> (32 + grid.Shift) << (32 + grid.Shift);
        var last = (int)((highest - origin) >> 32) + (int)Math.Ceiling((rows.I - 1) * grid.Step) + 1;
        var stride = (last >> grid.Shift) + 1 + (grid.Step < 1 ? 2 * Tile : rowLength);
        return new KnotLine(
            start - origin, j, k, (int)(lowest >> 32), (int)(origin >> 32), last, table, stride, grid.Shift, grid.Step, Direction: 0, grid.Spacing);
    }

    private static long Fixed(double knots) => (long)Math.Round(knots * 4294967296.0);

    /// <summary>Writes the profile at the knots, by the cubic through its four nearest samples.</summary>
    private static void Fill(Span<float> table, KnotLine line, double spacing, ReadOnlySpan<float> profile, float weight)
    {
        var (phases, centre) = (1 << line.Shift, (profile.Length - 1) / 2);
        for (var knot = line.Lowest - line.Origin; knot <= line.Last; knot++)
        {
            var position = ((line.Origin + knot) * spacing) + centre;
            var below = (int)position;
            var f = (float)(position - below);
            var p = profile.Slice(below - 1, 4);
            // Lagrange's form, nested about the inner and the outer samples.
            var (g, e, l) = (1 - f, 1 + f, 2 - f);
            var inner = l * e * ((g * p[1]) + (f * p[2])) * 0.5f;
            var outer = f * g * ((l * p[0]) + (e * p[3])) * (1 / 6f);
            var value = weight * (inner - outer);
            var (phase, at) = (knot & (phases - 1), knot >> line.Shift);
            table[(phase * line.Stride) + at] = value;
            if (phase == 0 && at > 0)
            {
                table[(phases * line.Stride) + at - 1] = value;
            }
        }
    }

    /// <param name="Spacing">Distance between knots in slice spacings; negative where rows run against the direction.</param>
    /// <param name="Shift">log₂ of the knots that a voxel steps over.</param>
    /// <param name="Step">Knots from a voxel to the next.</param>
    private readonly record struct KnotGrid(double Spacing, int Shift, double Step)
    {
        /// <param name="step">n·I/h: slice spacings from a voxel to the next.</param>
        public static KnotGrid Of(double step)
        {
            if (Math.Abs(step) * KnotsPerSpacing < 0.125)
            {
                return new KnotGrid(Math.CopySign(1.0 / KnotsPerSpacing, step), 0, Math.Abs(step) * KnotsPerSpacing);
            }

            var shift = 0;
            while ((1 << shift) < Math.Abs(step) * KnotsPerSpacing)
            {
                shift++;
            }

            return new KnotGrid(step / (1 << shift), shift, 1 << shift);
        }
    }
}
