using ToNNO.Imaging.Previews;

namespace ToNNO.Imaging.Tests.Previews;

public class PlaneResamplerTests
{
    [Fact]
    public void Resample_Ramp_StaysARampInside()
    {
        var ramp = Enumerable.Range(0, 10).Select(index => (float)index).ToArray();
        var wide = PlaneResampler.Resample(ramp, 10, 1, 80, 3);

        // Catmull-Rom reproduces straight lines; the rim has no neighbours to do so.
        for (var x = 16; x < 64; x++)
        {
            Assert.Equal(((x + 0.5) / 8) - 0.5, wide[80 + x], 1e-4);
        }
    }

    [Theory]
    [InlineData(512, 100)]
    [InlineData(7, 300)]
    public void Resample_Constant_StaysConstant(int voxels, int pixels) => Assert.All(
        PlaneResampler.Resample(Enumerable.Repeat(3f, voxels * 2).ToArray(), voxels, 2, pixels, 5),
        value => Assert.Equal(3, value, 1e-5));

    [Fact]
    public void Resample_FineStripesShrunk_AreAveraged()
    {
        var stripes = Enumerable.Range(0, 400).Select(index => (float)(index % 2)).ToArray();
        Assert.All(PlaneResampler.Resample(stripes, 400, 1, 50, 1)[4..^4], value => Assert.Equal(0.5, value, 0.02));
    }
}
