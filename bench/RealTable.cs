using System.Globalization;
using System.Text.Json;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Evaluation;
using TorchSharp;

namespace ToNNO.Bench;

/// <summary>The methods on real lesions of patients that the encoder did not learn from: training, choice of a rule and scores by
/// cross-validation over patients.</summary>
/// <remarks>A fold's encoder learns from yes or no of crops of all other patients. A method's rule for a fold, one for all volumes, is what
/// had the highest mean Dice on the other folds' patients, in the heatmaps that they got when they were held out.</remarks>
internal static class RealTable
{
    private const int Folds = 5;
    private const int Resamples = 2000;

    private static readonly Column[] _columns =
    [
        new("PET", Pairs: 8, new IntensityMap(0, 6, 0), new([Layer(8), Layer(8)], SliceSize: 48, PixelMm: 6, Steps: 200, LearningRate: 1e-2), new(Directions: 96, SpacingMm: 5, PixelMm: 6)),
        new("MR_T1", Pairs: 8, null, new([Layer(16), Layer(16), Layer(16), Layer(16), Layer(16)], SliceSize: 32, PixelMm: 3, Steps: 600, LearningRate: 1e-2), new(Directions: 64, SpacingMm: 4, PixelMm: 3)),
    ];

    /// <param name="arguments">Columns, all where none is named; a number is the seed of trainings and folds.</param>
    public static object Measure(string[] arguments)
    {
        torch.set_num_threads(1);
        var seed = arguments.Select(text => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0).Sum();
        var named = arguments.Where(text => Array.Exists(_columns, column => column.Name == text)).ToList();
        return new { seed, columns = _columns.Where(column => named.Count == 0 || named.Contains(column.Name)).Select(column => Measure(column, seed)).ToList() };
    }

    private static object Measure(Column column, int seed)
    {
        var patients = RealCohort.Load(column.Name, column.Pairs, column.Window);
        var fold = new int[patients.Count];
        for (var at = 0; at < fold.Length; at++)
        {
            fold[at] = at % Folds;
        }

        new Random(seed).Shuffle(fold);
        var scores = new Dictionary<string, RealScores>[patients.Count];
        Parallel.For(0, Folds, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, k =>
        {
            using var encoder = column.Training.Train([.. patients.Where((_, at) => fold[at] != k)], seed);
            for (var at = 0; at < patients.Count; at++)
            {
                if (fold[at] == k)
                {
                    scores[at] = column.Heatmaps.Score(patients[at], encoder);
                }
            }

            Console.Error.WriteLine($"{column.Name}: fold {k + 1} of {Folds}");
        });
        var rows = RealHeatmaps.Methods.Select(method => Row(method.Key, method.Value, [.. scores.Select(patient => patient[method.Key])], fold)).ToList();
        foreach (var row in rows)
        {
            Console.Error.WriteLine($"{column.Name}: {JsonSerializer.Serialize(row)}");
        }

        return new { column.Name, patients = patients.Count, rows };
    }

    private static object Row(string method, IReadOnlyList<string> choices, RealScores[] patients, int[] fold)
    {
        var chosen = Enumerable.Range(0, Folds).Select(k =>
        {
            var others = patients.Where((_, at) => fold[at] != k).ToList();
            return Enumerable.Range(0, choices.Count).MaxBy(choice => others.Average(patient => patient.Dice[choice]));
        }).ToArray();
        var dice = patients.Select((patient, at) => patient.Dice[chosen[fold[at]]]).ToArray();
        var mean = new Bootstrap(patients.Length, Resamples, seed: 1).Of(dice);
        int FilterOf(int choice) => choice / RealScores.Shares.Count;
        var hasPeak = patients[0].PeakInside.Length > 0;
        return new
        {
            method,
            dice = Round(mean.Mean),
            interval = new[] { Round(mean.Low), Round(mean.High) },
            own_best = Round(patients.Select((patient, at) => hasPeak ? patient.Best[FilterOf(chosen[fold[at]])] : patient.Best[0]).Average()),
            peak_inside = hasPeak ? patients.Where((patient, at) => patient.PeakInside[FilterOf(chosen[fold[at]])]).Count() : (int?)null,
            rules = chosen.Select(choice => choices[choice]).Distinct().ToArray(),
        };
    }

    private static double Round(double value) => Math.Round(value, 3);

    private static ConvLayer Layer(int channels) => new() { Channels = channels, Activation = Activation.LeakyRelu };

    private sealed record Column(string Name, int Pairs, IntensityMap? Window, RealTraining Training, RealHeatmaps Heatmaps);
}
