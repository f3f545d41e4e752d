using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Bench;

/// <summary>A volume with its reference, the logits of all its planes, and which of them cost a call of the encoder.</summary>
/// <param name="Lesions">By voxel the number of the lesion it belongs to, from 1; 0 outside.</param>
internal sealed record AdaptiveCase(
    VolumeGeometry Geometry, int[] Lesions, SamplingPlan Plan, double Alpha, FilterWindow Window, float[] Logits, float BlankLogit)
{
    public byte[] Reference { get; } = Array.ConvertAll(Lesions, lesion => lesion > 0 ? (byte)1 : (byte)0);

    /// <summary>Encodes every plane of a volume as a run does.</summary>
    public static AdaptiveCase Encode(Volume volume, byte[] reference, ISliceEncoder encoder, RunSettings settings)
    {
        var task = new VolumeTask
        {
            RunId = new RunId("bench"),
            VolumeId = new VolumeId("bench"),
            SourceUris = [""],
            SourceSha256 = "",
            Geometry = volume.Geometry,
            Settings = settings,
            LeaseDirections = Backprojector.BlockSize,
            SlabCount = 1,
        };
        var plan = task.Plan();
        var logits = new float[plan.Directions.Count * plan.OffsetCount];
        var blank = 0f;
        Parallel.ForEach(task.Leases(), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, lease =>
        {
            var rows = new LeaseEncoder(new SliceOptions().BatchPixels).Encode(task, [volume], lease, null, encoder, TimeSpan.Zero, CancellationToken.None).Rows;
            rows.Logits.CopyTo(logits, lease.First * plan.OffsetCount);
            blank = rows.BlankLogits[0]; // the same of each
        });
        return new(volume.Geometry, ConnectedLesions.Label(reference, volume.Geometry.Shape), plan, settings.Alpha, settings.Window, logits, blank);
    }

    /// <summary>The heatmap of the first directions.</summary>
    public float[] Heatmap(ReadOnlySpan<float> rows)
    {
        var part = Plan.FirstDirections(rows.Length / Plan.OffsetCount);
        return Backprojector.Reconstruct(rows, BlankLogit, Geometry, part, ProfileFilter.Create(Alpha, Window, Plan.SpacingMm, Plan.OffsetCount));
    }

    /// <summary>Goes through the passes of an adaptive run, taking the logits that its planner asks for.</summary>
    /// <returns>Rows of the directions used, and the calls of the encoder that they cost.</returns>
    public (float[] Rows, long Calls) Walk(HeatmapThreshold threshold)
    {
        var planner = new PassPlanner(Geometry, Plan, Alpha, threshold, new PassRule(Adaptive: true));
        var (rows, calls, first) = (new float[Logits.Length], 0L, 0);
        float[]? guide = null;
        foreach (var end in DirectionPasses.Ends(Plan.Directions.Count))
        {
            for (var at = first * Plan.OffsetCount; at < end * Plan.OffsetCount; at++)
            {
                var guess = guide is null ? float.NaN : guide[at - (first * Plan.OffsetCount)];
                rows[at] = float.IsNaN(guess) ? Logits[at] : guess;
                calls += float.IsNaN(guess) && Logits[at] != BlankLogit ? 1 : 0;
            }

            var outcome = planner.Conclude(rows.AsSpan(0, end * Plan.OffsetCount), [BlankLogit]);
            (guide, first) = (outcome.Guide, end);
            if (outcome.Stop)
            {
                break;
            }
        }

        return (rows[..(first * Plan.OffsetCount)], calls);
    }
}

/// <summary>Volumes of one kind, and what adaptive runs over them make of them.</summary>
/// <param name="threshold">Where heatmaps become masks; null for the share of the peak that is best for the full runs.</param>
internal sealed class AdaptiveGroup(string name, HeatmapThreshold? threshold)
{
    private readonly List<AdaptiveCase> _cases = [];
    private readonly List<float[]> _full = [];

    public void Add(params IReadOnlyList<AdaptiveCase> cases)
    {
        _cases.AddRange(cases);
        _full.AddRange(cases.AsParallel().AsOrdered().Select(one => one.Heatmap(one.Logits)));
    }

    public object Summarise()
    {
        var bound = threshold ?? new HeatmapThreshold(
            Enumerable.Range(2, 37).Select(step => step / 40.0).MaxBy(share => Mean(_full, (heatmap, one) => Dice.Above(heatmap, share * heatmap.Max(), one.Reference))),
            OfPeak: true);
        var walks = _cases.AsParallel().AsOrdered().Select(one => one.Walk(bound)).ToList();
        var adaptive = Enumerable.Range(0, _cases.Count).AsParallel().AsOrdered().Select(at => _cases[at].Heatmap(walks[at].Rows)).ToList();
        double Fixed(float[] heatmap, AdaptiveCase one) => Dice.Above(heatmap, bound.For(heatmap.Max()), one.Reference);
        double Best(float[] heatmap, AdaptiveCase one) => new RankedVoxels(heatmap, one.Reference).BestDice().Dice;
        var before = _full.Select((heatmap, at) => Heights(heatmap, _cases[at], bound)).ToList();
        var after = adaptive.Select((heatmap, at) => Heights(heatmap, _cases[at], bound)).ToList();
        var pairs = before.Zip(after).SelectMany(volume => volume.First.Zip(volume.Second)).ToList();
        return new
        {
            name,
            volumes = _cases.Count,
            calls_of_full = Round(_cases.Zip(walks, (one, walk) => walk.Calls / (double)one.Logits.LongCount(logit => logit != one.BlankLogit)).Average()),
            directions = walks.Select((walk, at) => walk.Rows.Length / _cases[at].Plan.OffsetCount).ToArray(),
            share_of_peak = bound.Value,
            dice = new { full = Round(Mean(_full, Fixed)), adaptive = Round(Mean(adaptive, Fixed)) },
            best_dice = new { full = Round(Mean(_full, Best)), adaptive = Round(Mean(adaptive, Best)) },
            lesions = pairs.Count,
            found = pairs.Count(lesion => lesion.First >= 1),
            lost = pairs.Where(lesion => lesion.First >= 1 && lesion.Second < 1).Select(lesion => new { full = Round(lesion.First), adaptive = Round(lesion.Second) }).ToArray(),
            gained = pairs.Count(lesion => lesion.First < 1 && lesion.Second >= 1),
        };
    }

    private double Mean(List<float[]> heatmaps, Func<float[], AdaptiveCase, double> score) => heatmaps.Zip(_cases, score).Average();

    /// <summary>The greatest value in each lesion as a multiple of the bound: found from 1 on.</summary>
    private static double[] Heights(float[] heatmap, AdaptiveCase one, HeatmapThreshold bound)
    {
        var (heights, unit) = (new double[one.Lesions.Max()], bound.For(heatmap.Max()));
        for (var at = 0; at < heatmap.Length; at++)
        {
            if (one.Lesions[at] is > 0 and var lesion)
            {
                heights[lesion - 1] = Math.Max(heights[lesion - 1], heatmap[at] / unit);
            }
        }

        return heights;
    }

    private static double Round(double value) => Math.Round(value, 4);
}

/// <summary>Takes a reference apart into lesions: voxels that share a face belong together.</summary>
internal static class ConnectedLesions
{
    /// <returns>By voxel the lesion's number from 1, or 0.</returns>
    public static int[] Label(ReadOnlySpan<byte> mask, VolumeShape shape)
    {
        var labels = new int[mask.Length];
        var (count, open) = (0, new Stack<int>());
        for (var start = 0; start < mask.Length; start++)
        {
            if (mask[start] == 0 || labels[start] != 0)
            {
                continue;
            }

            labels[start] = ++count;
            open.Push(start);
            while (open.TryPop(out var at))
            {
                var (i, j, k) = (at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
                ReadOnlySpan<int> neighbours =
                [
                    i > 0 ? at - 1 : at, i < shape.I - 1 ? at + 1 : at,
                    j > 0 ? at - shape.I : at, j < shape.J - 1 ? at + shape.I : at,
                    k > 0 ? at - (shape.I * shape.J) : at, k < shape.K - 1 ? at + (shape.I * shape.J) : at,
                ];
                foreach (var next in neighbours)
                {
                    if (mask[next] != 0 && labels[next] == 0)
                    {
                        labels[next] = count;
                        open.Push(next);
                    }
                }
            }
        }

        return labels;
    }
}

/// <summary>Balls of radius 2 to 5 voxels that do not touch, and what an encoder of lesion area would say of them.</summary>
internal sealed record SyntheticLesions(VolumeGeometry Geometry, IReadOnlyList<(Vector3D CentreMm, double RadiusMm)> Balls, int Seed)
{
    /// <summary>Deviation of the noise on every slice that meets the volume, as a share of the highest logit.</summary>
    private const double Noise = 0.01;

    public static SyntheticLesions Scatter(int edge, int count, int seed)
    {
        var geometry = new VolumeGeometry(new(edge, edge, edge), AffineTransform.Scaling(1, 1, 1));
        var (random, balls) = (new Random((1000 * seed) + (10 * count) + edge), new List<(Vector3D CentreMm, double RadiusMm)>());
        while (balls.Count < count)
        {
            var radius = 2 + (3 * random.NextDouble());
            double Place() => radius + 2 + (random.NextDouble() * (edge - 1 - (2 * (radius + 2))));
            var centre = new Vector3D(Place(), Place(), Place());
            if (balls.All(ball => (ball.CentreMm - centre).Length > ball.RadiusMm + radius + 2))
            {
                balls.Add((centre, radius));
            }
        }

        return new(geometry, balls, seed);
    }

    /// <param name="saturation">Area at which the score has come 1 − 1/e of its way to its limit, mm²; infinite for a linear score.</param>
    public AdaptiveCase Score(int directions, double saturation, double alpha)
    {
        var plan = SamplingPlan.For(Geometry, DirectionSet.Create(DirectionSetKind.Rings, directions));
        var (logits, random) = (new float[plan.Directions.Count * plan.OffsetCount], new Random(Seed));
        for (var at = 0; at < logits.Length; at++)
        {
            var (normal, offset) = (plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            var area = 0.0;
            foreach (var (centre, radius) in Balls)
            {
                var distance = offset - normal.Dot(centre - plan.CentreMm);
                area += Math.PI * Math.Max(0, (radius * radius) - (distance * distance));
            }

            logits[at] = (float)(double.IsInfinity(saturation) ? area : saturation * (1 - Math.Exp(-area / saturation)));
        }

        var deviation = Noise * logits.Max();
        for (var at = 0; at < logits.Length; at++)
        {
            // Only planes that miss the volume are known without the encoder, which answers others with noise.
            var misses = Tomography.Slicing.SliceCutter.Misses(Geometry, plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            logits[at] = misses ? 0 : logits[at] + (float)(deviation * Gaussian(random));
        }

        var lesions = new int[Geometry.Shape.VoxelCount];
        for (var at = 0; at < lesions.Length; at++)
        {
            var index = VoxelIndex.At(at, Geometry.Shape);
            for (var ball = 0; ball < Balls.Count; ball++)
            {
                lesions[at] = (Geometry.Affine.ToWorld(index.I, index.J, index.K) - Balls[ball].CentreMm).Length <= Balls[ball].RadiusMm ? ball + 1 : lesions[at];
            }
        }

        return new(Geometry, lesions, plan, alpha, FilterWindow.Hann, logits, 0);
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
