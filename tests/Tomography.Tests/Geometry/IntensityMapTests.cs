using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Tests.Geometry;

public class IntensityMapTests
{
    [Theory]
    [InlineData(-200, 0)]
    [InlineData(-100, 0)]
    [InlineData(0, 0.25)]
    [InlineData(300, 1)]
    [InlineData(1e9f, 1)]
    public void Apply_Window_ScalesToUnitRange(float intensity, float pixel) =>
        Assert.Equal(pixel, new IntensityMap(-100, 300, 0).Apply(intensity), 1e-6f);

    [Theory]
    [InlineData(-200, -2)]
    [InlineData(0, -1)]
    [InlineData(300, 2)]
    public void Apply_WindowAndRangeOfPixels_ScalesToTheRange(float intensity, float pixel) =>
        Assert.Equal(pixel, new IntensityMap(-100, 300, 0, -2, 2).Apply(intensity), 1e-6f);

    [Theory]
    [InlineData(float.NegativeInfinity, float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity, 3)]
    [InlineData(3, float.PositiveInfinity)]
    public void Apply_UnboundedWindow_LeavesIntensities(float low, float high) =>
        Assert.Equal(-7.5f, new IntensityMap(low, high, 0).Apply(-7.5f));

    [Theory]
    [InlineData(5, 5, 0)] // would divide by zero: a heatmap of NaN
    [InlineData(6, 5, 0)]
    [InlineData(float.NaN, 5, 0)]
    [InlineData(0, float.NaN, 0)]
    [InlineData(0, 5, float.NaN)]
    [InlineData(0, 5, float.NegativeInfinity)]
    public void Create_EmptyWindowOrNoFill_Throws(float low, float high, float fill) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IntensityMap(low, high, fill));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 0)]
    [InlineData(float.NaN, 1)]
    [InlineData(0, float.PositiveInfinity)]
    public void Create_EmptyRangeOfPixels_Throws(float low, float high) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IntensityMap(0, 1, 0, low, high));
}
