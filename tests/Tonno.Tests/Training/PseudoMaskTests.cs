using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Tests.Training;

public sealed class PseudoMaskTests
{
    /// <summary>An encoder whose logit is the sum of the pixels sees a ball; half its peak lies about its rim.</summary>
    [Fact]
    public void Of_BrightBall_IsTheBall()
    {
        var shape = new VolumeShape(24, 20, 22);
        var geometry = new VolumeGeometry(shape, AffineTransform.Scaling(2, 2, 2, new Vector3D(5, -3, 9)));
        Vector3D centre = new(10, 8, 12);
        double From(int i, int j, int k) => (new Vector3D(i, j, k) - centre).Length;
        var samples = new float[shape.VoxelCount];
        var at = 0;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++)
                {
                    samples[at++] = From(i, j, k) <= 4 ? 1 : 0;
                }
            }
        }

        using var encoder = new SumEncoder();
        var mask = PseudoMask.Of(new Volume(geometry, samples), IntensityMap.Identity, encoder, new TrainingGrid(32, 2), TestContext.Current.CancellationToken);
        Assert.Equal(geometry, mask.Geometry);
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++)
                {
                    // α = ½ blurs: two voxels about the rim may be either, and all else is as it should be.
                    var inside = mask[i, j, k] > 0;
                    Assert.True(From(i, j, k) is > 2 and < 6.5 || inside == From(i, j, k) <= 4, $"{i} {j} {k}: {inside}");
                }
            }
        }
    }

    [Fact]
    public void Coarsened_FineAndThickVoxels_SameBox()
    {
        var affine = new AffineTransform(new(0, 0.5, 0), new(-0.7, 0, 0), new(0, 0, 5), new(3, 4, 5));
        var geometry = new VolumeGeometry(new(40, 30, 6), affine);
        var coarse = PseudoMask.Coarsened(geometry, 2);
        Assert.Equal(new VolumeShape(10, 10, 6), coarse.Shape);
        foreach (var (i, j, k) in new[] { (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1) })
        {
            static Vector3D Corner(VolumeGeometry of, int i, int j, int k) =>
                of.Affine.ToWorld((i * of.Shape.I) - 0.5, (j * of.Shape.J) - 0.5, (k * of.Shape.K) - 0.5);
            Assert.True((Corner(geometry, i, j, k) - Corner(coarse, i, j, k)).Length < 1e-9);
        }
    }

    [Fact]
    public void Cut_WithMask_SameSliceAndItsCoveredPart()
    {
        // The mask is the volume on another grid: their slices agree up to the grids' own interpolation at the rim.
        var geometry = new VolumeGeometry(new(20, 20, 20), AffineTransform.Scaling(1, 1, 1));
        var half = Array.ConvertAll(Enumerable.Range(0, 8000).ToArray(), at => at % 20 < 10 ? 1f : 0f);
        var volume = new Volume(geometry, half);
        var mask = new Volume(geometry, VolumeSamples.FromInt16(Array.ConvertAll(half, value => (short)value), 1, 0));
        var (alone, along) = (new float[32 * 32], new float[32 * 32]);
        for (var seed = 0; seed < 20; seed++)
        {
            RandomSlice.Cut(volume, new Random(seed), alone, 32, 1, IntensityMap.Identity);
            var covered = RandomSlice.Cut(volume, mask, new Random(seed), along, 32, 1, IntensityMap.Identity);
            Assert.Equal(alone, along);
            Assert.Equal(alone.Average(), covered, 1e-6);
        }
    }
}
