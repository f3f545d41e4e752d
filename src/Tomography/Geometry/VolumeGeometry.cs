namespace ToNNO.Tomography.Geometry;

/// <summary>Where the voxels of a volume lie in the world; see docs/geometry.md.</summary>
public sealed record VolumeGeometry
{
    /// <exception cref="ArgumentOutOfRangeException">An axis has no voxels, or the affine is singular or not finite.</exception>
    public VolumeGeometry(VolumeShape shape, AffineTransform affine)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shape.I, 1, nameof(shape));
        ArgumentOutOfRangeException.ThrowIfLessThan(shape.J, 1, nameof(shape));
        ArgumentOutOfRangeException.ThrowIfLessThan(shape.K, 1, nameof(shape));
        var edges = affine.I.Length * affine.J.Length * affine.K.Length;
        // Relative to the edges: a sheared grid may be flat long before its determinant is exactly zero. An edge whose square is beyond double has no length, though it is not zero.
        if (!(edges > 0) || !double.IsFinite(edges) || !(Math.Abs(affine.Determinant) > 1e-6 * edges) || !double.IsFinite(affine.Origin.Length))
        {
            throw new ArgumentOutOfRangeException(nameof(affine), "The affine must be finite and its voxel axes must span space.");
        }

        Shape = shape;
        Affine = affine;
    }

    public VolumeShape Shape { get; }

    public AffineTransform Affine { get; }

    /// <summary>The rotation centre c: the centre of the voxel grid, world mm.</summary>
    public Vector3D CentreMm => Affine.ToWorld((Shape.I - 1) / 2.0, (Shape.J - 1) / 2.0, (Shape.K - 1) / 2.0);

    /// <summary>R: half the longest diagonal of the box that the voxels fill (edges, not centres), mm.</summary>
    public double RadiusMm
    {
        get
        {
            var (i, j, k) = (0.5 * Shape.I * Affine.I, 0.5 * Shape.J * Affine.J, 0.5 * Shape.K * Affine.K);
            return Math.Max(
                Math.Max((i + j + k).Length, (i + j - k).Length),
                Math.Max((i - j + k).Length, (i - j - k).Length));
        }
    }

    /// <summary>Smallest distance between neighbouring voxels along an index axis, mm.</summary>
    public double FinestSpacingMm => Math.Min(Affine.I.Length, Math.Min(Affine.J.Length, Affine.K.Length));

    /// <summary>False where the boxes of two grids certainly do not meet.</summary>
    public bool MayMeet(VolumeGeometry other) => Reaches(other) && other.Reaches(this);

    /// <summary>Volume of one voxel, mm³.</summary>
    public double VoxelVolumeMm3 => Math.Abs(Affine.Determinant);

    /// <summary>False where this grid's box lies beyond one of the other's faces.</summary>
    private bool Reaches(VolumeGeometry other)
    {
        var (centre, to) = (other.Affine.ToIndex(CentreMm), other.Shape);
        var (i, j, k) = (
            other.Affine.ToIndexStep(0.5 * Shape.I * Affine.I), other.Affine.ToIndexStep(0.5 * Shape.J * Affine.J), other.Affine.ToIndexStep(0.5 * Shape.K * Affine.K));
        return Math.Abs(centre.X - ((to.I - 1) / 2.0)) <= (to.I / 2.0) + Math.Abs(i.X) + Math.Abs(j.X) + Math.Abs(k.X)
            && Math.Abs(centre.Y - ((to.J - 1) / 2.0)) <= (to.J / 2.0) + Math.Abs(i.Y) + Math.Abs(j.Y) + Math.Abs(k.Y)
            && Math.Abs(centre.Z - ((to.K - 1) / 2.0)) <= (to.K / 2.0) + Math.Abs(i.Z) + Math.Abs(j.Z) + Math.Abs(k.Z);
    }
}
