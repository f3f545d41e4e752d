using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Lifting;

public class CentreBlobTests
{
    private static readonly VolumeGeometry _geometry = new(new(60, 40, 80), AffineTransform.Scaling(1, 1.5, 0.75, new(-100, 30, 7)));

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(29)]
    public void Of_AnyBound_IsABallInMm(double radiusMm)
    {
        var (blob, bound) = (CentreBlob.Of(_geometry), CentreBlob.BoundOf(_geometry, radiusMm));
        // Voxels at the surface: 4πr²·h/V is at most .3, and most of their errors cancel.
        var meant = 4 / 3.0 * Math.PI * Math.Pow(radiusMm, 3);
        Assert.Equal(meant, blob.Count(value => value >= bound) * _geometry.VoxelVolumeMm3, 0.02 * meant);
        for (var at = 0; at < blob.Length; at++)
        {
            var (i, j, k) = VoxelIndex.At(at, _geometry.Shape);
            var distance = (_geometry.Affine.ToWorld(i, j, k) - _geometry.CentreMm).Length;
            Assert.True(Math.Abs(distance - radiusMm) < 1e-4 || distance < radiusMm == blob[at] >= bound); // float32 of 1 and less, 50 mm
        }
    }

    [Fact]
    public void Of_AnyVoxel_LiesBetweenCornerAndCentre()
    {
        var odd = CentreBlob.Of(new VolumeGeometry(new(5, 7, 9), AffineTransform.Scaling(1, 2, 3)));
        Assert.Equal(1, odd[odd.Length / 2]);
        Assert.All(odd, value => Assert.InRange(value, 1e-3f, 1)); // no voxel's middle lies in a corner of the box
    }

    [Fact]
    public void Write_SlabsOfAnObliqueGrid_HaveTheBitsOfTheWhole()
    {
        var frame = SliceFrame.For(new Vector3D(0.3, -0.2, 0.9).Normalized());
        var geometry = new VolumeGeometry(new(9, 8, 7), new AffineTransform(3 * frame.U, 3.5 * frame.V, 4 * frame.N, new(-3, -4, -2)));
        var parts = new List<float>();
        foreach (var (first, count) in new[] { (0, 1), (1, 4), (5, 2) })
        {
            var slab = new float[count * 72];
            CentreBlob.Write(slab, geometry, first);
            parts.AddRange(slab);
        }

        Assert.Equal(CentreBlob.Of(geometry), parts);
        Assert.Throws<ArgumentOutOfRangeException>(() => CentreBlob.Write(new float[72], geometry, 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => CentreBlob.Write(new float[71], geometry, 0));
    }
}
