using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Slicing;

/// <summary>Counts the slices that show something of a volume, before any voxel is known.</summary>
public static class SliceCensus
{
    /// <summary>Planes that meet the volume by this many pixels have a pixel in it. Near a corner the part of a plane within a box holds a
    /// circle of at least 0.7 times the depth, and any circle of 0.7 pixels holds a pixel's centre; the rest is for sheared grids.</summary>
    private const double DeepPixels = 4;

    /// <summary>The slices of a plan that have a pixel within reach of a voxel: those that are not blank, if no voxel is.</summary>
    /// <remarks>Exactly those that <see cref="SliceCutter"/> would find not to be blank, by the same pixels' places.</remarks>
    /// <param name="channels">Grids of the volume's channels.</param>
    public static long Count(IReadOnlyList<VolumeGeometry> channels, SamplingPlan plan)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(plan);
        var (count, shows) = (0L, new bool[plan.OffsetCount]);
        foreach (var normal in plan.Directions.Normals)
        {
            Array.Clear(shows);
            foreach (var geometry in channels)
            {
                Mark(geometry, plan, normal, shows);
            }

            count += shows.Count(one => one);
        }

        return count;
    }

    private static void Mark(VolumeGeometry geometry, SamplingPlan plan, Vector3D normal, bool[] shows)
    {
        var (frame, middle, reach) = (SliceFrame.For(normal), normal.Dot(geometry.CentreMm - plan.CentreMm), SliceCutter.ReachMm(geometry, normal));
        var deep = IsThin(geometry, plan) || IsCutOff(geometry, plan) ? double.NegativeInfinity : reach - (DeepPixels * plan.PixelMm);
        for (var offset = 0; offset < shows.Length; offset++)
        {
            var distance = Math.Abs(plan.OffsetMm(offset) - middle);
            shows[offset] = shows[offset] || distance < deep || (distance < reach && SliceCutter.ShowsAny(geometry, frame, plan.OffsetMm(offset), plan));
        }
    }

    /// <summary>True where the volume is hardly thicker than a pixel, so that planes may pass through it between their pixels.</summary>
    private static bool IsThin(VolumeGeometry geometry, SamplingPlan plan)
    {
        var (shape, (i, j, k, _)) = (geometry.Shape, geometry.Affine);
        var (volume, most) = (geometry.VoxelVolumeMm3, DeepPixels * plan.PixelMm);
        return (shape.I + 1) * volume / j.Cross(k).Length < most || (shape.J + 1) * volume / k.Cross(i).Length < most || (shape.K + 1) * volume / i.Cross(j).Length < most;
    }

    /// <summary>True where slices may end before the volume does.</summary>
    private static bool IsCutOff(VolumeGeometry geometry, SamplingPlan plan)
    {
        var affine = geometry.Affine;
        var farthest = (geometry.CentreMm - plan.CentreMm).Length + geometry.RadiusMm + (0.5 * (affine.I.Length + affine.J.Length + affine.K.Length));
        return plan.Size * plan.PixelMm < 2 * farthest;
    }
}
