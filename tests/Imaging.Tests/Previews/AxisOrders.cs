using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Previews;

/// <summary>The 48 ways in which the axes of one box in the world can be stored.</summary>
internal static class AxisOrders
{
    /// <param name="shape">Voxels along world x, y and z.</param>
    /// <param name="spacingMm">Along world x, y and z.</param>
    /// <returns>Each geometry, and the index axis of world x, y and z.</returns>
    public static IEnumerable<(VolumeGeometry Geometry, int[] Order)> All(VolumeShape shape, Vector3D spacingMm)
    {
        int[] counts = [shape.I, shape.J, shape.K];
        Vector3D[] steps = [new(spacingMm.X, 0, 0), new(0, spacingMm.Y, 0), new(0, 0, spacingMm.Z)];
        int[][] permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        foreach (var worldOf in permutations)
        {
            for (var flips = 0; flips < 8; flips++)
            {
                var origin = Vector3D.Zero;
                var columns = new Vector3D[3];
                for (var axis = 0; axis < 3; axis++)
                {
                    var flipped = (flips & (1 << axis)) != 0;
                    var step = steps[worldOf[axis]];
                    columns[axis] = flipped ? -step : step;
                    origin += flipped ? (counts[worldOf[axis]] - 1) * step : Vector3D.Zero;
                }

                var geometry = new VolumeGeometry(
                    new(counts[worldOf[0]], counts[worldOf[1]], counts[worldOf[2]]),
                    new(columns[0], columns[1], columns[2], origin));
                yield return (geometry, [Array.IndexOf(worldOf, 0), Array.IndexOf(worldOf, 1), Array.IndexOf(worldOf, 2)]);
            }
        }
    }

    /// <summary>Samples a function of world mm at every voxel.</summary>
    public static float[] Sample(VolumeGeometry geometry, Func<Vector3D, double> value)
    {
        var shape = geometry.Shape;
        var samples = new float[shape.VoxelCount];
        for (var index = 0; index < samples.Length; index++)
        {
            samples[index] = (float)value(geometry.Affine.ToWorld(
                index % shape.I, index / shape.I % shape.J, index / shape.I / shape.J));
        }

        return samples;
    }
}
