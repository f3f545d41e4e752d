using CsCheck;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Sampling;

public class SamplingPlanTests
{
    [Fact]
    public void For_AnyGrid_ReachesPastTheVolume() =>
        Gen.Select(RandomGrids.Geometry, Gen.Double[0.3, 4], Gen.Double[0.3, 4], RandomGrids.Direction).Sample((geometry, h, q, n) =>
        {
            var plan = SamplingPlan.For(geometry, DirectionSet.FromNormals([n]), h, q);

            Assert.Equal(1, plan.OffsetCount % 2);
            Assert.Equal(0, plan.OffsetMm(plan.OffsetCount / 2));
            Assert.Equal(-plan.OffsetMm(0), plan.OffsetMm(plan.OffsetCount - 1));
            Assert.Equal(h, plan.OffsetMm(1) - plan.OffsetMm(0), 1e-9);
            Assert.False(plan.CutsOff);
            Assert.True((plan.Size - 1) * plan.PixelMm >= 2 * geometry.RadiusMm);
            // The first and the last slice are blank: a profile ends in blank samples, as the filter supposes.
            Assert.True(SliceCutter.Misses(geometry, n, plan.OffsetMm(0)) && SliceCutter.Misses(geometry, n, plan.OffsetMm(plan.OffsetCount - 1)));
        });

    [Fact]
    public void For_NoOptions_TakesTheFinestSpacing() => RandomGrids.Geometry.Sample(geometry =>
    {
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 3));
        Assert.Equal(geometry.FinestSpacingMm, plan.SpacingMm);
        Assert.Equal(geometry.FinestSpacingMm, plan.PixelMm);
        Assert.Equal(geometry.CentreMm, plan.CentreMm);
    });

    [Fact]
    public void For_SizeShorterThanTheDiagonal_SaysSo() => RandomGrids.Geometry.Sample(geometry =>
    {
        var set = DirectionSet.Create(DirectionSetKind.Rings, 3);
        Assert.True(SamplingPlan.For(geometry, set, 1, 1.9 * geometry.RadiusMm / 8, 8).CutsOff);
        Assert.False(SamplingPlan.For(geometry, set, 1, 2.1 * geometry.RadiusMm / 8, 8).CutsOff);
    });

    [Theory]
    [InlineData(0, 1, 8)]
    [InlineData(-1, 1, 8)]
    [InlineData(double.NaN, 1, 8)]
    [InlineData(1, 0, 8)]
    [InlineData(1, -2, 8)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 1, -4)]
    public void For_BadArgument_Throws(double spacingMm, double pixelMm, int size)
    {
        var geometry = RandomGrids.Geometry.Single();
        Assert.Throws<ArgumentOutOfRangeException>(
            () => SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 3), spacingMm, pixelMm, size));
    }
}
