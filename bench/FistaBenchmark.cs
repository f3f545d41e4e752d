using System.Diagnostics;
using System.Text.Json;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Iterative;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Bench;

/// <summary>Iterative reconstruction against the filter: where it wins, where it loses, and what it takes.</summary>
/// <remarks>Relative L2 is over the inscribed ball. Dice is at each heatmap's own best bound, and at one share of the peak, the best for
/// the method over all volumes of a group.</remarks>
internal static class FistaBenchmark
{
    private const int Seeds = 2;
    private static readonly int[] _few = [25, 64, 144, 400];
    private static readonly int[] _patients = [48, 400];
    private static readonly int[] _timed = [64, 400];

    /// <param name="arguments">Names of the parts to measure, among gaussians, balls, pet and speed; all where none is named.</param>
    public static object Measure(string[] arguments)
    {
        var wanted = arguments.Length == 0 ? ["gaussians", "balls", "pet", "speed"] : arguments;
        var parts = new Dictionary<string, object>();
        foreach (var part in wanted)
        {
            parts[part] = part switch
            {
                "gaussians" => _few.Select(Gaussians).ToArray(),
                "balls" => Balls().ToArray(),
                "pet" => _patients.Select(directions => Group($"sample PET, demo model, {directions} directions", [.. AdaptiveBenchmark.PetCases(directions)])).ToArray(),
                "speed" => _timed.Select(Speed).ToArray(),
                _ => throw new ArgumentException($"'{part}' is no part of this benchmark: choose among gaussians, balls, pet and speed."),
            };
            Console.Error.WriteLine(JsonSerializer.Serialize(parts[part]));
        }

        return parts;
    }

    /// <summary>12 Gaussians of σ = 1.3 to 2.5 voxels in 48³, plane integrals exact, no noise: METHOD §7.8.</summary>
    private static object Gaussians(int directions)
    {
        const int edge = 48;
        var geometry = new VolumeGeometry(new(edge, edge, edge), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, directions));
        var random = new Random(4);
        Vector3D Place()
        {
            Vector3D x;
            do
            {
                x = new Vector3D((2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1);
            }
            while (x.Length > 1);

            return geometry.CentreMm + (17 * x);
        }

        var lesions = Enumerable.Range(0, 12).Select(_ => (Centre: Place(), Sigma: 1.3 + (1.2 * random.NextDouble()))).ToList();
        double Bell(double distance, double sigma) => Math.Exp(-distance * distance / (2 * sigma * sigma));
        var (truth, sinogram) = (new float[geometry.Shape.VoxelCount], new float[directions * plan.OffsetCount]);
        for (var at = 0; at < truth.Length; at++)
        {
            var (i, j, k) = (at % edge, at / edge % edge, at / (edge * edge));
            truth[at] = (float)lesions.Sum(lesion => Bell((geometry.Affine.ToWorld(i, j, k) - lesion.Centre).Length, lesion.Sigma));
        }

        for (var at = 0; at < sinogram.Length; at++)
        {
            var (n, s) = (plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            sinogram[at] = (float)lesions.Sum(lesion => 2 * Math.PI * lesion.Sigma * lesion.Sigma * Bell(s - n.Dot(lesion.Centre - plan.CentreMm), lesion.Sigma));
        }

        double Error(float[] heatmap)
        {
            var (error, norm) = (0.0, 0.0);
            for (var at = 0; at < truth.Length; at++)
            {
                var x = geometry.Affine.ToWorld(at % edge, at / edge % edge, at / (edge * edge)) - geometry.CentreMm;
                error += x.Length <= edge / 2.0 ? Math.Pow(heatmap[at] - (double)truth[at], 2) : 0;
                norm += x.Length <= edge / 2.0 ? (double)truth[at] * truth[at] : 0;
            }

            return Round(Math.Sqrt(error / norm));
        }

        float[] Filtered(FilterWindow window) =>
            Backprojector.Reconstruct(sinogram, 0, geometry, plan, ProfileFilter.Create(2, window, plan.SpacingMm, plan.OffsetCount));
        var solved = new NonNegativeSolver(geometry, plan, new IterativeOptions()).Solve(sinogram, 0);
        var further = new NonNegativeSolver(geometry, plan, new IterativeOptions { Tolerance = 1e-3 }).Solve(sinogram, 0);
        return new
        {
            directions,
            no_window = Error(Filtered(FilterWindow.None)),
            three_point = Error(Filtered(FilterWindow.ThreePoint)),
            hann = Error(Filtered(FilterWindow.Hann)),
            fista = Error(solved.Heatmap),
            solved.Iterations,
            fista_to_1e3 = Error(further.Heatmap),
            iterations_to_1e3 = further.Iterations,
            lambda = Round(solved.LargestEigenvalue),
            residual = Round(solved.Residual),
        };
    }

    private static IEnumerable<object> Balls()
    {
        foreach (var saturation in new[] { double.PositiveInfinity, 20 })
        {
            foreach (var count in new[] { 3, 20 })
            {
                foreach (var directions in new[] { 64, 144, 400 })
                {
                    var name = $"{count} balls in 64^3, {(double.IsInfinity(saturation) ? "linear" : "saturated")}, 1 % noise, {directions} directions";
                    yield return Group(name, [.. Enumerable.Range(0, Seeds).Select(seed => SyntheticLesions.Scatter(64, count, seed).Score(directions, saturation, alpha: 2))]);
                }
            }
        }
    }

    /// <summary>Dice of the filters and of the solver over volumes of a kind.</summary>
    private static Dictionary<string, object> Group(string name, IReadOnlyList<AdaptiveCase> cases)
    {
        var solved = cases.Select(one => new NonNegativeSolver(one.Geometry, one.Plan, new IterativeOptions()).Solve(one.Logits, one.BlankLogit)).ToList();
        float[] Filtered(AdaptiveCase one, double alpha) => (one with { Alpha = alpha, Window = FilterWindow.Hann }).Heatmap(one.Logits);
        object Score(Func<AdaptiveCase, int, float[]> heatmap)
        {
            var heatmaps = cases.Select(heatmap).ToList();
            double Above(double share) => cases.Select((one, at) => Dice.Above(heatmaps[at], share * heatmaps[at].Max(), one.Reference)).Average();
            return new
            {
                own_best = Round(cases.Select((one, at) => new RankedVoxels(heatmaps[at], one.Reference).BestDice().Dice).Average()),
                one_share = Round(Enumerable.Range(1, 38).Max(step => Above(step / 40.0))),
            };
        }

        var group = new Dictionary<string, object>
        {
            ["name"] = name,
            ["alpha_2"] = Score((one, _) => Filtered(one, 2)),
            ["alpha_1"] = Score((one, _) => Filtered(one, 1)),
            ["alpha_half"] = Score((one, _) => Filtered(one, 0.5)),
            ["fista"] = Score((_, at) => solved[at].Heatmap),
            ["iterations"] = solved.Select(one => one.Iterations).ToArray(),
            ["lambda"] = solved.Select(one => Round(one.LargestEigenvalue)).ToArray(),
            ["residual"] = solved.Select(one => Round(one.Residual)).ToArray(),
        };
        Console.Error.WriteLine(JsonSerializer.Serialize(group));
        return group;
    }

    /// <summary>Both ways of the projector over 128³ on all cores, and the solver's iterations on 20 balls.</summary>
    private static object Speed(int directions)
    {
        var one = SyntheticLesions.Scatter(128, 20, seed: 1).Score(directions, double.PositiveInfinity, alpha: 2);
        var (random, projector) = (new Random(1), new PlaneProjector(one.Geometry, one.Plan));
        var (dense, profiles) = (new float[one.Geometry.Shape.VoxelCount], new double[one.Logits.Length]);
        for (var at = 0; at < dense.Length; at++)
        {
            dense[at] = random.NextSingle();
        }

        var (project, backproject) = (double.MaxValue, double.MaxValue);
        for (var turn = 0; turn < 7; turn++)
        {
            project = Math.Min(project, Seconds(() => projector.Project(dense, profiles)));
            backproject = Math.Min(backproject, Seconds(() => projector.Backproject(profiles, dense)));
        }

        IterativeResult? solved = null;
        var begun = BenchRun.CpuTime();
        var seconds = Seconds(() => solved = new NonNegativeSolver(one.Geometry, one.Plan, new IterativeOptions()).Solve(one.Logits, one.BlankLogit));
        var updates = directions * (double)dense.Length / 1e9;
        return new
        {
            directions,
            project_g_updates_per_second = Round(updates / project),
            backproject_g_updates_per_second = Round(updates / backproject),
            solve_seconds = Round(seconds),
            solve_processor_seconds = Round((BenchRun.CpuTime() - begun).TotalSeconds),
            solved!.Iterations,
            cores = Environment.ProcessorCount,
        };
    }

    private static double Seconds(Action work)
    {
        var begun = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(begun).TotalSeconds;
    }

    private static double Round(double value) => Math.Round(value, 3);
}
