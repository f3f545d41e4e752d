using System.Text.Json.Serialization;

namespace ToNNO.Tomography.Geometry;

/// <summary>A point or direction in world space (RAS+, mm) or, where said, in voxel indices.</summary>
public readonly record struct Vector3D(double X, double Y, double Z)
{
    public static Vector3D Zero => default;

    [JsonIgnore]
    public double Length => Math.Sqrt(Dot(this));

    public static Vector3D operator +(Vector3D a, Vector3D b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z);

    public static Vector3D operator -(Vector3D a, Vector3D b) => new(a.X - b.X, a.Y - b.Y, a.Z - b.Z);

    public static Vector3D operator -(Vector3D a) => new(-a.X, -a.Y, -a.Z);

    public static Vector3D operator *(double factor, Vector3D a) => new(factor * a.X, factor * a.Y, factor * a.Z);

    public double Dot(Vector3D other) => (X * other.X) + (Y * other.Y) + (Z * other.Z);

    public Vector3D Cross(Vector3D other) => new(
        (Y * other.Z) - (Z * other.Y),
        (Z * other.X) - (X * other.Z),
        (X * other.Y) - (Y * other.X));

    /// <exception cref="InvalidOperationException">The vector is zero.</exception>
    public Vector3D Normalized()
    {
        var length = Length;
        return length > 0 ? (1 / length) * this : throw new InvalidOperationException("A zero vector has no direction.");
    }
}
