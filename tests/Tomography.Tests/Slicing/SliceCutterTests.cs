using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Slicing;

public class SliceCutterTests
{
    private static readonly Gen<(VolumeGeometry Geometry, Vector3D Normal, double Part, int Seed)> Planes =
        Gen.Select(RandomGrids.Geometry, RandomGrids.Direction, Gen.Double[-1.1, 1.1], Gen.Int[0, int.MaxValue]);

    [Fact]
    public void Cut_RandomPlane_AgreesWithTrilinearInterpolationInDouble() => Gen.Select(Planes, Gen.OneOf(0f, -1024f, 7f)).Sample(
        (plane, fill) =>
        {
            var (geometry, normal, part, seed) = plane;
            var volume = RandomGrids.Noise(geometry, seed, -1000, 1000);
            var frame = SliceFrame.For(normal);
            var offset = part * geometry.RadiusMm;
            const int size = 24;
            var pixelMm = 2.3 * geometry.RadiusMm / size;
            var pixels = new float[size * size];
            SliceCutter.Cut(volume, frame, offset, geometry.CentreMm, pixels, size, pixelMm, new IntensityMap(float.NegativeInfinity, float.PositiveInfinity, fill));

            for (var at = 0; at < pixels.Length; at++)
            {
                var (a, b) = (((at % size) - ((size - 1) / 2.0)) * pixelMm, ((at / size) - ((size - 1) / 2.0)) * pixelMm);
                var x = geometry.CentreMm + (offset * normal) + (a * frame.U) + (b * frame.V);
                Assert.Equal(TrilinearReference.At(volume, x, fill), pixels[at], 1e-5 * 1024);
            }
        },
        iter: 300);

    [Fact]
    public void Cut_PlaneThroughVoxelCentres_CopiesThem()
    {
        var geometry = new VolumeGeometry(new VolumeShape(7, 7, 5), AffineTransform.Scaling(1, 1, 2));
        var volume = RandomGrids.Noise(geometry, 1, 0, 1);
        var frame = new SliceFrame(new(1, 0, 0), new(0, 1, 0), new(0, 0, 1));
        var pixels = new float[49];
        for (var k = 0; k < 5; k++)
        {
            Assert.True(SliceCutter.Cut(volume, frame, (k - 2) * 2, geometry.CentreMm, pixels, 7, 1, IntensityMap.Identity));
            Assert.All(pixels, (pixel, at) => Assert.Equal(volume.Samples[(k * 49) + at], pixel, 1e-6f));
        }
    }

    [Fact]
    public void Cut_Ball_SumsToTheAreaOfItsDisc()
    {
        const double radius = 16;
        const double voxelMm = 0.8;
        var geometry = new VolumeGeometry(new VolumeShape(48, 48, 48), AffineTransform.Scaling(voxelMm, voxelMm, voxelMm, new(30, -4, 9)));
        var c = geometry.CentreMm;
        var ball = Phantom.Of(geometry, x => BallFraction(x - c, radius, voxelMm));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Fibonacci, 1), pixelMm: 0.5);
        var pixels = new float[plan.Size * plan.Size];

        RandomGrids.Direction.Sample(
            normal =>
            {
                foreach (var s in new[] { 0, 0.3, 3.7, -8, 12.2, -14.5 })
                {
                    SliceCutter.Cut(ball, SliceFrame.For(normal), s, c, pixels, plan.Size, plan.PixelMm, IntensityMap.Identity);
                    // Voxels and trilinear samples blur the ball: π(R² − s²) loses π·σ², σ² = (1/12 + 1/6) voxels², half a
                    // square millimetre; the rest is the raster of the rim.
                    var area = Math.PI * ((radius * radius) - (s * s));
                    Assert.Equal(area - (Math.PI * voxelMm * voxelMm / 4), Phantom.PlaneIntegral(pixels, plan.PixelMm), 0.002 * Math.PI * radius * radius);
                }
            },
            iter: 20,
            threads: 1);
    }

    [Fact]
    public void Misses_RandomPlane_IsTrueExactlyBeyondTheReachOfTheSamples() => Planes.Sample(plane =>
    {
        var (geometry, normal, part, _) = plane;
        // The trilinear kernel of a voxel reaches one index further: the farthest corner of that box, one by one.
        var shape = geometry.Shape;
        var reach = 0.0;
        for (var corner = 0; corner < 8; corner++)
        {
            var x = geometry.Affine.ToWorld((corner & 1) == 0 ? -1 : shape.I, (corner & 2) == 0 ? -1 : shape.J, (corner & 4) == 0 ? -1 : shape.K);
            reach = Math.Max(reach, normal.Dot(x - geometry.CentreMm));
        }

        Assert.True(SliceCutter.Misses(geometry, normal, reach * (1 + 1e-9)) && SliceCutter.Misses(geometry, normal, -reach * (1 + 1e-9)));
        Assert.False(SliceCutter.Misses(geometry, normal, reach * (1 - 1e-9)) || SliceCutter.Misses(geometry, normal, -reach * (1 - 1e-9)));
        Assert.True(Math.Abs(Math.Abs(part) - 1) < 1e-9 || Math.Abs(part) > 1 == SliceCutter.Misses(geometry, normal, part * reach));
    });

    [Fact]
    public void Misses_TruePlane_CutsBlank() => Planes.Sample(
        plane =>
        {
            var (geometry, normal, part, seed) = plane;
            var volume = RandomGrids.Noise(geometry, seed, 1, 2);
            var plan = SamplingPlan.For(geometry, DirectionSet.FromNormals([normal]), 1, geometry.RadiusMm / 20);
            var offset = part * plan.OffsetMm(plan.OffsetCount - 1);
            var pixels = new float[plan.Size * plan.Size];
            var cut = SliceCutter.Cut(volume, SliceFrame.For(normal), offset, plan.CentreMm, pixels, plan.Size, plan.PixelMm, IntensityMap.Identity);

            Assert.Equal(cut, pixels.Any(pixel => pixel != 0));
            Assert.False(cut && SliceCutter.Misses(geometry, normal, offset));
        },
        iter: 500);

    [Fact]
    public void Cut_PlaneThatOnlyGrazesAFace_IsNotBlank()
    {
        var geometry = new VolumeGeometry(new VolumeShape(6, 7, 8), AffineTransform.Scaling(1.1, 0.9, 2, new(5, 5, 5)));
        var volume = Phantom.Of(geometry, _ => 1);
        var pixels = new float[40 * 40];
        Vector3D[] normals = [new(1, 0, 0), new(0, 1, 0), new(0, 0, 1)];
        double[] reaches = [3.5 * 1.1, 4 * 0.9, 4.5 * 2];
        for (var axis = 0; axis < 3; axis++)
        {
            foreach (var side in new[] { -1, 1 })
            {
                bool Cut(double offset) => SliceCutter.Cut(
                    volume, SliceFrame.For(normals[axis]), side * offset, geometry.CentreMm, pixels, 40, 0.5, IntensityMap.Identity);
                Assert.True(Cut(reaches[axis] - 1e-6));
                Assert.False(Cut(reaches[axis] + 1e-6));
            }
        }
    }

    [Theory]
    [InlineData(-1024, -1000, 400)] // fill below the window: air is 0
    [InlineData(-1024, -1100, 400)] // fill inside the window: air is a grey level
    [InlineData(500, -1000, 400)] // fill above the window: outside is 1
    [InlineData(-1024, float.NegativeInfinity, float.PositiveInfinity)]
    public void Cut_VolumeOfFillOnly_IsBlankAndOneVoxelMoreIsNot(float fill, float low, float high)
    {
        var intensity = new IntensityMap(low, high, fill);
        Gen.Select(RandomGrids.Geometry, RandomGrids.Direction).Sample(
            (geometry, normal) =>
            {
                var samples = new float[geometry.Shape.VoxelCount];
                Array.Fill(samples, fill);
                var volume = new Volume(geometry, samples);
                var plan = SamplingPlan.For(geometry, DirectionSet.FromNormals([normal]), 1, geometry.FinestSpacingMm / 2);
                var pixels = new float[plan.Size * plan.Size];
                bool Cut(double offset) => SliceCutter.Cut(
                    volume, SliceFrame.For(normal), offset, plan.CentreMm, pixels, plan.Size, plan.PixelMm, intensity);

                Assert.False(Cut(0.1 * geometry.FinestSpacingMm));
                Assert.All(pixels, pixel => Assert.Equal(intensity.Apply(fill), pixel));

                var at = samples.Length / 2;
                var shape = geometry.Shape;
                samples[at] = 130;
                var x = geometry.Affine.ToWorld(at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
                Assert.True(Cut(normal.Dot(x - plan.CentreMm)));
            },
            iter: 60);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 9, 9)]
    [InlineData(9, 1, 9)]
    [InlineData(9, 9, 1)]
    [InlineData(2, 9, 9)]
    [InlineData(9, 2, 2)]
    public void Cut_AxesOfOneOrTwoVoxels_KeepsTheMass(int i, int j, int k)
    {
        var geometry = new VolumeGeometry(new VolumeShape(i, j, k), AffineTransform.Scaling(1, 1.2, 0.9));
        AssertMass(RandomGrids.Noise(geometry, 3, 1, 2), spacingMm: 0.2, tolerance: 0.01);
    }

    [Fact]
    public void Cut_ObliqueGrid_KeepsTheMass() => Gen.Select(RandomGrids.Direction, Gen.Double[0.8, 1.6].Array[3], Gen.Int[1, 6].Array[3]).Sample(
        (normal, spacings, counts) =>
        {
            var frame = SliceFrame.For(normal);
            var affine = new AffineTransform(spacings[0] * frame.U, spacings[1] * frame.V, -spacings[2] * frame.N, new(7, -80, 3));
            var geometry = new VolumeGeometry(new VolumeShape(counts[0], counts[1], counts[2]), affine);
            AssertMass(RandomGrids.Noise(geometry, counts[0], 1, 2), spacingMm: 0.16, tolerance: 0.01);
        },
        iter: 20);

    [Fact]
    public void Cut_Windowed_MapsIntensitiesToUnitRange()
    {
        var geometry = new VolumeGeometry(new VolumeShape(5, 1, 1), AffineTransform.Scaling(1, 1, 1));
        var volume = new Volume(geometry, new float[] { -2000, -160, 40, 240, 3000 });
        var pixels = new float[25];
        var frame = new SliceFrame(new(1, 0, 0), new(0, 1, 0), new(0, 0, 1));
        SliceCutter.Cut(volume, frame, 0, geometry.CentreMm, pixels, 5, 1, new IntensityMap(-160, 240, -1024));

        Assert.Equal([0, 0, 0.5f, 1, 1], pixels[10..15]);
        Assert.All(pixels[..10], pixel => Assert.Equal(0, pixel));
        Assert.All(pixels[15..], pixel => Assert.Equal(0, pixel));
    }

    [Fact]
    public void Cut_PixelsOfAnotherSize_Throws()
    {
        var geometry = new VolumeGeometry(new VolumeShape(5, 5, 5), AffineTransform.Scaling(1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SliceCutter.Cut(
            RandomGrids.Noise(geometry, 1, 0, 1), SliceFrame.For(new(0, 0, 1)), 0, geometry.CentreMm, new float[24], 5, 1, IntensityMap.Identity));
    }

    /// <summary>Σ over offsets of (slice sum · q² · h) is the volume's integral: trilinear samples lose nothing at the rim.</summary>
    private static void AssertMass(Volume volume, double spacingMm, double tolerance)
    {
        var expected = volume.Samples.AsFloats().Sum(sample => (double)sample) * volume.Geometry.VoxelVolumeMm3;
        var plan = SamplingPlan.For(volume.Geometry, DirectionSet.Create(DirectionSetKind.Rings, 5), spacingMm);
        var sinogram = Phantom.Sinogram(volume, plan, IntensityMap.Identity, Phantom.PlaneIntegral, 0);
        for (var d = 0; d < plan.Directions.Count; d++)
        {
            var mass = sinogram.AsSpan(d * plan.OffsetCount, plan.OffsetCount).ToArray().Sum(slice => (double)slice) * plan.SpacingMm;
            Assert.Equal(expected, mass, tolerance * expected);
        }
    }

    /// <summary>How much of a voxel lies in the ball, from 8³ points.</summary>
    private static double BallFraction(Vector3D centre, double radius, double voxelMm)
    {
        if (Math.Abs(centre.Length - radius) > voxelMm)
        {
            return centre.Length < radius ? 1 : 0;
        }

        var inside = 0;
        for (var at = 0; at < 512; at++)
        {
            var point = new Vector3D((at % 8) - 3.5, (at / 8 % 8) - 3.5, (at / 64) - 3.5);
            inside += (centre + ((voxelMm / 8) * point)).Length < radius ? 1 : 0;
        }

        return inside / 512.0;
    }
}
