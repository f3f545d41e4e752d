using CsCheck;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
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

    [Theory]
    [InlineData(1e-9, null, null, null)]
    [InlineData(1e10, null, null, null)]
    [InlineData(1, 1e-9, null, null)]
    [InlineData(1, 1.0, 1e-9, null)]
    [InlineData(1, 1.0, 1e-9, 224)]
    public void For_MoreThanCanBeCounted_Throws(double kMm, double? spacingMm, double? pixelMm, int? size)
    {
        var geometry = new VolumeGeometry(new(12, 14, 10), AffineTransform.Scaling(1, 1, kMm));
        var set = DirectionSet.Create(DirectionSetKind.Rings, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => SamplingPlan.For(geometry, set, spacingMm, pixelMm, size));
    }

    [Theory]
    [InlineData(1, 0, 1, 1, null, true)]
    [InlineData(1e-6, 0, 1e-6, 1e-6, null, true)] // of an electron microscope
    [InlineData(1e-10, 0, 1, 1, null, false)] // pixels lie farther apart than indices reach
    [InlineData(2e4, 0, 10, 10, 224, false)] // 2000 slices to a voxel
    [InlineData(1, 1e11, 1, 1, null, false)] // so far away that a double tells no place within a voxel
    [InlineData(1e-20, 0, 1e-20, 1e-20, null, false)] // squared, beyond float32
    [InlineData(1e20, 0, 1e20, 1e20, null, false)]
    public void IsFitFor_Header_TellsWhetherItCanBeCut(double voxelMm, double originMm, double spacingMm, double pixelMm, int? size, bool isFit)
    {
        var geometry = new VolumeGeometry(new(12, 14, 10), AffineTransform.Scaling(voxelMm, voxelMm, voxelMm, new(originMm, 0, 0)));
        Assert.Equal(isFit, SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 3), spacingMm, pixelMm, size).IsFitFor(geometry));
    }

    /// <summary>Grids of any scale along each axis and anywhere, as damaged headers have them, with options or without: whatever is fit is cut, lifted and backprojected
    /// without a fault, in finite numbers.</summary>
    [Fact]
    public void IsFitFor_AnyScale_WhatIsFitHasNoFault()
    {
        var (fit, unfit) = (0, 0);
        var scale = Gen.Double[-12, 12].Select(exponent => Math.Pow(10, exponent));
        Gen.Select(RandomGrids.Geometry, scale, Gen.Double[-4, 4].Array[3], Gen.Double[-6, 14], Gen.Double[-4, 4].Array[2], Gen.Int[0, 15], RandomGrids.Direction).Sample(
            (sane, all, stretch, away, options, kind, normal) =>
            {
                var (i, j, k, origin) = sane.Affine;
                var each = (kind & 1) == 0 ? stretch : [0, 0, 0];
                var geometry = new VolumeGeometry(
                    sane.Shape, new(Scaled(i, each[0]), Scaled(j, each[1]), Scaled(k, each[2]), Math.Pow(10, (kind & 2) == 0 ? away : 0) * all * origin));
                double? Option(int bit, double exponent) => (kind & bit) == 0 ? null : geometry.FinestSpacingMm * Math.Pow(10, exponent);
                SamplingPlan plan;
                try
                {
                    plan = SamplingPlan.For(geometry, DirectionSet.FromNormals([normal]), Option(4, options[0]), Option(8, options[1]), (kind & 8) == 0 ? null : 48);
                }
                catch (ArgumentOutOfRangeException)
                {
                    Interlocked.Increment(ref unfit);
                    return;
                }

                Assert.True(plan.OffsetCount is >= 3 && plan.OffsetCount % 2 == 1 && plan.Size >= 1);
                if (!plan.IsFitFor(geometry) || plan.Size > 8192)
                {
                    Interlocked.Increment(ref unfit);
                    return;
                }

                Interlocked.Increment(ref fit);
                AssertHasNoFault(geometry, plan);

                Vector3D Scaled(Vector3D axis, double exponent) => all * Math.Pow(10, exponent) * axis;
            },
            iter: 1000);
        Assert.True(fit > 5 && unfit > 5, $"{fit} fit, {unfit} not");
    }

    private static void AssertHasNoFault(VolumeGeometry geometry, SamplingPlan plan)
    {
        var (shape, centre) = (geometry.Shape, geometry.Affine.ToIndex(plan.CentreMm));
        Assert.True((centre - new Vector3D((shape.I - 1) / 2.0, (shape.J - 1) / 2.0, (shape.K - 1) / 2.0)).Length < 1e-3, $"centre at {centre}");
        foreach (var offset in new[] { 0, plan.OffsetCount / 2, plan.OffsetCount - 1 })
        {
            SliceCutter.ShowsAny(geometry, SliceFrame.For(plan.Directions.Normals[0]), plan.OffsetMm(offset), plan);
        }

        const int MostToSpendTimeOn = 300;
        if (plan.OffsetCount > MostToSpendTimeOn)
        {
            return;
        }

        var heatmap = new float[shape.VoxelCount];
        var maps = Enumerable.Repeat(1f, 4 * plan.OffsetCount).ToArray();
        MapField.Of(maps, new MapGrid(2, plan.PixelMm, 0), plan, 0).AddTo(heatmap, geometry, 0, 1);
        var filter = ProfileFilter.Create(2, FilterWindow.None, plan.SpacingMm, plan.OffsetCount);
        Assert.All(
            Backprojector.Reconstruct([.. Enumerable.Range(0, plan.OffsetCount).Select(at => (float)(at % 7))], 0, geometry, plan, filter),
            value => Assert.True(float.IsFinite(value)));
    }
}
