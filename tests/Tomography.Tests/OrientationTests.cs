using ToNNO.Imaging.Tests.Previews;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests;

/// <summary>A finding lies where it lies in the world, however the volume is stored.</summary>
public class OrientationTests
{
    // Off centre along every axis by a different distance: any swapped or mirrored axis moves it by more than a voxel.
    private static readonly Vector3D BlobMm = new(8.2, 25.6, 17.1);

    [Fact]
    public void Heatmap_BlobInEachAxisOrder_PeaksWhereItLies()
    {
        var grids = AxisOrders.All(new VolumeShape(26, 32, 22), new(1, 1.3, 1.7)).Select(order => order.Geometry).ToList();
        Assert.Equal(48, grids.Distinct().Count());
        Assert.All(grids, grid => AssertPeak(grid, BlobMm));
    }

    [Theory]
    [InlineData(0.3, -0.5, 0.8)]
    [InlineData(-0.9, 0.1, 0.2)]
    [InlineData(0.6, 0.7, -0.4)]
    public void Heatmap_BlobInObliqueGrid_PeaksWhereItLies(double x, double y, double z)
    {
        var frame = SliceFrame.For(new Vector3D(x, y, z).Normalized());
        var affine = new AffineTransform(frame.U, -1.3 * frame.V, 1.7 * frame.N, new(-60, 20, 310));
        var geometry = new VolumeGeometry(new VolumeShape(26, 32, 22), affine);
        AssertPeak(geometry, affine.ToWorld(8.2, 25.6 / 1.3, 17.1 / 1.7));
    }

    private static void AssertPeak(VolumeGeometry geometry, Vector3D blobMm)
    {
        var volume = Phantom.Of(geometry, x => Phantom.Gaussian(x, blobMm, 2.5));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 100), spacingMm: 2, pixelMm: 2);

        var heatmap = Phantom.Invert(volume, plan);

        var (at, shape) = (Array.IndexOf(heatmap, heatmap.Max()), geometry.Shape);
        var expected = geometry.Affine.ToIndex(blobMm);
        var (i, j, k) = (at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
        Assert.True(
            Math.Abs(i - expected.X) <= 1 && Math.Abs(j - expected.Y) <= 1 && Math.Abs(k - expected.Z) <= 1,
            $"{geometry.Affine}: peak at ({i}, {j}, {k}), blob at {expected}");
    }
}
