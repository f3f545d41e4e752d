using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Slicing;

/// <summary>What each way of cutting, from each sample type, must have in common.</summary>
public class SlicePathTests
{
    private static readonly Gen<IntensityMap> Intensity = Gen.OneOf(
        Gen.Const(IntensityMap.Identity),
        Gen.Const(new IntensityMap(-160, 240, -1024)),
        Gen.Const(new IntensityMap(-2000, 1000, 77)),
        Gen.Const(new IntensityMap(float.NegativeInfinity, float.PositiveInfinity, -1000)));

    private static readonly Gen<(VolumeGeometry Geometry, Vector3D Normal, double Part, int Seed, IntensityMap Intensity)> Cuts =
        Gen.Select(RandomGrids.Geometry, RandomGrids.Direction, Gen.Double[-1.1, 1.1], Gen.Int[0, int.MaxValue], Intensity);

    [Fact]
    public void Cut_EveryPath_GivesTheSameBits()
    {
        Assert.SkipUnless(SliceCutter.IsSupported(SlicePath.Avx2), "This processor has no AVX2.");
        Cuts.Sample(
            cut =>
            {
                foreach (var volume in new[] { RandomGrids.Noise(cut.Geometry, cut.Seed, -1500, 1500), Int16Noise(cut.Geometry, cut.Seed, 0.37f, -11.25f) })
                {
                    var (scalar, scalarContent) = Cut(volume, cut.Normal, cut.Part, cut.Intensity, SlicePath.Scalar);
                    var (simd, simdContent) = Cut(volume, cut.Normal, cut.Part, cut.Intensity, SlicePath.Avx2);
                    Assert.Equal(scalar.Select(BitConverter.SingleToInt32Bits), simd.Select(BitConverter.SingleToInt32Bits));
                    Assert.Equal(scalarContent, simdContent);
                }
            },
            iter: 1000);
    }

    [Fact]
    public void Cut_EveryPath_KeepsNaNToThePixelsThatSeeIt()
    {
        var geometry = new VolumeGeometry(new(20, 20, 20), AffineTransform.Scaling(1, 1, 1));
        var samples = new float[8000];
        samples[4210] = float.NaN;
        foreach (var path in new[] { SlicePath.Scalar, SlicePath.Avx2 }.Where(SliceCutter.IsSupported))
        {
            var (pixels, content) = Cut(new Volume(geometry, samples), new(0, 0.6, 0.8), 0.02, new IntensityMap(0, 1, 0), path);
            Assert.Contains(pixels, float.IsNaN);
            Assert.True(content);
            Assert.True(pixels.Count(float.IsNaN) < 64);
        }
    }

    [Fact]
    public void Cut_Int16_AgreesWithTheSameVolumeInFloat32() => Cuts.Sample(
        cut =>
        {
            var halves = Int16Noise(cut.Geometry, cut.Seed, 0.37f, -11.25f);
            var floats = new Volume(cut.Geometry, halves.Samples.AsFloats());
            var (expected, content) = Cut(floats, cut.Normal, cut.Part, cut.Intensity, SlicePath.Fastest);
            var (actual, halfContent) = Cut(halves, cut.Normal, cut.Part, cut.Intensity, SlicePath.Fastest);
            Assert.Equal(content, halfContent);
            // Scaled before or after three interpolations: seven roundings of 2⁻²⁴ of intensities up to 370, in a window of 400 or none.
            var tolerance = cut.Intensity.IsIdentity ? 4e-4 : 1e-6;
            Assert.All(actual, (pixel, at) => Assert.Equal(expected[at], pixel, tolerance));
        },
        iter: 500);

    [Theory]
    [InlineData(-1024, -1000, 400)] // fill below the window: air is 0, and so is much else
    [InlineData(-1024, float.NegativeInfinity, float.PositiveInfinity)]
    public void Cut_Int16OfFillOnly_IsBlankAndOneVoxelMoreIsNot(float fill, float low, float high)
    {
        var geometry = new VolumeGeometry(new(15, 14, 13), AffineTransform.Scaling(1, 1.5, 0.7));
        var stored = new short[geometry.Shape.VoxelCount];
        Array.Fill(stored, (short)(fill + 1024));
        var intensity = new IntensityMap(low, high, fill);
        var volume = new Volume(geometry, VolumeSamples.FromInt16(stored, 1, -1024));
        foreach (var path in new[] { SlicePath.Scalar, SlicePath.Avx2 }.Where(SliceCutter.IsSupported))
        {
            stored[1400] = (short)(fill + 1024);
            Assert.False(Cut(volume, new(0.48, 0.6, 0.64), 0, intensity, path).Content);
            stored[1400] = 1500;
            var at = VoxelIndex.At(1400, geometry.Shape);
            var offset = new Vector3D(0.48, 0.6, 0.64).Dot(geometry.Affine.ToWorld(at.I, at.J, at.K) - geometry.CentreMm);
            Assert.True(Cut(volume, new(0.48, 0.6, 0.64), offset / geometry.RadiusMm, intensity, path).Content);
        }
    }

    [Fact]
    public void Cut_IndicesInTheHundreds_AreAsExactAsSmallOnes()
    {
        // Long, thin and steep: 700 voxels along i, values that rise by 1000 from voxel to voxel and fall again.
        var geometry = new VolumeGeometry(new(700, 6, 5), AffineTransform.Scaling(0.7, 0.9, 1.1, new(-300, 20, 5)));
        var volume = RandomGrids.Noise(geometry, 5, -500, 500);
        var normal = new Vector3D(0.01, 0.6, 0.79).Normalized();
        var frame = SliceFrame.For(normal);
        const int size = 1000;
        var pixels = new float[size * size];
        SliceCutter.Cut(volume, frame, 0.3, geometry.CentreMm, pixels, size, 0.5, IntensityMap.Identity);
        var touched = 0;
        for (var at = 0; at < pixels.Length; at++)
        {
            if (pixels[at] != 0)
            {
                var (a, b) = (((at % size) - ((size - 1) / 2.0)) * 0.5, ((at / size) - ((size - 1) / 2.0)) * 0.5);
                var x = geometry.CentreMm + (0.3 * normal) + (a * frame.U) + (b * frame.V);
                Assert.Equal(TrilinearReference.At(volume, x, 0), pixels[at], 1e-5 * 500);
                touched++;
            }
        }

        Assert.True(touched > 5000);
    }

    [Fact]
    public void Cut_PathThatTheProcessorLacksOrPlaneOutOfReach_Throws()
    {
        var volume = RandomGrids.Noise(new VolumeGeometry(new(5, 5, 5), AffineTransform.Scaling(1e-9, 1, 1)), 1, 0, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => Cut(volume, new(0, 0, 1), 0, IntensityMap.Identity, SlicePath.Fastest));
    }

    private static (float[] Pixels, bool Content) Cut(Volume volume, Vector3D normal, double part, IntensityMap intensity, SlicePath path)
    {
        const int size = 33;
        var pixels = new float[size * size];
        var geometry = volume.Geometry;
        var content = SliceCutter.Cut(
            volume, SliceFrame.For(normal), part * geometry.RadiusMm, geometry.CentreMm, pixels, size, 2 * geometry.RadiusMm / size, intensity, null, path);
        return (pixels, content);
    }

    private static Volume Int16Noise(VolumeGeometry geometry, int seed, float slope, float inter)
    {
        var random = new Random(seed);
        var stored = new short[geometry.Shape.VoxelCount];
        for (var at = 0; at < stored.Length; at++)
        {
            stored[at] = (short)random.Next(-1000, 1000);
        }

        return new Volume(geometry, VolumeSamples.FromInt16(stored, slope, inter));
    }
}
