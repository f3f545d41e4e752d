using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Slicing;

/// <summary>Interpolates pixels along a row of a slice.</summary>
/// <typeparam name="T">What samples are stored as.</typeparam>
/// <typeparam name="TStored">How they are read.</typeparam>
internal readonly unsafe struct TrilinearRow<T, TStored>(T* samples, VolumeShape shape, PixelMap map)
    where T : unmanaged
    where TStored : struct, IStoredSamples<T>
{
    // A weight has 24 bits: as many as are exact in float32, so that it never rounds up to 1.
    private const int WeightShift = PixelGrid.FractionBits - 24;
    private const float WeightUnit = 1f / (1 << 24);

    private readonly int _rowStride = shape.I;
    private readonly int _planeStride = shape.I * shape.J;

    /// <summary>Pixels whose eight neighbours all lie in the volume.</summary>
    /// <param name="target">The row; columns outside <paramref name="columns"/> are left alone.</param>
    /// <returns>False where every pixel is fill.</returns>
    public bool Inner(FixedIndex start, FixedIndex step, float* target, ColumnRange columns, SlicePath path)
    {
        const int Lanes = 8;
        var count = columns.To - columns.From;
        if (path == SlicePath.Scalar || count < Lanes)
        {
            return InnerScalar(start, step, target, columns);
        }

        var anything = InnerEights(start.Plus(columns.From, step), step, target + columns.From, count / Lanes);
        if (count % Lanes != 0)
        {
            // The last eight once more, shifted: a pixel's value does not depend on its lane.
            anything |= InnerEights(start.Plus(columns.To - Lanes, step), step, target + columns.To - Lanes, 1);
        }

        return anything;
    }

    /// <summary>Pixels of which some neighbours lie outside and have the fill value.</summary>
    /// <inheritdoc cref="Inner"/>
    public bool Edge(FixedIndex start, FixedIndex step, float* target, ColumnRange columns)
    {
        var anything = false;
        for (var column = columns.From; column < columns.To; column++)
        {
            var at = start.Plus(column, step);
            var (i, j, k) = (Whole(at.X), Whole(at.Y), Whole(at.Z));
            var (tx, ty, tz) = (Weight(at.X), Weight(at.Y), Weight(at.Z));
            var near = PixelMap.Lerp(
                PixelMap.Lerp(At(i, j, k), At(i + 1, j, k), tx), PixelMap.Lerp(At(i, j + 1, k), At(i + 1, j + 1, k), tx), ty);
            var far = PixelMap.Lerp(
                PixelMap.Lerp(At(i, j, k + 1), At(i + 1, j, k + 1), tx), PixelMap.Lerp(At(i, j + 1, k + 1), At(i + 1, j + 1, k + 1), tx), ty);
            var pixel = map.Window(PixelMap.Lerp(near, far, tz));
            target[column] = pixel;
            anything |= pixel != map.FillPixel;
        }

        return anything;
    }

    private static int Whole(long index) => (int)(index >> PixelGrid.FractionBits);

    private static float Weight(long index) => ((uint)index >> WeightShift) * WeightUnit;

    /// <summary>Whole parts of eight indices, given as those of columns (0, 1, 4, 5) and (2, 3, 6, 7).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Whole(Vector256<long> even, Vector256<long> odd) =>
        Avx.Shuffle(even.AsSingle(), odd.AsSingle(), 0b11_01_11_01).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Weight(Vector256<long> even, Vector256<long> odd)
    {
        var fractions = Avx.Shuffle(even.AsSingle(), odd.AsSingle(), 0b10_00_10_00).AsInt32();
        return Avx.Multiply(Avx.ConvertToVector256Single(Avx2.ShiftRightLogical(fractions, WeightShift)), Vector256.Create(WeightUnit));
    }

    private static Vector256<long> Even(long start, long step) => Vector256.Create(start, start + step, start + (4 * step), start + (5 * step));

    private static float Pair(T* at, float weight) => PixelMap.Lerp(TStored.Read(at[0]), TStored.Read(at[1]), weight);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Pairs(T* samples, int* places, Vector256<float> weight)
    {
        TStored.ReadPairs(samples, places, out var first, out var second);
        return PixelMap.Lerp(first, second, weight);
    }

    private bool InnerScalar(FixedIndex start, FixedIndex step, float* target, ColumnRange columns)
    {
        var anything = false;
        for (var column = columns.From; column < columns.To; column++)
        {
            var at = start.Plus(column, step);
            var (tx, ty, tz) = (Weight(at.X), Weight(at.Y), Weight(at.Z));
            var near = samples + (Whole(at.X) + (Whole(at.Y) * _rowStride) + (Whole(at.Z) * _planeStride));
            var far = near + _planeStride;
            var value = PixelMap.Lerp(
                PixelMap.Lerp(Pair(near, tx), Pair(near + _rowStride, tx), ty),
                PixelMap.Lerp(Pair(far, tx), Pair(far + _rowStride, tx), ty),
                tz);
            var pixel = map.Window(map.Intensity(value));
            target[column] = pixel;
            anything |= pixel != map.FillPixel;
        }

        return anything;
    }

    private bool InnerEights(FixedIndex start, FixedIndex step, float* target, int eights)
    {
        var (xEven, yEven, zEven) = (Even(start.X, step.X), Even(start.Y, step.Y), Even(start.Z, step.Z));
        var (xOdd, yOdd, zOdd) = (xEven + Vector256.Create(2 * step.X), yEven + Vector256.Create(2 * step.Y), zEven + Vector256.Create(2 * step.Z));
        var (xStep, yStep, zStep) = (Vector256.Create(8 * step.X), Vector256.Create(8 * step.Y), Vector256.Create(8 * step.Z));
        var (rowStride, planeStride) = (Vector256.Create(_rowStride), Vector256.Create(_planeStride));
        var near = samples;
        var nearNext = near + _rowStride;
        var far = near + _planeStride;
        var farNext = far + _rowStride;
        var (pixelMap, fillPixel) = (map, Vector256.Create(map.FillPixel));
        var anything = Vector256<float>.Zero;
        var places = stackalloc int[8];
        for (var end = target + (8 * eights); target < end; target += 8)
        {
            var (tx, ty, tz) = (Weight(xEven, xOdd), Weight(yEven, yOdd), Weight(zEven, zOdd));
            Avx.Store(places, Whole(xEven, xOdd) + (Whole(yEven, yOdd) * rowStride) + (Whole(zEven, zOdd) * planeStride));
            (xEven, yEven, zEven) = (xEven + xStep, yEven + yStep, zEven + zStep);
            (xOdd, yOdd, zOdd) = (xOdd + xStep, yOdd + yStep, zOdd + zStep);
            var value = PixelMap.Lerp(
                PixelMap.Lerp(Pairs(near, places, tx), Pairs(nearNext, places, tx), ty),
                PixelMap.Lerp(Pairs(far, places, tx), Pairs(farNext, places, tx), ty),
                tz);
            var pixels = pixelMap.Window(pixelMap.Intensity(value));
            Avx.Store(target, pixels);
            anything = Avx.Or(anything, Avx.CompareNotEqual(pixels, fillPixel));
        }

        return Avx.MoveMask(anything) != 0;
    }

    private float At(int i, int j, int k) =>
        (uint)i < (uint)shape.I && (uint)j < (uint)shape.J && (uint)k < (uint)shape.K
            ? map.Intensity(TStored.Read(samples[i + (j * _rowStride) + (k * _planeStride)]))
            : map.Fill;
}
