using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Anytime;

public class PassPlannerTests
{
    private const float Blank = -1.5f;

    private static readonly VolumeGeometry _geometry = new(new(56, 56, 56), AffineTransform.Scaling(1, 1, 1, new(5, -8, 30)));

    private static readonly SamplingPlan _plan = SamplingPlan.For(_geometry, DirectionSet.Create(DirectionSetKind.Rings, 400));

    private static readonly BallScores _one = Balls(new Vector3D(11, -9, 6));

    private static readonly BallScores _many = Balls([.. Enumerable.Range(0, 20).Select(n =>
        new Vector3D((19 * ((n * 0.618) % 1)) - 9.5, (38 * ((n * 0.382) % 1)) - 19, (38 * ((n * 0.271) % 1)) - 19))]);

    [Theory]
    [InlineData(double.PositiveInfinity, 2.0)]
    [InlineData(20.0, 0.5)]
    public void Adaptive_OneSmallLesion_TakesAQuarterOfThePlanesForTheSameMask(double saturation, double alpha)
    {
        var full = Walk(_one, alpha, new PassRule(0, Adaptive: false), saturation);
        var adaptive = Walk(_one, alpha, new PassRule(null, Adaptive: true), saturation);

        Assert.True(adaptive.Planes < 0.25 * full.Planes, $"{adaptive.Planes} of {full.Planes}");
        Assert.True(Dice(adaptive, full) > 0.99, $"Dice of the two masks {Dice(adaptive, full):F3}");
    }

    [Fact]
    public void Adaptive_ManyScatteredLesions_FallsBackToAllPlanesRatherThanLoseOne()
    {
        var full = Walk(_many, 2, new PassRule(0, Adaptive: false));
        var adaptive = Walk(_many, 2, new PassRule(null, Adaptive: true));

        Assert.True(adaptive.Planes > 0.5 * full.Planes);
        Assert.True(adaptive.Planes <= full.Planes);
        Assert.True(Dice(adaptive, full) > 0.97, $"Dice of the two masks {Dice(adaptive, full):F3}");
    }

    [Fact]
    public void Until_AnyTolerance_StopsAtTheFirstPassThatChangesLess()
    {
        var changes = Walk(_one, 0.5, new PassRule(0, Adaptive: false)).Changes;
        Assert.Equal(DirectionPasses.Ends(400).Count, changes.Count);
        Assert.True(double.IsNaN(changes[0]));
        Assert.True(changes[^1] < changes[1] / 2, "the change falls as directions are added");

        var stopped = Walk(_one, 0.5, new PassRule(0.5 * (changes[3] + changes[4]), Adaptive: false));

        Assert.Equal(changes.Take(5), stopped.Changes);
        Assert.Equal(128, stopped.Directions);
    }

    [Fact]
    public void Conclude_SameRows_SameDecisions()
    {
        var first = Walk(_many, 2, new PassRule(null, Adaptive: true));
        var second = Walk(_many, 2, new PassRule(null, Adaptive: true));

        Assert.Equal(first.Changes, second.Changes);
        Assert.Equal(first.Heatmap, second.Heatmap);
    }

    [Fact]
    public void Adaptive_LittleChanges_GuidedPassesGoOnToNinetySixDirections()
    {
        var guided = Walk(_one, 2, new PassRule(Until: 10, Adaptive: true));
        var whole = Walk(_one, 2, new PassRule(Until: 10, Adaptive: false));

        Assert.Equal((96, 48), (guided.Directions, whole.Directions));
        Assert.True(guided.Planes < whole.Planes, $"{guided.Planes} against {whole.Planes}"); // and still cost less
    }

    [Fact]
    public void Adaptive_NothingScores_MeasuresEverythingAndStopsWhenNothingChanges()
    {
        var walk = Walk(Balls(), 2, new PassRule(null, Adaptive: true));

        Assert.Equal(48, walk.Directions);
        Assert.Equal(0, walk.Changes[1]);
        Assert.All(walk.Heatmap, value => Assert.Equal(0, value));
    }

    [Fact]
    public void JudgingGrid_LargeVolume_IsThinnedAboutTheSameCentre()
    {
        var large = new VolumeGeometry(new(512, 511, 600), new(new(0, -0.7, 0), new(0.7, 0, 0.1), new(0, 0, 1), new(-100, 3, 9)));

        var (grid, step) = JudgingGrid.Of(large);

        Assert.Equal(3, step);
        Assert.InRange(grid.Shape.VoxelCount, 1, JudgingGrid.MaximumVoxels);
        Assert.True((grid.CentreMm - large.CentreMm).Length < 1e-9);
        Assert.Equal((_geometry, 1), JudgingGrid.Of(_geometry));
    }

    private static BallScores Balls(params Vector3D[] fromCentre) => new(_geometry, [.. fromCentre.Select(x => (_geometry.CentreMm + x, 3.0))]);

    /// <summary>Goes through the passes as a run does, measuring what the planner asks for.</summary>
    private static (long Planes, int Directions, List<double> Changes, float[] Heatmap) Walk(
        BallScores scores, double alpha, PassRule rule, double saturation = double.PositiveInfinity)
    {
        var truth = scores.Sinogram(_plan, Blank, saturation);
        var rows = new float[truth.Length];
        var planner = new PassPlanner(_geometry, _plan, alpha, new HeatmapThreshold(0.5, OfPeak: true), rule);
        var (planes, first, changes) = (0L, 0, new List<double>());
        float[]? guide = null;
        foreach (var end in DirectionPasses.Ends(_plan.Directions.Count))
        {
            for (var at = first * _plan.OffsetCount; at < end * _plan.OffsetCount; at++)
            {
                var guess = guide?[at - (first * _plan.OffsetCount)] ?? float.NaN;
                var misses = SliceCutter.Misses(_geometry, _plan.Directions.Normals[at / _plan.OffsetCount], _plan.OffsetMm(at % _plan.OffsetCount));
                planes += float.IsNaN(guess) && !misses ? 1 : 0;
                rows[at] = float.IsNaN(guess) ? truth[at] : guess;
            }

            first = end;
            var outcome = planner.Conclude(rows.AsSpan(0, end * _plan.OffsetCount), [Blank]);
            changes.Add(outcome.Change);
            guide = outcome.Guide;
            if (outcome.Stop)
            {
                break;
            }
        }

        var part = _plan.FirstDirections(first);
        var heatmap = Backprojector.Reconstruct(
            rows.AsSpan(0, first * _plan.OffsetCount), Blank, _geometry, part, ProfileFilter.Create(alpha, FilterWindow.Hann, 1, part.OffsetCount));
        return (planes, first, changes, heatmap);
    }

    private static double Dice((long, int, List<double>, float[] Heatmap) a, (long, int, List<double>, float[] Heatmap) b)
    {
        var (boundA, boundB) = (0.5 * a.Heatmap.Max(), 0.5 * b.Heatmap.Max());
        var both = a.Heatmap.Zip(b.Heatmap).Count(pair => pair.First >= boundA && pair.Second >= boundB);
        return 2.0 * both / (a.Heatmap.Count(v => v >= boundA) + b.Heatmap.Count(v => v >= boundB));
    }
}
