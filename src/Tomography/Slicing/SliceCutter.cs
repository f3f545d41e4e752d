using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Slicing;

/// <summary>Cuts oblique slices from a volume; see docs/geometry.md.</summary>
public static class SliceCutter
{
    /// <summary>Cuts the plane c + s·n + a·u + b·v, trilinear, into <c>[row b, column a]</c> pixels.</summary>
    /// <remarks>A sample's neighbours outside the grid have the fill value: the volume falls off to fill over one voxel, so
    /// that the sum of a slice is continuous in its position and no mass is lost at the rim.</remarks>
    /// <param name="frame">The stack's axes.</param>
    /// <param name="offsetMm">s.</param>
    /// <param name="centreMm">c, world.</param>
    /// <param name="pixels">Destination of S·S pixels.</param>
    /// <param name="size">S.</param>
    /// <param name="pixelMm">q.</param>
    /// <param name="intensity">Window and fill value.</param>
    /// <returns>False where every pixel is fill: a blank slice, whose logit is known without the encoder.</returns>
    public static bool Cut(
        Volume volume, SliceFrame frame, double offsetMm, Vector3D centreMm, Span<float> pixels, int size, double pixelMm, IntensityMap intensity)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pixels.Length, size * size, nameof(pixels));
        var affine = volume.Geometry.Affine;
        var corner = -0.5 * (size - 1) * pixelMm;
        var origin = affine.ToIndex(centreMm + (offsetMm * frame.N) + (corner * frame.U) + (corner * frame.V));
        var columnStep = affine.ToIndexStep(pixelMm * frame.U);
        var rowStep = affine.ToIndexStep(pixelMm * frame.V);
        var fillPixel = intensity.Apply(intensity.Fill);
        var flat = Math.Min(volume.Geometry.Shape.I, Math.Min(volume.Geometry.Shape.J, volume.Geometry.Shape.K)) < 2;
        var anything = false;
        for (var row = 0; row < size; row++)
        {
            var start = origin + (row * rowStep);
            var target = pixels.Slice(row * size, size);
            // Support of the trilinear kernel: index in (-1, N) on every axis. Inside [0, N-1) no neighbour is missing.
            var touched = Columns(start, columnStep, volume.Geometry.Shape, size, -1, 0);
            var inner = (flat ? default : Columns(start, columnStep, volume.Geometry.Shape, size, 0, -1)).Within(touched);
            target[..touched.From].Fill(fillPixel);
            target[touched.To..].Fill(fillPixel);
            anything |= Edge(volume, start, columnStep, target, touched.From, inner.From, intensity, fillPixel);
            anything |= Inner(volume, start, columnStep, target, inner.From, inner.To, intensity, fillPixel);
            anything |= Edge(volume, start, columnStep, target, inner.To, touched.To, intensity, fillPixel);
        }

        return anything;
    }

    /// <summary>True where a plane misses all that the volume's trilinear samples reach, so that it need not even be cut.</summary>
    public static bool Misses(VolumeGeometry geometry, Vector3D normal, double offsetMm)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        var reach = 0.5 * (((shape.I + 1) * Math.Abs(normal.Dot(affine.I))) + ((shape.J + 1) * Math.Abs(normal.Dot(affine.J))) + ((shape.K + 1) * Math.Abs(normal.Dot(affine.K))));
        return Math.Abs(offsetMm) >= reach;
    }

    /// <summary>The columns whose index lies in [low, N + high] on every axis: an interval, since a row is a line.</summary>
    private static ColumnRange Columns(Vector3D start, Vector3D step, VolumeShape shape, int size, double low, double high)
    {
        var (from, to) = (0.0, size - 1.0);
        Clip(start.X, step.X, low, shape.I + high, ref from, ref to);
        Clip(start.Y, step.Y, low, shape.J + high, ref from, ref to);
        Clip(start.Z, step.Z, low, shape.K + high, ref from, ref to);
        var first = (int)Math.Ceiling(Math.Clamp(from, 0, size));
        var last = (int)Math.Floor(Math.Clamp(to, -1, size - 1));
        return new ColumnRange(first, Math.Max(first, last + 1));
    }

    private static void Clip(double start, double step, double low, double high, ref double from, ref double to)
    {
        if (Math.Abs(step) < 1e-12)
        {
            to = start >= low && start <= high ? to : double.NegativeInfinity;
            return;
        }

        var (a, b) = ((low - start) / step, (high - start) / step);
        from = Math.Max(from, Math.Min(a, b));
        to = Math.Min(to, Math.Max(a, b));
    }

    private static bool Inner(
        Volume volume, Vector3D start, Vector3D step, Span<float> target, int from, int to, IntensityMap intensity, float fillPixel)
    {
        var samples = volume.Samples.AsSpan();
        var shape = volume.Geometry.Shape;
        long rowStride = shape.I, planeStride = (long)shape.I * shape.J;
        var anything = false;
        for (var column = from; column < to; column++)
        {
            var (x, y, z) = (start.X + (column * step.X), start.Y + (column * step.Y), start.Z + (column * step.Z));
            // Clipping is rounded: the last neighbour may lie a rounding error outside, where its weight is zero.
            var (i, j, k) = (Math.Clamp((int)x, 0, shape.I - 2), Math.Clamp((int)y, 0, shape.J - 2), Math.Clamp((int)z, 0, shape.K - 2));
            var (tx, ty, tz) = ((float)(x - i), (float)(y - j), (float)(z - k));
            var near = samples.Slice((int)(i + (j * rowStride) + (k * planeStride)));
            var far = near[(int)planeStride..];
            var value = Lerp(
                Lerp(Lerp(near[0], near[1], tx), Lerp(near[(int)rowStride], near[(int)rowStride + 1], tx), ty),
                Lerp(Lerp(far[0], far[1], tx), Lerp(far[(int)rowStride], far[(int)rowStride + 1], tx), ty),
                tz);
            var pixel = intensity.Apply(value);
            target[column] = pixel;
            anything |= pixel != fillPixel;
        }

        return anything;
    }

    private static bool Edge(
        Volume volume, Vector3D start, Vector3D step, Span<float> target, int from, int to, IntensityMap intensity, float fillPixel)
    {
        var anything = false;
        for (var column = from; column < to; column++)
        {
            var (x, y, z) = (start.X + (column * step.X), start.Y + (column * step.Y), start.Z + (column * step.Z));
            var (i, j, k) = ((int)Math.Floor(x), (int)Math.Floor(y), (int)Math.Floor(z));
            var (tx, ty, tz) = ((float)(x - i), (float)(y - j), (float)(z - k));
            var fill = intensity.Fill;
            var value = Lerp(
                Lerp(Lerp(At(volume, i, j, k, fill), At(volume, i + 1, j, k, fill), tx), Lerp(At(volume, i, j + 1, k, fill), At(volume, i + 1, j + 1, k, fill), tx), ty),
                Lerp(Lerp(At(volume, i, j, k + 1, fill), At(volume, i + 1, j, k + 1, fill), tx), Lerp(At(volume, i, j + 1, k + 1, fill), At(volume, i + 1, j + 1, k + 1, fill), tx), ty),
                tz);
            var pixel = intensity.Apply(value);
            target[column] = pixel;
            anything |= pixel != fillPixel;
        }

        return anything;
    }

    private static float At(Volume volume, int i, int j, int k, float fill)
    {
        var shape = volume.Geometry.Shape;
        return (uint)i < (uint)shape.I && (uint)j < (uint)shape.J && (uint)k < (uint)shape.K ? volume[i, j, k] : fill;
    }

    // a + t(b − a), so that equal neighbours give exactly their value and a fill-only slice is recognised exactly.
    private static float Lerp(float a, float b, float t) => a + (t * (b - a));

    private readonly record struct ColumnRange(int From, int To)
    {
        /// <summary>This range cut to <paramref name="outer"/>; empty ones sit at its start.</summary>
        public ColumnRange Within(ColumnRange outer)
        {
            var from = Math.Clamp(From, outer.From, outer.To);
            return new ColumnRange(from, Math.Clamp(To, from, outer.To));
        }
    }
}
