using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Lifting;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Demo;

/// <summary>What was chosen on training patients, and the mean Dice that it had there.</summary>
/// <param name="Alpha">Exponent of the filter.</param>
/// <param name="ThresholdOfPeak">Fraction of a heatmap's own peak from which on it is the mask.</param>
/// <param name="BlobRadiusMm">Radius of the ball at the centre.</param>
/// <param name="Suv">Intensity that alone does best.</param>
internal sealed record Calibration(
    double Alpha, double ThresholdOfPeak, double MeanDice, double BlobRadiusMm, double BlobMeanDice, double Suv, double SuvMeanDice)
{
    /// <summary>Heatmaps whose mean Dice differs by less than this are taken for equally good: few patients cannot tell them apart.</summary>
    private const double Tolerance = 0.01;

    private static readonly double[] Alphas = [0, 0.5, 1, 1.5, 2];
    private static readonly double[] Fractions = [.. Enumerable.Range(0, 37).Select(step => (step + 2) / 40.0)];
    private static readonly double[] RadiiMm = [.. Enumerable.Range(0, 25).Select(step => 10 + (2.5 * step))];
    private static readonly double[] Suvs = [.. Enumerable.Range(0, 29).Select(step => 1 + (0.25 * step))];

    /// <summary>Makes heatmaps of training patients and chooses for the highest mean Dice.</summary>
    /// <remarks>Of exponents that do equally well the highest is chosen: its heatmap is the sharpest.</remarks>
    /// <param name="settings">Of the run to come; its α and threshold are not used.</param>
    /// <param name="progress">Told the number of cases done.</param>
    public static Calibration Choose(
        IReadOnlyList<OffCentreCase> cases, ISliceEncoder encoder, RunSettings settings, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var dice = new double[cases.Count][];
        var done = 0;
        Parallel.For(0, cases.Count, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount }, index =>
        {
            dice[index] = DiceByAlphaAndFraction(cases[index], encoder, settings, cancel);
            progress?.Invoke(Interlocked.Increment(ref done));
        });
        var byAlpha = Alphas.Select((_, alpha) => BestMean([.. dice.Select(row =>
            row.AsSpan(alpha * Fractions.Length, Fractions.Length).ToArray())])).ToList();
        var chosen = HighestAmongEquals([.. byAlpha.Select(choice => choice.Mean)], Tolerance);
        var (radius, blobMean) = BestMean([.. cases.Select(one =>
        {
            var blob = CentreBlob.Of(one.Image.Geometry);
            return RadiiMm.Select(mm => Dice.Above(blob, CentreBlob.BoundOf(one.Image.Geometry, mm), one.Reference)).ToArray();
        })]);
        var (suv, suvMean) = BestMean([.. cases.Select(one =>
            Suvs.Select(bound => Dice.Above(one.Image.Samples.AsFloats(), bound, one.Reference)).ToArray())]);
        return new(
            Alphas[chosen],
            Fractions[byAlpha[chosen].Choice],
            byAlpha[chosen].Mean,
            RadiiMm[radius],
            blobMean,
            Suvs[suv],
            suvMean);
    }

    /// <summary>The choice with the highest mean over cases; the first among equals.</summary>
    /// <param name="scores">Scores <c>[case][choice]</c>.</param>
    public static (int Choice, double Mean) BestMean(IReadOnlyList<double[]> scores)
    {
        var means = Enumerable.Range(0, scores[0].Length).Select(choice => scores.Average(row => row[choice])).ToList();
        var best = means.Max();
        return (means.IndexOf(best), best);
    }

    /// <summary>The last of the choices whose score is less than <paramref name="tolerance"/> below the best.</summary>
    public static int HighestAmongEquals(IReadOnlyList<double> scores, double tolerance) =>
        Enumerable.Range(0, scores.Count).Last(choice => scores[choice] > scores.Max() - tolerance);

    private static double[] DiceByAlphaAndFraction(OffCentreCase one, ISliceEncoder encoder, RunSettings settings, CancellationToken cancel)
    {
        // As the run does it, but that one sinogram serves every α.
        var task = new VolumeTask
        {
            RunId = new RunId("calibration"),
            VolumeId = new VolumeId(one.Id),
            SourceUris = [""],
            SourceSha256 = "",
            Geometry = one.Image.Geometry,
            Settings = settings,
            LeaseDirections = settings.Directions,
            SlabCount = 1,
        };
        var plan = task.Plan();
        var slices = new LeaseEncoder(new SliceActors.SliceOptions().BatchPixels);
        var rows = slices.Encode(task, [one.Image], new DirectionRange(0, plan.Directions.Count), null, encoder, TimeSpan.Zero, cancel).Rows;
        var dice = new List<double>(Alphas.Length * Fractions.Length);
        foreach (var alpha in Alphas)
        {
            cancel.ThrowIfCancellationRequested();
            var filter = ProfileFilter.Create(alpha, settings.Window, plan.SpacingMm, plan.OffsetCount);
            var heatmap = Backprojector.Reconstruct(rows.Logits, rows.BlankLogits[0], one.Image.Geometry, plan, filter);
            var peak = heatmap.Max();
            dice.AddRange(Fractions.Select(fraction => Dice.Above(heatmap, fraction * peak, one.Reference)));
        }

        return [.. dice];
    }
}
