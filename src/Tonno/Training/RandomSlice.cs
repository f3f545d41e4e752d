using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tonno.Training;

/// <summary>Slices at random orientation and offset, to learn from.</summary>
/// <remarks>Normals cover the whole sphere and a slice is turned about its normal by any angle, so that each plane is met from both
/// sides: slices turned and mirrored are all there without further ado.</remarks>
internal static class RandomSlice
{
    /// <summary>Slices lie within this part of the volume's extent along their normal: at the rim they show next to nothing.</summary>
    private const double Reach = 0.9;

    /// <summary>A generator of its own for each number, the same in every process.</summary>
    public static Random Seeded(int seed, int number) => new(unchecked((seed * 486187739) + number));

    /// <param name="pixels">Destination of <paramref name="size"/>² pixels.</param>
    public static void Cut(Volume volume, Random random, Span<float> pixels, int size, double pixelMm, IntensityMap intensity)
    {
        var (frame, offsetMm) = Plane(volume.Geometry, random);
        SliceCutter.Cut(volume, frame, offsetMm, volume.Geometry.CentreMm, pixels, size, pixelMm, intensity);
    }

    /// <summary>Cuts a slice, and the mask that goes with the volume along it.</summary>
    /// <param name="mask">1 in a lesion, 0 elsewhere; on any grid.</param>
    /// <returns>The part of the slice that the mask covers.</returns>
    public static double Cut(Volume volume, Volume mask, Random random, Span<float> pixels, int size, double pixelMm, IntensityMap intensity)
    {
        var (frame, offsetMm) = Plane(volume.Geometry, random);
        SliceCutter.Cut(mask, frame, offsetMm, volume.Geometry.CentreMm, pixels, size, pixelMm, IntensityMap.Identity);
        var covered = 0.0;
        foreach (var part in pixels)
        {
            covered += part;
        }

        SliceCutter.Cut(volume, frame, offsetMm, volume.Geometry.CentreMm, pixels, size, pixelMm, intensity);
        return covered / pixels.Length;
    }

    private static (SliceFrame Frame, double OffsetMm) Plane(VolumeGeometry geometry, Random random)
    {
        var frame = Frame(random);
        return (frame, Reach * ((2 * random.NextDouble()) - 1) * HalfExtentMm(geometry, frame.N));
    }

    /// <summary>A normal uniform on the sphere, the slice turned about it by any angle.</summary>
    private static SliceFrame Frame(Random random)
    {
        var z = (2 * random.NextDouble()) - 1;
        var (sinPhi, cosPhi) = Math.SinCos(2 * Math.PI * random.NextDouble());
        var (sin, cos) = Math.SinCos(2 * Math.PI * random.NextDouble());
        var r = Math.Sqrt(1 - (z * z));
        var frame = SliceFrame.For(new Vector3D(r * cosPhi, r * sinPhi, z));
        return new((cos * frame.U) + (sin * frame.V), (cos * frame.V) - (sin * frame.U), frame.N);
    }

    /// <summary>Half the box's extent along a direction.</summary>
    private static double HalfExtentMm(VolumeGeometry geometry, Vector3D normal)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        return 0.5 * ((shape.I * Math.Abs(normal.Dot(affine.I))) + (shape.J * Math.Abs(normal.Dot(affine.J))) + (shape.K * Math.Abs(normal.Dot(affine.K))));
    }
}
