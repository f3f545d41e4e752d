using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Tests.Slicing;

/// <summary>Trilinear interpolation in double, the slow way.</summary>
internal static class TrilinearReference
{
    /// <summary>A sample at a world point, neighbours outside the grid taken as fill.</summary>
    public static double At(Volume volume, Vector3D world, double fill)
    {
        var shape = volume.Geometry.Shape;
        var index = Index(volume.Geometry.Affine, world);
        var (i, j, k) = (Math.Floor(index.X), Math.Floor(index.Y), Math.Floor(index.Z));
        var sum = 0.0;
        for (var corner = 0; corner < 8; corner++)
        {
            var (x, y, z) = ((int)i + (corner & 1), (int)j + ((corner >> 1) & 1), (int)k + (corner >> 2));
            var inside = x >= 0 && x < shape.I && y >= 0 && y < shape.J && z >= 0 && z < shape.K;
            sum += (1 - Math.Abs(index.X - x)) * (1 - Math.Abs(index.Y - y)) * (1 - Math.Abs(index.Z - z)) * (inside ? volume[x, y, z] : fill);
        }

        return sum;
    }

    /// <summary>World to index by Cramer's rule, not by the transform under test.</summary>
    private static Vector3D Index(AffineTransform affine, Vector3D world)
    {
        static double Determinant(Vector3D a, Vector3D b, Vector3D c) =>
            (a.X * ((b.Y * c.Z) - (b.Z * c.Y))) - (b.X * ((a.Y * c.Z) - (a.Z * c.Y))) + (c.X * ((a.Y * b.Z) - (a.Z * b.Y)));
        var d = world - affine.Origin;
        var all = Determinant(affine.I, affine.J, affine.K);
        return new(Determinant(d, affine.J, affine.K) / all, Determinant(affine.I, d, affine.K) / all, Determinant(affine.I, affine.J, d) / all);
    }
}
