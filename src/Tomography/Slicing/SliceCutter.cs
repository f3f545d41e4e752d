using System.Runtime.Intrinsics.X86;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Slicing;

/// <summary>Cuts oblique slices from a volume; see docs/geometry.md.</summary>
public static class SliceCutter
{
    /// <summary>True where this processor has the path.</summary>
    public static bool IsSupported(SlicePath path) => path != SlicePath.Avx2 || (Avx2.IsSupported && Fma.IsSupported);

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
    /// <param name="occupied">Box outside which every voxel becomes the fill pixel, or null for all voxels. Pixels are the same
    /// with and without; those out of its reach are not interpolated.</param>
    /// <param name="path">How; the pixels are the same.</param>
    /// <returns>False where every pixel is fill: a blank slice, whose logit is known without the encoder.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are not S·S pixels, the slice reaches 2³⁰ voxels away, or this
    /// processor lacks the path.</exception>
    public static bool Cut(
        Volume volume,
        SliceFrame frame,
        double offsetMm,
        Vector3D centreMm,
        Span<float> pixels,
        int size,
        double pixelMm,
        IntensityMap intensity,
        VoxelBox? occupied = null,
        SlicePath path = SlicePath.Fastest)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pixels.Length, size * size, nameof(pixels));
        ArgumentOutOfRangeException.ThrowIfNotEqual(IsSupported(path), true, nameof(path));
        var grid = new PixelGrid(volume.Geometry.Affine, frame, offsetMm, centreMm, size, pixelMm);
        return Cut(volume, grid, pixels, size, size, new PixelMap(volume.Samples, intensity), occupied ?? VoxelBox.Of(volume.Geometry.Shape), path);
    }

    /// <summary>Samples a volume at the places of a grid, 0 outside: <c>[row, column]</c> values, not windowed.</summary>
    internal static void Cut(Volume volume, in PixelGrid grid, Span<float> values, int columns, int rows) =>
        Cut(volume, grid, values, columns, rows, new PixelMap(volume.Samples, IntensityMap.Identity), VoxelBox.Of(volume.Geometry.Shape), SlicePath.Fastest);

    /// <summary>True where a plane misses all that the volume's trilinear samples reach, so that it need not even be cut.</summary>
    public static bool Misses(VolumeGeometry geometry, Vector3D normal, double offsetMm)
    {
        return Math.Abs(offsetMm) >= ReachMm(geometry, normal);
    }

    /// <summary>How far from a volume's centre, along a normal, its trilinear samples reach, mm.</summary>
    internal static double ReachMm(VolumeGeometry geometry, Vector3D normal)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        return 0.5 * (((shape.I + 1) * Math.Abs(normal.Dot(affine.I))) + ((shape.J + 1) * Math.Abs(normal.Dot(affine.J))) + ((shape.K + 1) * Math.Abs(normal.Dot(affine.K))));
    }

    /// <summary>True where a slice has a pixel within reach of a voxel.</summary>
    internal static bool ShowsAny(VolumeGeometry geometry, SliceFrame frame, double offsetMm, SamplingPlan plan)
    {
        var grid = new PixelGrid(geometry.Affine, frame, offsetMm, plan.CentreMm, plan.Size, plan.PixelMm);
        var reach = FixedBox.Reach(VoxelBox.Of(geometry.Shape));
        for (var row = 0; row < plan.Size; row++)
        {
            var touched = grid.Within(grid.Start(row), reach, new ColumnRange(0, plan.Size));
            if (touched.From < touched.To)
            {
                return true;
            }
        }

        return false;
    }

    private static bool Cut(
        Volume volume, in PixelGrid grid, Span<float> pixels, int columns, int rows, PixelMap map, VoxelBox box, SlicePath path)
    {
        path = path != SlicePath.Fastest ? path : IsSupported(SlicePath.Avx2) ? SlicePath.Avx2 : SlicePath.Scalar;
        return volume.Samples.IsInt16
            ? Cut<short, Int16Samples>(volume.Samples.Shorts, volume.Geometry.Shape, map, grid, box, pixels, columns, rows, path)
            : Cut<float, FloatSamples>(volume.Samples.Floats, volume.Geometry.Shape, map, grid, box, pixels, columns, rows, path);
    }

    private static unsafe bool Cut<T, TStored>(
        T[] stored, VolumeShape shape, PixelMap map, in PixelGrid grid, VoxelBox occupied, Span<float> pixels, int columns, int rows, SlicePath path)
        where T : unmanaged
        where TStored : struct, IStoredSamples<T>
    {
        if (occupied.IsEmpty)
        {
            pixels.Fill(map.FillPixel);
            return false;
        }

        var (reach, interior) = (FixedBox.Reach(occupied), FixedBox.Interior(VoxelBox.Of(shape)));
        var anything = false;
        fixed (T* samples = stored)
        {
            fixed (float* target = pixels)
            {
                var kernel = new TrilinearRow<T, TStored>(samples, shape, map);
                for (var row = 0; row < rows; row++)
                {
                    var start = grid.Start(row);
                    var line = target + ((long)row * columns);
                    var touched = grid.Within(start, reach, new ColumnRange(0, columns));
                    var inner = grid.Within(start, interior, touched);
                    new Span<float>(line, touched.From).Fill(map.FillPixel);
                    new Span<float>(line + touched.To, columns - touched.To).Fill(map.FillPixel);
                    anything |= kernel.Edge(start, grid.ColumnStep, line, new ColumnRange(touched.From, inner.From));
                    anything |= kernel.Inner(start, grid.ColumnStep, line, inner, path);
                    anything |= kernel.Edge(start, grid.ColumnStep, line, new ColumnRange(inner.To, touched.To));
                }
            }
        }

        return anything;
    }
}
