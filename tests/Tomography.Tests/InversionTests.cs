using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests;

/// <summary>The oracle: with the plane integral as encoder and α = 2, the heatmap is the volume.</summary>
public class InversionTests
{
    private static readonly double[] AnisotropicSpacings = [0.8, 1, 1.25];

    public static TheoryData<string> Grids => ["isotropic", "anisotropic", "oblique"];

    private static VolumeGeometry Grid(string kind)
    {
        var (a, b, c) = kind == "isotropic" ? (1.0, 1.0, 1.0) : (AnisotropicSpacings[0], AnisotropicSpacings[1], AnisotropicSpacings[2]);
        var frame = kind == "oblique"
            ? SliceFrame.For(new Vector3D(0.3, -0.5, 0.8).Normalized())
            : new SliceFrame(new(1, 0, 0), new(0, 1, 0), new(0, 0, 1));
        var affine = new AffineTransform(a * frame.U, b * frame.V, c * frame.N, new(-17, 40, 120));
        return new VolumeGeometry(new VolumeShape(64, 64, 64), affine);
    }

    private static Volume SmoothPhantom(VolumeGeometry geometry)
    {
        var c = geometry.CentreMm;
        return Phantom.Of(geometry, x =>
            Phantom.Gaussian(x, c + new Vector3D(6, -5, 4), 4)
            + (0.7 * Phantom.Gaussian(x, c + new Vector3D(-8, 3, -6), 3.5))
            + (1.3 * Phantom.Gaussian(x, c + new Vector3D(1, 9, 5), 5)));
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void Reconstruct_SumOfPixelsOfSmoothPhantom_GivesThePhantomInsideTheBall(string grid)
    {
        var volume = SmoothPhantom(Grid(grid));
        const double spacingMm = 2; // about half the finest σ, 3.5 mm: METHOD §7.2 asks for h ≤ 1.2 σ
        var directions = Phantom.NyquistDirections(Phantom.InscribedRadiusMm(volume.Geometry), spacingMm);
        var plan = SamplingPlan.For(volume.Geometry, DirectionSet.Create(DirectionSetKind.Rings, directions), spacingMm, pixelMm: 2);

        var error = Phantom.RelativeErrorInBall(volume, Phantom.Invert(volume, plan));

        TestContext.Current.TestOutputHelper?.WriteLine($"{grid}: relative L2 error {error:F4} with {directions} directions");
        Assert.True(error < 0.02, $"{grid}: relative L2 error {error:F4} with {directions} directions");
    }

    [Theory]
    [InlineData(DirectionSetKind.Fibonacci)]
    [InlineData(DirectionSetKind.Grid)]
    public void Reconstruct_OtherSets_ConvergeToo(DirectionSetKind kind)
    {
        var volume = SmoothPhantom(Grid("isotropic"));
        var plan = SamplingPlan.For(volume.Geometry, DirectionSet.Create(kind, 1024), spacingMm: 2, pixelMm: 2);

        var error = Phantom.RelativeErrorInBall(volume, Phantom.Invert(volume, plan));

        Assert.True(error < 0.03, $"{kind}: {error:F4}");
    }

    [Fact]
    public void Reconstruct_RandomDirections_AreClearlyWorseThanRings()
    {
        var volume = SmoothPhantom(Grid("isotropic"));
        var random = new Random(1);
        var normals = Enumerable.Range(0, 324).Select(_ => Gaussian3D(random)).ToArray();
        double Error(DirectionSet set) =>
            Phantom.RelativeErrorInBall(volume, Phantom.Invert(volume, SamplingPlan.For(volume.Geometry, set, 2, 2)));

        var rings = Error(DirectionSet.Create(DirectionSetKind.Rings, 324));
        var drawn = Error(DirectionSet.FromNormals(normals));

        Assert.True(drawn > 4 * rings, $"random {drawn:F3}, rings {rings:F3}");
    }

    [Fact]
    public void Reconstruct_NegatedNormals_GiveTheSameBytes()
    {
        var volume = SmoothPhantom(Grid("oblique"));
        var set = DirectionSet.Create(DirectionSetKind.Rings, 40);
        var negated = DirectionSet.FromNormals(set.Normals.ToArray().Select(n => -n).ToArray(), set.Weights);
        var mirrored = SamplingPlan.For(volume.Geometry, negated, 3, 3);
        var plan = SamplingPlan.For(volume.Geometry, DirectionSet.FromNormals(set.Normals, set.Weights), 3, 3);

        Assert.Equal(Phantom.Invert(volume, plan), Phantom.Invert(volume, mirrored));
    }

    [Theory]
    [InlineData(0, FilterWindow.None)]
    [InlineData(0.5, FilterWindow.None)]
    [InlineData(2, FilterWindow.None)]
    [InlineData(2, FilterWindow.Hann)]
    public void Reconstruct_ConstantScore_StaysBelowAThousandthOfALesionsPeak(double alpha, FilterWindow window)
    {
        // A lesion of 5 in a volume whose slices all score 5 more: the constant is what the blank slice scores too.
        var geometry = Grid("isotropic");
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 200), 2, 2);
        var filter = ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount);
        var lesion = Phantom.Of(geometry, x => Phantom.Gaussian(x, geometry.CentreMm, 4));
        var peak = Phantom.Invert(lesion, plan, window, alpha).Max();

        var constant = Enumerable.Repeat(5f, plan.Directions.Count * plan.OffsetCount).ToArray();
        var heatmap = Backprojector.Reconstruct(constant, 5f, geometry, plan, filter);

        Assert.True(peak > 0 && heatmap.Max(Math.Abs) < 1e-3 * peak);
    }

    [Theory]
    [InlineData(FilterWindow.ThreePoint)]
    [InlineData(FilterWindow.None)]
    [InlineData(FilterWindow.Cosine)]
    [InlineData(FilterWindow.Hann)]
    public void Reconstruct_ConstantOnEverySliceThatMeetsTheVolume_StaysOutsideTheFaces(FilterWindow window)
    {
        // METHOD §7.5: where only the slices that miss the volume score blank, the constant is a step at the volume's own
        // support. Its planes touch the box from outside, so that the inside sees no more than the filter's reach.
        var geometry = Grid("isotropic");
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 800), 2, 2);
        var filter = ProfileFilter.Create(2, window, plan.SpacingMm, plan.OffsetCount);
        var lesion = Phantom.Of(geometry, x => Phantom.Gaussian(x, geometry.CentreMm, 4));
        var peak = Phantom.Invert(lesion, plan, window).Max();
        var score = Phantom.PlaneIntegral(lesion.Samples.AsFloats().AsSpan(32 * 64 * 64, 64 * 64), 1); // as much as the lesion's own greatest
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            var (n, s) = (plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            sinogram[at] = SliceCutter.Misses(geometry, n, s) ? 0 : (float)score;
        }

        var heatmap = Backprojector.Reconstruct(sinogram, 0, geometry, plan, filter);

        double Worst(int depth) => Enumerable.Range(0, heatmap.Length).Max(at => Depth(at) >= depth ? Math.Abs(heatmap[at]) : 0) / peak;
        // Three taps end after 2h. The others fade with the distance, the smoother the window ends the faster: at h = 2 mm, 8 and
        // 16 mm inside, 5 and 2 % are left without one, .4 and .15 % with the cosine, .06 and .01 % with Hann's.
        var (near, far) = window switch
        {
            FilterWindow.ThreePoint => (1e-6, 1e-6),
            FilterWindow.Hann => (1e-3, 2e-4),
            FilterWindow.Cosine => (0.01, 0.003),
            _ => (0.1, 0.03),
        };
        Assert.True(Worst(8) < near && Worst(16) < far, $"{Worst(8)} {Worst(16)}");
    }

    [Fact]
    public void Reconstruct_BallWithItsAreaAsScore_IsFilledEvenly()
    {
        // A ball of radius r cut at offset s has area π(r² − s²): inverted it is 1 inside.
        var geometry = Grid("isotropic");
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 1600), 1, 1);
        const double radius = 14;
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            var s = plan.OffsetMm(at % plan.OffsetCount);
            sinogram[at] = (float)(Math.PI * Math.Max(0, (radius * radius) - (s * s)));
        }

        var heatmap = Backprojector.Reconstruct(
            sinogram, 0, geometry, plan, ProfileFilter.Create(2, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount));

        var inside = Phantom.InscribedBall(geometry).Where(at => Distance(geometry, at) < radius - 3).Select(at => (double)heatmap[at]).ToList();
        Assert.InRange(inside.Average(), 0.98, 1.02);
        Assert.InRange(inside.Min(), 0.95, 1.05);
        Assert.InRange(inside.Max(), 0.95, 1.05);
    }

    [Fact]
    public void Reconstruct_YesOrNoScore_IsHollowAtAlphaTwoAndFilledAtOneHalf()
    {
        // METHOD §7.6: why α is a knob.
        var geometry = Grid("isotropic");
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 1024), 1, 1);
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            sinogram[at] = Math.Abs(plan.OffsetMm(at % plan.OffsetCount)) < 10 ? 1 : 0;
        }

        double CentreOverRim(double alpha)
        {
            var heatmap = Backprojector.Reconstruct(
                sinogram, 0, geometry, plan, ProfileFilter.Create(alpha, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount));
            double Mean(double from, double to) => Phantom.InscribedBall(geometry)
                .Where(at => Distance(geometry, at) >= from && Distance(geometry, at) < to).Average(at => heatmap[at]);
            return Mean(0, 3) / Mean(8, 10);
        }

        Assert.True(CentreOverRim(2) < 0.3 && CentreOverRim(0.5) > 0.8, $"α=2 {CentreOverRim(2):F2}, α=½ {CentreOverRim(0.5):F2}");
    }

    /// <summary>Voxels between a voxel and the nearest face of the box.</summary>
    private static int Depth(int at)
    {
        int OnAxis(int index) => Math.Min(index, 63 - index);
        return Math.Min(OnAxis(at % 64), Math.Min(OnAxis(at / 64 % 64), OnAxis(at / 4096)));
    }

    private static double Distance(VolumeGeometry geometry, int at) =>
        (geometry.Affine.ToWorld(at % 64, at / 64 % 64, at / 4096) - geometry.CentreMm).Length;

    private static Vector3D Gaussian3D(Random random)
    {
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return new Vector3D(Normal(), Normal(), Normal());
    }
}
