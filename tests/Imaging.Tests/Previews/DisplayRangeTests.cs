using ToNNO.Imaging.Previews;

namespace ToNNO.Imaging.Tests.Previews;

public class DisplayRangeTests
{
    [Fact]
    public void ForImage_OneHotVoxel_DoesNotDarkenTheRest()
    {
        var samples = Enumerable.Range(0, 1000).Select(index => (float)index).Append(1e9f).ToArray();
        var range = DisplayRange.ForImage(samples);
        Assert.InRange(range.Low, 5, 15);
        Assert.InRange(range.High, 985, 999);
    }

    [Fact]
    public void ForImage_MostlyOneValue_FallsBackToTheFullRange()
    {
        var samples = new float[1000];
        samples[10] = 4;
        Assert.Equal(new(0, 4), DisplayRange.ForImage(samples));
    }

    [Fact]
    public void ForHeatmap_BroadFloor_StartsAtTheMedian() =>
        Assert.Equal(new(2, 9), DisplayRange.ForHeatmap([-5, 2, 2, 2, 9, float.NaN, float.PositiveInfinity]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(3f)]
    public void ForHeatmap_NothingToScale_IsEmpty(float value) =>
        Assert.True(DisplayRange.ForHeatmap([value, value, value]).IsEmpty);

    [Fact]
    public void Fraction_ExtremeRange_StaysFinite() =>
        Assert.Equal(0.5f, new DisplayRange(float.MinValue, float.MaxValue).Fraction(0));

    [Theory]
    [InlineData(4096)]
    [InlineData(1 << 21)]
    public void ForImage_LargeVolume_SampleIsFair(int count)
    {
        var random = new Random(1);
        var range = DisplayRange.ForImage(Enumerable.Range(0, count).Select(_ => random.NextSingle()).ToArray());
        Assert.Equal(0.01, range.Low, 0.006);
        Assert.Equal(0.995, range.High, 0.006);
    }
}
