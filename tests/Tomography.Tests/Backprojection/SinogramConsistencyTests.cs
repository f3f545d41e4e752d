using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Tests.Anytime;

namespace ToNNO.Tomography.Tests.Backprojection;

public class SinogramConsistencyTests
{
    private static readonly VolumeGeometry _geometry = new(new(48, 48, 48), AffineTransform.Scaling(1, 1, 1, new(-20, 7, 3)));

    /// <summary>Six balls of radius 3 to 4.5, scattered.</summary>
    private static readonly BallScores _balls = Balls(_geometry);

    [Theory]
    [InlineData(2.0)]
    [InlineData(1.0)]
    [InlineData(0.5)]
    public void Of_ScoreSaturates_BothRise(double alpha)
    {
        var linear = Of(_balls, alpha);
        var mild = Of(_balls, alpha, saturation: 40);
        var strong = Of(_balls, alpha, saturation: 8);

        // Sections have areas of up to 64: the first saturation bends them, the second makes nearly a yes or no of them.
        Assert.True(linear.ReprojectionResidual < mild.ReprojectionResidual && mild.ReprojectionResidual < strong.ReprojectionResidual, $"{linear}, {mild}, {strong}");
        Assert.True(linear.IntegralSpread < mild.IntegralSpread && mild.IntegralSpread < strong.IntegralSpread, $"{linear}, {mild}, {strong}");
        Assert.True(linear.IntegralSpread < 0.01, $"{linear}"); // slices 1 mm apart through balls of 3 mm
        Assert.True(strong.IntegralSpread > 0.05, $"{strong}");
    }

    [Fact]
    public void Of_LinearScore_ExplainedWithEnoughDirectionsAndNotWithFew()
    {
        var few = Of(_balls, 2, directions: 25);
        var enough = Of(_balls, 2, directions: 400);

        Assert.True(enough.ReprojectionResidual < 0.15, $"{enough}"); // what voxels of 1 mm and the bound leave of balls of 3 mm
        Assert.True(few.ReprojectionResidual > 2 * enough.ReprojectionResidual, $"{few}, {enough}");
        Assert.True(Of(_balls, 2, saturation: 8).ReprojectionResidual > 2 * enough.ReprojectionResidual);
    }

    [Fact]
    public void Of_OtherUnitAndBlankLogit_SameNumbers()
    {
        var plan = Plan(_geometry, 100);
        var sinogram = _balls.Sinogram(plan);
        var plain = Check(_geometry, plan, sinogram, 0, 2);
        var scaled = Check(_geometry, plan, [.. sinogram.Select(value => -3 + (0.01f * value))], -3, 2);

        Assert.Equal(plain.ReprojectionResidual, scaled.ReprojectionResidual, 1e-3); // logits are float32 on top of −3
        Assert.Equal(plain.IntegralSpread, scaled.IntegralSpread, 1e-3);
    }

    [Fact]
    public void Of_ThickSlabs_ExplainedAsOnACube()
    {
        // Voxels four times as thick as wide, slices as near to each other as the voxels are wide.
        var geometry = new VolumeGeometry(new(48, 48, 12), AffineTransform.Scaling(1, 1, 4));

        var enough = Of(Balls(geometry), 2, directions: 400);

        Assert.True(enough.ReprojectionResidual < 0.3, $"{enough}"); // a ball of 3 mm lies within two slabs
        Assert.True(enough.IntegralSpread < 0.01, $"{enough}");
    }

    [Fact]
    public void Of_NothingScores_Zero()
    {
        var plan = Plan(_geometry, 50);
        Assert.Equal(new SinogramConsistency(0, 0), Check(_geometry, plan, Enumerable.Repeat(-2f, 50 * plan.OffsetCount).ToArray(), -2, 2));
    }

    [Fact]
    public void Of_HeatmapThatIsNowherePositive_ExplainsNothing()
    {
        var plan = Plan(_geometry, 50);
        var consistency = SinogramConsistency.Of(_balls.Sinogram(plan), 0, plan, new BrightReprojection(_geometry, plan, 2, 0));

        Assert.Equal(1, consistency.ReprojectionResidual);
    }

    [Fact]
    public void Of_HeatmapSlabBySlab_SameNumbers()
    {
        var plan = Plan(_geometry, 50);
        var sinogram = _balls.Sinogram(plan);
        var heatmap = Reconstruct(_geometry, plan, sinogram, 0, 2);
        var reprojection = new BrightReprojection(_geometry, plan, 2, heatmap.Max());
        var plane = _geometry.Shape.I * _geometry.Shape.J;
        foreach (var (first, count) in new[] { (40, 8), (0, 1), (1, 39) })
        {
            reprojection.Add(heatmap.AsSpan(first * plane, count * plane), first);
        }

        var parts = SinogramConsistency.Of(sinogram, 0, plan, reprojection);

        Assert.Equal(Check(_geometry, plan, sinogram, 0, 2).ReprojectionResidual, parts.ReprojectionResidual, 1e-6); // the order of sums
    }

    [Fact]
    public void Of_WrongLength_Throws()
    {
        var plan = Plan(_geometry, 20);
        var reprojection = new BrightReprojection(_geometry, plan, 2, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => SinogramConsistency.Of(new float[19 * plan.OffsetCount], 0, plan, reprojection));
        Assert.Throws<ArgumentOutOfRangeException>(() => reprojection.Add(new float[100], 0));
    }

    private static SinogramConsistency Of(BallScores balls, double alpha, int directions = 400, double saturation = double.PositiveInfinity)
    {
        var plan = Plan(balls.Geometry, directions);
        return Check(balls.Geometry, plan, balls.Sinogram(plan, -1, saturation), -1, alpha);
    }

    private static SinogramConsistency Check(VolumeGeometry geometry, SamplingPlan plan, float[] sinogram, float blank, double alpha)
    {
        var heatmap = Reconstruct(geometry, plan, sinogram, blank, alpha);
        var reprojection = new BrightReprojection(geometry, plan, alpha, heatmap.Max());
        reprojection.Add(heatmap, 0);
        return SinogramConsistency.Of(sinogram, blank, plan, reprojection);
    }

    private static float[] Reconstruct(VolumeGeometry geometry, SamplingPlan plan, float[] sinogram, float blank, double alpha) =>
        Backprojector.Reconstruct(sinogram, blank, geometry, plan, ProfileFilter.Create(alpha, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount));

    private static SamplingPlan Plan(VolumeGeometry geometry, int directions) =>
        SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, directions));

    private static BallScores Balls(VolumeGeometry geometry)
    {
        var c = geometry.CentreMm;
        return new(geometry,
        [
            (c + new Vector3D(12, 3, -9), 4.5), (c + new Vector3D(-13, 11, 5), 4), (c + new Vector3D(2, -15, 12), 3.5),
            (c + new Vector3D(-5, 1, -14), 3), (c + new Vector3D(15, 14, 13), 4), (c + new Vector3D(-14, -12, -3), 3.5),
        ]);
    }
}
