using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Demo;

/// <summary>The baseline that does not look: a ball at the volume's centre.</summary>
internal static class CentreBlob
{
    /// <summary>One byte per voxel, 1 where its middle lies within <paramref name="radiusMm"/> of the centre.</summary>
    public static byte[] Mask(VolumeGeometry geometry, double radiusMm)
    {
        var mask = new byte[geometry.Shape.VoxelCount];
        var centre = geometry.CentreMm;
        for (var position = 0; position < mask.Length; position++)
        {
            var at = VoxelIndex.At(position, geometry.Shape);
            mask[position] = (geometry.Affine.ToWorld(at.I, at.J, at.K) - centre).Length <= radiusMm ? (byte)1 : (byte)0;
        }

        return mask;
    }
}
