using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Sampling;

/// <summary>The axes of a stack: in-plane <paramref name="U"/> (columns) and <paramref name="V"/> (rows), normal
/// <paramref name="N"/>; orthonormal and right-handed, U × V = N.</summary>
public readonly record struct SliceFrame(Vector3D U, Vector3D V, Vector3D N)
{
    /// <summary>The frame of a normal, by a fixed rule: U = e × n, normalised, with e the world axis least along n.</summary>
    public static SliceFrame For(Vector3D normal)
    {
        var (x, y, z) = (Math.Abs(normal.X), Math.Abs(normal.Y), Math.Abs(normal.Z));
        var least = x <= y && x <= z ? new Vector3D(1, 0, 0) : y <= z ? new Vector3D(0, 1, 0) : new Vector3D(0, 0, 1);
        var u = least.Cross(normal).Normalized();
        return new SliceFrame(u, normal.Cross(u), normal);
    }
}
