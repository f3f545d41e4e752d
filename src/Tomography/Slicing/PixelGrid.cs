using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Slicing;

/// <summary>Where the pixels of a slice lie in the voxel grid: indices in fixed point, 32 bits before and 32 behind the point.</summary>
/// <remarks>Fixed point, so that a pixel's place is the same number however it is arrived at: by one lane or eight, forwards or
/// backwards. Over 4096 pixels the rounding adds up to at most 2⁻²¹ of a voxel; float32 has 2⁻¹⁵ at index 500.</remarks>
internal readonly struct PixelGrid
{
    public const int FractionBits = 32;
    public const long One = 1L << FractionBits;
    public const double FarthestIndex = 1 << 30;

    private readonly FixedIndex _origin;
    private readonly FixedIndex _rowStep;
    private readonly double _inverseX;
    private readonly double _inverseY;
    private readonly double _inverseZ;

    /// <exception cref="ArgumentOutOfRangeException">A pixel lies 2³⁰ voxels away.</exception>
    public PixelGrid(AffineTransform affine, SliceFrame frame, double offsetMm, Vector3D centreMm, int size, double pixelMm)
        : this(
            affine,
            centreMm + (offsetMm * frame.N) + (-0.5 * (size - 1) * pixelMm * (frame.U + frame.V)),
            pixelMm * frame.U,
            pixelMm * frame.V,
            size,
            size)
    {
    }

    /// <param name="affine">Of the volume that is cut.</param>
    /// <param name="originMm">World place of the first pixel of the first row.</param>
    /// <param name="columnMm">World step along a row.</param>
    /// <param name="rowMm">World step from row to row.</param>
    /// <inheritdoc cref="PixelGrid(AffineTransform, SliceFrame, double, Vector3D, int, double)"/>
    public PixelGrid(AffineTransform affine, Vector3D originMm, Vector3D columnMm, Vector3D rowMm, int columns, int rows)
    {
        var (origin, columnStep, rowStep) = (affine.ToIndex(originMm), affine.ToIndexStep(columnMm), affine.ToIndexStep(rowMm));
        if (!(origin.Length + (columns * columnStep.Length) + (rows * rowStep.Length) < FarthestIndex))
        {
            throw new ArgumentOutOfRangeException(nameof(columnMm), columnMm, "The slice reaches farther from the volume than indices do.");
        }

        (_origin, _rowStep, ColumnStep) = (FixedIndex.Of(origin), FixedIndex.Of(rowStep), FixedIndex.Of(columnStep));
        (_inverseX, _inverseY, _inverseZ) = (1.0 / ColumnStep.X, 1.0 / ColumnStep.Y, 1.0 / ColumnStep.Z);
    }

    public FixedIndex ColumnStep { get; }

    /// <summary>Place of a row's first pixel.</summary>
    public FixedIndex Start(int row) => _origin.Plus(row, _rowStep);

    /// <summary>The columns of a row that lie within bounds: an interval, since a row is a line. Exact.</summary>
    public ColumnRange Within(FixedIndex start, in FixedBox box, ColumnRange outer)
    {
        var (from, to) = (outer.From, outer.To);
        Clip(start.X, ColumnStep.X, _inverseX, box.Low.X, box.High.X, ref from, ref to);
        Clip(start.Y, ColumnStep.Y, _inverseY, box.Low.Y, box.High.Y, ref from, ref to);
        Clip(start.Z, ColumnStep.Z, _inverseZ, box.Low.Z, box.High.Z, ref from, ref to);
        return new ColumnRange(from, to);
    }

    private static void Clip(long start, long step, double inverse, long low, long high, ref int from, ref int to)
    {
        if (step == 0)
        {
            to = start >= low && start <= high ? to : from;
            return;
        }

        if (step < 0)
        {
            (start, step, inverse, low, high) = (-start, -step, -inverse, -high, -low);
        }

        // A guess by multiplication, put right in integers: kernels rely on these bounds for what they may read.
        var first = (int)Math.Clamp((low - start) * inverse, from, to);
        while (first < to && start + (first * step) < low)
        {
            first++;
        }

        while (first > from && start + ((first - 1) * step) >= low)
        {
            first--;
        }

        var end = (int)Math.Clamp((high - start) * inverse, first, to);
        while (end > first && start + ((end - 1) * step) > high)
        {
            end--;
        }

        while (end < to && start + (end * step) <= high)
        {
            end++;
        }

        (from, to) = (first, end);
    }
}

/// <summary>A voxel index (x along i, y along j, z along k) in units of 2⁻³².</summary>
internal readonly record struct FixedIndex(long X, long Y, long Z)
{
    public static FixedIndex Of(Vector3D index) => new(Round(index.X), Round(index.Y), Round(index.Z));

    public FixedIndex Plus(long count, FixedIndex step) => new(X + (count * step.X), Y + (count * step.Y), Z + (count * step.Z));

    private static long Round(double index) => (long)Math.Round(index * PixelGrid.One);
}

/// <summary>A box of indices, bounds included; empty where a low bound lies above its high one.</summary>
internal readonly record struct FixedBox(FixedIndex Low, FixedIndex High)
{
    /// <summary>Where a sample of the box's voxels is within reach of the trilinear kernel: less than one voxel away.</summary>
    public static FixedBox Reach(VoxelBox box) => Of(box, -PixelGrid.One + 1, PixelGrid.One - 1);

    /// <summary>Where all eight neighbours belong to the box.</summary>
    public static FixedBox Interior(VoxelBox box) => Of(box, 0, -1);

    private static FixedBox Of(VoxelBox box, long low, long high) => new(
        new((box.Low.I * PixelGrid.One) + low, (box.Low.J * PixelGrid.One) + low, (box.Low.K * PixelGrid.One) + low),
        new((box.High.I * PixelGrid.One) + high, (box.High.J * PixelGrid.One) + high, (box.High.K * PixelGrid.One) + high));
}

/// <summary>Columns From to To − 1 of a row.</summary>
internal readonly record struct ColumnRange(int From, int To);
