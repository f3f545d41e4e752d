namespace ToNNO.Tomography.Geometry;

/// <summary>
/// Maps a voxel index (i, j, k) to world millimetres (RAS+): <c>world = i·I + j·J + k·K + Origin</c>.
/// The columns are the world steps of one voxel along each axis; they may be oblique, anisotropic or mirrored.
/// </summary>
public readonly record struct AffineTransform(Vector3D I, Vector3D J, Vector3D K, Vector3D Origin)
{
    /// <summary>Axis-aligned, with the given spacings in mm and the first voxel's centre at <paramref name="origin"/>.</summary>
    public static AffineTransform Scaling(double iMm, double jMm, double kMm, Vector3D origin = default) =>
        new(new(iMm, 0, 0), new(0, jMm, 0), new(0, 0, kMm), origin);

    /// <summary>Signed volume of a voxel in mm³; negative for a left-handed index system.</summary>
    public double Determinant => I.Dot(J.Cross(K));

    public Vector3D ToWorld(double i, double j, double k) => (i * I) + (j * J) + (k * K) + Origin;

    public Vector3D ToWorld(Vector3D index) => ToWorld(index.X, index.Y, index.Z);

    /// <summary>World to (fractional) voxel index.</summary>
    public Vector3D ToIndex(Vector3D world) => ToIndexStep(world - Origin);

    /// <summary>The index step that a world displacement makes, for walking a line through the voxel grid.</summary>
    public Vector3D ToIndexStep(Vector3D displacement)
    {
        var inverse = 1 / Determinant;
        return new(
            inverse * displacement.Dot(J.Cross(K)),
            inverse * displacement.Dot(K.Cross(I)),
            inverse * displacement.Dot(I.Cross(J)));
    }
}
