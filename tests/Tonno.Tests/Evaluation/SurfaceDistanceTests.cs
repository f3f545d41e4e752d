using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public class SurfaceDistanceTests
{
    [Fact]
    public void Between_TheSame_IsZero()
    {
        var geometry = new VolumeGeometry(new(12, 12, 12), AffineTransform.Scaling(1, 2, 3));
        var ball = Ball(geometry, geometry.CentreMm, 5);
        Assert.Equal(new SurfaceDistance(0, 0), SurfaceDistance.Between(ball, ball, geometry));
    }

    /// <summary>Two planes of voxels, d apart, on a turned and anisotropic grid: each voxel's nearest is straight across.</summary>
    [Fact]
    public void Between_PlanesApart_TheirDistanceInTheWorld()
    {
        var (cos, sin) = (Math.Cos(0.4), Math.Sin(0.4));
        var affine = new AffineTransform(new(1.5 * cos, 1.5 * sin, 0), new(-2 * sin, 2 * cos, 0), new(0, 0, 3), new(7, -4, 11));
        var geometry = new VolumeGeometry(new(9, 8, 7), affine);
        var (one, other) = (Plane(geometry.Shape, 1), Plane(geometry.Shape, 5));
        var distance = SurfaceDistance.Between(one, other, geometry)!.Value;
        Assert.Equal(4 * 1.5, distance.MeanMm, 1e-9);
        Assert.Equal(4 * 1.5, distance.Percentile95Mm, 1e-9);
    }

    /// <summary>Balls of radii 12 and 9 around one centre are 3 apart everywhere; a voxel's middle is off its surface by less than its edge.</summary>
    [Fact]
    public void Between_BallsInEachOther_DifferenceOfRadii()
    {
        var geometry = new VolumeGeometry(new(30, 30, 30), AffineTransform.Scaling(1, 1, 1));
        var distance = SurfaceDistance.Between(Ball(geometry, geometry.CentreMm, 12), Ball(geometry, geometry.CentreMm, 9), geometry)!.Value;
        Assert.InRange(distance.MeanMm, 2.5, 3.5);
        Assert.InRange(distance.Percentile95Mm, distance.MeanMm, 4);
    }

    [Fact]
    public void Between_FilledAndHollow_InnerVoxelsDoNotCount()
    {
        var geometry = new VolumeGeometry(new(11, 11, 11), AffineTransform.Scaling(1, 1, 1));
        var filled = Ball(geometry, geometry.CentreMm, 4.2);
        var withSpeck = (byte[])filled.Clone();
        withSpeck[0] = 1; // far off: one voxel among hundreds
        var distance = SurfaceDistance.Between(filled, withSpeck, geometry)!.Value;
        Assert.Equal(0, distance.Percentile95Mm);
        Assert.True(distance.MeanMm is > 0 and < 0.1);
    }

    [Fact]
    public void Between_OneIsEmpty_Nothing()
    {
        var geometry = new VolumeGeometry(new(4, 4, 4), AffineTransform.Scaling(1, 1, 1));
        Assert.Null(SurfaceDistance.Between(new byte[64], Plane(geometry.Shape, 1), geometry));
        Assert.Null(SurfaceDistance.Between(Plane(geometry.Shape, 1), new byte[64], geometry));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(257)]
    public void PointTree_RandomPoints_NearestOfAll(int count)
    {
        var random = new Random(count);
        Vector3D Place() => new(random.Next(12), random.NextDouble() * 12, random.Next(12)); // many share a coordinate
        var points = Enumerable.Range(0, count).Select(_ => Place()).ToArray();
        var tree = new PointTree(points);
        for (var trial = 0; trial < 200; trial++)
        {
            var place = Place();
            Assert.Equal(points.Min(point => (point - place).Length), Math.Sqrt(tree.SquaredDistance(place)), 1e-12);
        }
    }

    private static byte[] Plane(VolumeShape shape, int i)
    {
        var mask = new byte[shape.VoxelCount];
        for (var at = i; at < mask.Length; at += shape.I)
        {
            mask[at] = 1;
        }

        return mask;
    }

    private static byte[] Ball(VolumeGeometry geometry, Vector3D centre, double radius)
    {
        var mask = new byte[geometry.Shape.VoxelCount];
        for (var at = 0; at < mask.Length; at++)
        {
            var voxel = VoxelIndex.At(at, geometry.Shape);
            mask[at] = (geometry.Affine.ToWorld(voxel.I, voxel.J, voxel.K) - centre).Length <= radius ? (byte)1 : (byte)0;
        }

        return mask;
    }
}
