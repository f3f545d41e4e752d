using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

public enum AnatomicalPlane
{
    Unspecified = 0,
    Axial = 1,
    Coronal = 2,
    Sagittal = 3,
}

/// <summary>An index axis of a volume as a picture shows it.</summary>
/// <param name="IndexAxis">0, 1 or 2 for i, j or k.</param>
/// <param name="VoxelCount">Number of voxels along the axis.</param>
/// <param name="SpacingMm">Distance of neighbouring voxels.</param>
/// <param name="Reversed">True where the picture runs against the index.</param>
/// <param name="StartLetter">Side of the patient at the left or top edge: R, A or S.</param>
/// <param name="EndLetter">Side of the patient at the right or bottom edge: L, P or I.</param>
public sealed record DisplayAxis(
    int IndexAxis, int VoxelCount, double SpacingMm, bool Reversed, char StartLetter, char EndLetter)
{
    public double ExtentMm => VoxelCount * SpacingMm;

    /// <summary>Column or row of a voxel index; it is its own inverse.</summary>
    public int Flip(int index) => Reversed ? VoxelCount - 1 - index : index;
}

/// <summary>
/// A plane of voxels in the radiological convention: the patient's right at the left edge (in a sagittal plane, the
/// front at the left edge), the front or the head at the top.
/// </summary>
/// <remarks>An oblique grid is not resampled. Each index axis stands for the world axis that it is nearest to, so the
/// letters name the dominant direction.</remarks>
/// <param name="Plane">Which of the three planes.</param>
/// <param name="Columns">The axis from left to right.</param>
/// <param name="Rows">The axis from top to bottom.</param>
/// <param name="Normal">The axis that the plane cuts.</param>
public sealed record DisplayPlane(AnatomicalPlane Plane, DisplayAxis Columns, DisplayAxis Rows, DisplayAxis Normal)
{
    private static readonly int[][] Permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    /// <summary>The axial, the coronal and the sagittal plane of a grid, in this order.</summary>
    public static IReadOnlyList<DisplayPlane> Of(VolumeGeometry geometry)
    {
        ArgumentNullException.ThrowIfNull(geometry);
        Vector3D[] steps = [geometry.Affine.I, geometry.Affine.J, geometry.Affine.K];
        int[] counts = [geometry.Shape.I, geometry.Shape.J, geometry.Shape.K];

        // All three at once: on a strongly oblique grid, two index axes may each be nearest to the same world axis.
        var nearest = Permutations.MaxBy(order => Enumerable.Range(0, 3).Sum(
            world => Math.Abs(Component(steps[order[world]], world)) / steps[order[world]].Length))!;
        var axes = Enumerable.Range(0, 3).Select(world =>
        {
            var axis = nearest[world];
            // The positive end of each world axis (right, front, head) lies at the start of the picture.
            var reversed = Component(steps[axis], world) > 0;
            return new DisplayAxis(axis, counts[axis], steps[axis].Length, reversed, "RAS"[world], "LPI"[world]);
        }).ToArray();
        return
        [
            new(AnatomicalPlane.Axial, axes[0], axes[1], axes[2]),
            new(AnatomicalPlane.Coronal, axes[0], axes[2], axes[1]),
            new(AnatomicalPlane.Sagittal, axes[1], axes[2], axes[0]),
        ];
    }

    private static double Component(Vector3D vector, int world) => world switch
    {
        0 => vector.X,
        1 => vector.Y,
        _ => vector.Z,
    };
}
