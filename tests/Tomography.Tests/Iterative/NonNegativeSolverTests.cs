using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Iterative;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Iterative;

public sealed class NonNegativeSolverTests(ITestOutputHelper output)
{
    private const int Edge = 48;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The figures of METHOD §7.8 (12 Gaussians of σ = 1.3 to 2.5 voxels, 48 samples across, relative L2 in the inscribed ball), on
    /// a phantom of our own with exact plane integrals. It solves for a ball in 150, 40 and 20 iterations; we for the whole cube, whose
    /// corners make λ 3.3 times as large (it is that of the diagonal's samples, (83/48)²), and so take √3.3 times as many.</summary>
    [Theory]
    [InlineData(25, 270, 1.30, 0.18)]
    [InlineData(64, 72, 0.66, 0.11)]
    [InlineData(144, 36, 0.25, 0.06)]
    public void Solve_LinearScoresFewDirections_FarBelowTheFilter(int directions, int iterations, double filtered, double solved)
    {
        var (plan, truth, sinogram) = Gaussians(directions);
        var direct = Phantom.RelativeErrorInBall(truth, Direct(sinogram, truth.Geometry, plan, 2, FilterWindow.ThreePoint));
        var result = new NonNegativeSolver(truth.Geometry, plan, new IterativeOptions { Window = FilterWindow.ThreePoint, MostIterations = iterations, Tolerance = 0 }).Solve(sinogram, 0, cancel: Cancel);
        var error = Phantom.RelativeErrorInBall(truth, result.Heatmap);
        output.WriteLine($"P {directions}: direct {direct:F3}, solved {error:F3}, λ {result.LargestEigenvalue:F2}, residual {result.Residual:F4}");
        Assert.InRange(direct, 0.85 * filtered, 1.15 * filtered); // another phantom
        Assert.InRange(error, 0.5 * solved, 1.2 * solved);
        Assert.All(result.Heatmap, value => Assert.True(value >= 0));
    }

    /// <summary>METHOD §7.8: where scores saturate, what fits them best is their shell.</summary>
    [Fact]
    public void Solve_SaturatedScores_WorseThanALowExponent()
    {
        var geometry = new VolumeGeometry(new(Edge, Edge, Edge), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 256));
        var balls = new (Vector3D Centre, double Radius)[] { (new(16, 18, 20), 5), (new(31, 27, 24), 4), (new(22, 33, 32), 3) };
        var inside = Phantom.Of(geometry, x => balls.Any(ball => (x - ball.Centre).Length <= ball.Radius) ? 1 : 0).Samples.AsFloats();
        float[] Scores(Func<double, double> score) => Sinogram(plan, (n, s) =>
            score(balls.Sum(ball => Math.PI * Math.Max(0, (ball.Radius * ball.Radius) - Math.Pow(s - n.Dot(ball.Centre - plan.CentreMm), 2)))));
        (double Low, double Solved) Dice(float[] scores) => (
            BestDice(Direct(scores, geometry, plan, 0.5, FilterWindow.None), inside),
            BestDice(new NonNegativeSolver(geometry, plan, new IterativeOptions()).Solve(scores, 0, cancel: Cancel).Heatmap, inside));
        var (linear, saturated) = (Dice(Scores(area => area)), Dice(Scores(area => 1 - Math.Exp(-area / 8))));
        output.WriteLine($"Dice of α = ½ and solved: linear {linear}, saturated {saturated}");
        Assert.True(linear.Solved > linear.Low + 0.05, $"{linear}");
        Assert.True(saturated.Solved < saturated.Low - 0.1, $"{saturated}");
    }

    [Fact]
    public void Solve_TinyProblem_MatchesADenseMatrix()
    {
        // All in float64: the matrix of the projector from its columns, the filter's from its taps, projected gradient to the end.
        var geometry = new VolumeGeometry(new(4, 5, 3), AffineTransform.Scaling(1, 1.3, 1.6));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 12));
        var (columns, normal) = Normal(geometry, plan);
        var random = new Random(8);
        var sinogram = Enumerable.Range(0, 12 * plan.OffsetCount).Select(_ => random.NextSingle() - 0.3f).ToArray();

        var lambda = new double[columns.Length];
        Array.Fill(lambda, 1);
        lambda[0] = 2;
        var largest = 0.0;
        for (var step = 0; step < 5000; step++)
        {
            var grown = Times(normal, lambda);
            largest = Math.Sqrt(grown.Sum(value => value * value) / lambda.Sum(value => value * value));
            lambda = [.. grown.Select(value => value / largest)];
        }

        var solver = new NonNegativeSolver(geometry, plan, new IterativeOptions { Window = FilterWindow.ThreePoint, MostIterations = 3000, Tolerance = 0 });
        Assert.InRange(solver.LargestEigenvalue(Cancel), 0.97 * largest, 1.0001 * largest); // from below, 12 steps

        var (target, expected) = (Target(geometry, plan, columns, sinogram), new double[columns.Length]);
        for (var step = 0; step < 100_000; step++)
        {
            var gradient = Times(normal, expected);
            for (var at = 0; at < expected.Length; at++)
            {
                expected[at] = Math.Max(0, expected[at] - ((gradient[at] - target[at]) / largest));
            }
        }

        var solved = solver.Solve(sinogram, 0, cancel: Cancel).Heatmap;
        var scale = expected.Max();
        Assert.Contains(expected, value => value == 0);
        for (var at = 0; at < expected.Length; at++)
        {
            Assert.Equal(expected[at], solved[at], 2e-4 * scale); // float32 voxels, a condition of some hundreds
        }
    }

    [Fact]
    public void Solve_AnySinogram_ObjectiveFallsAndNothingIsBelowZero()
    {
        var geometry = new VolumeGeometry(new(12, 17, 9), AffineTransform.Scaling(1.2, 0.8, 2));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 20));
        var random = new Random(2);
        var sinogram = Enumerable.Range(0, 20 * plan.OffsetCount).Select(_ => 5 + random.NextSingle()).ToArray();
        foreach (var (alpha, window) in new[] { (2.0, FilterWindow.ThreePoint), (2, FilterWindow.None), (1, FilterWindow.Hann), (0.5, FilterWindow.Cosine) })
        {
            var (last, kept) = (1.0, 0);
            var options = new IterativeOptions { Alpha = alpha, Window = window, MostIterations = 150, Tolerance = 0 };
            var result = new NonNegativeSolver(geometry, plan, options).Solve(
                sinogram,
                5.5f,
                step =>
                {
                    kept += step.Restarted ? 0 : 1;
                    Assert.True(step.Residual <= last, $"{step} after {last}");
                    last = step.Residual;
                },
                Cancel);
            Assert.True(kept > 50 && last < 0.97 && result.Heatmap.Min() >= 0 && result is { Converged: false, Iterations: 150 }, $"{kept} kept, {last} left");
        }
    }

    [Fact]
    public void Solve_Twice_SameBits()
    {
        var (plan, truth, sinogram) = Gaussians(25);
        float[] Solve() => new NonNegativeSolver(truth.Geometry, plan, new IterativeOptions { MostIterations = 5 }).Solve(sinogram, 0, cancel: Cancel).Heatmap;
        Assert.Equal(Solve(), Solve());
    }

    [Fact]
    public void Solve_NothingButBlank_IsZeroAtOnce()
    {
        var (plan, truth, sinogram) = Gaussians(25);
        Array.Fill(sinogram, 3);
        var result = new NonNegativeSolver(truth.Geometry, plan, new IterativeOptions()).Solve(sinogram, 3, cancel: Cancel);
        Assert.True(result is { Converged: true, Iterations: 0, Residual: 0 });
        Assert.All(result.Heatmap, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Solve_Tolerance_EndsItBeforeTheMostIterations()
    {
        var (plan, truth, sinogram) = Gaussians(144);
        var changes = new List<double>();
        var result = new NonNegativeSolver(truth.Geometry, plan, new IterativeOptions { Tolerance = 0.01 }).Solve(sinogram, 0, step => changes.Add(step.Restarted ? 1 : step.Change), Cancel);
        Assert.True(result.Converged && result.Iterations == changes.Count && changes[^1] <= 0.01 && changes[..^1].All(change => change > 0.01));
    }

    [Fact]
    public void Solve_Cancelled_Ends()
    {
        var (plan, truth, sinogram) = Gaussians(25);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new NonNegativeSolver(truth.Geometry, plan, new IterativeOptions()).Solve(sinogram, 0, step => (step.Iteration == 2 ? cancel : null)?.Cancel(), cancel.Token));
    }

    private static float[] Direct(float[] sinogram, VolumeGeometry geometry, SamplingPlan plan, double alpha, FilterWindow window) =>
        Backprojector.Reconstruct(sinogram, 0, geometry, plan, ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount));

    /// <summary>Columns of A, and Bᵗ F A as rows.</summary>
    private static (double[][] Columns, double[][] Normal) Normal(VolumeGeometry geometry, SamplingPlan plan)
    {
        var projector = new PlaneProjector(geometry, plan);
        var columns = new double[geometry.Shape.VoxelCount][];
        for (var at = 0; at < columns.Length; at++)
        {
            var one = new float[columns.Length];
            one[at] = 1;
            columns[at] = new double[plan.Directions.Count * plan.OffsetCount];
            projector.Project(one, columns[at], Cancel);
        }

        var filtered = columns.Select(column => Filtered(column, plan)).ToArray();
        return (columns, [.. columns.Select(row => filtered.Select(column => Product(row, column, geometry, plan)).ToArray())]);
    }

    private static double[] Target(VolumeGeometry geometry, SamplingPlan plan, double[][] columns, float[] sinogram)
    {
        var filtered = Filtered(Array.ConvertAll(sinogram, value => (double)value), plan);
        return [.. columns.Select(column => Product(column, filtered, geometry, plan))];
    }

    /// <summary>The three-point filter.</summary>
    private static double[] Filtered(double[] profiles, SamplingPlan plan)
    {
        var (filtered, offsets) = (new double[profiles.Length], plan.OffsetCount);
        for (var at = 0; at < profiles.Length; at++)
        {
            var (below, above) = (at % offsets == 0 ? 0 : profiles[at - 1], at % offsets == offsets - 1 ? 0 : profiles[at + 1]);
            filtered[at] = ((2 * profiles[at]) - below - above) / (plan.SpacingMm * plan.SpacingMm);
        }

        return filtered;
    }

    private static double Product(double[] a, double[] b, VolumeGeometry geometry, SamplingPlan plan)
    {
        var sum = 0.0;
        for (var at = 0; at < a.Length; at++)
        {
            sum += plan.Directions.Weights[at / plan.OffsetCount] * a[at] * b[at];
        }

        return plan.SpacingMm / (2 * Math.PI * geometry.VoxelVolumeMm3) * sum;
    }

    private static double[] Times(double[][] rows, double[] vector) =>
        [.. rows.Select(row => row.Zip(vector, (a, b) => a * b).Sum())];

    private static double BestDice(float[] heatmap, float[] inside)
    {
        var order = Enumerable.Range(0, heatmap.Length).OrderByDescending(at => heatmap[at]).ToArray();
        var (total, both, best) = (inside.Count(value => value > 0), 0, 0.0);
        for (var taken = 0; taken < 4 * total; taken++)
        {
            both += inside[order[taken]] > 0 ? 1 : 0;
            best = Math.Max(best, 2.0 * both / (taken + 1 + total));
        }

        return best;
    }

    private static float[] Sinogram(SamplingPlan plan, Func<Vector3D, double, double> score)
    {
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            sinogram[at] = (float)score(plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
        }

        return sinogram;
    }

    private static (SamplingPlan Plan, Volume Truth, float[] Sinogram) Gaussians(int directions)
    {
        var geometry = new VolumeGeometry(new(Edge, Edge, Edge), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, directions));
        var random = new Random(4);
        var lesions = Enumerable.Range(0, 12).Select(_ => (Centre: InBall(random, 17) + geometry.CentreMm, Sigma: 1.3 + (1.2 * random.NextDouble()))).ToList();
        var truth = Phantom.Of(geometry, x => lesions.Sum(lesion => Phantom.Gaussian(x, lesion.Centre, lesion.Sigma)));
        return (plan, truth, Sinogram(plan, (n, s) => lesions.Sum(lesion =>
            2 * Math.PI * lesion.Sigma * lesion.Sigma * Math.Exp(-Math.Pow((s - n.Dot(lesion.Centre - plan.CentreMm)) / lesion.Sigma, 2) / 2))));
    }

    private static Vector3D InBall(Random random, double radius)
    {
        while (true)
        {
            var x = new Vector3D((2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1);
            if (x.Length <= 1)
            {
                return radius * x;
            }
        }
    }
}
