using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>One threshold for all volumes, and the mean Dice that it had where it was chosen.</summary>
internal sealed record ThresholdChoice(HeatmapThreshold Threshold, double MeanDice);

/// <summary>Chooses the threshold with the highest mean over patients of their volumes' mean Dice.</summary>
internal sealed class ThresholdChooser
{
    private const int Fractions = 39;
    private const int Values = 400;

    /// <summary>Fixed values reach from the highest peak down to this part of it, in equal ratios.</summary>
    private const double LeastValue = 1e-3;

    private readonly HeatmapThreshold[] _candidates; // fixed values, then fractions of the peak
    private readonly double[] _sums; // of the patients' Dice, by candidate
    private readonly Dictionary<string, double[]> _patients; // Dice by candidate

    /// <param name="curves">Of the volumes to choose on; at least one.</param>
    public ThresholdChooser(IReadOnlyList<(string Patient, DiceCurve Curve)> curves)
    {
        var highest = Math.Max(curves.Max(one => one.Curve.Peak), double.Epsilon);
        _candidates =
        [
            .. Enumerable.Range(0, Values).Select(step => new HeatmapThreshold(highest * Math.Pow(LeastValue, (double)step / Values), OfPeak: false)),
            .. Enumerable.Range(1, Fractions).Select(step => new HeatmapThreshold((double)step / (Fractions + 1), OfPeak: true)),
        ];
        _patients = curves.GroupBy(one => one.Patient, StringComparer.Ordinal).ToDictionary(
            patient => patient.Key,
            patient => Array.ConvertAll(_candidates, threshold => patient.Average(one => one.Curve.At(threshold))),
            StringComparer.Ordinal);
        _sums = [.. _candidates.Select((_, at) => _patients.Values.Sum(dice => dice[at]))];
    }

    /// <summary>The best value from which on all heatmaps are mask, in the heatmaps' own unit.</summary>
    /// <param name="without">A patient who has no say.</param>
    public ThresholdChoice Fixed(string? without = null) => Best(0, Values, without);

    /// <summary>The best fraction of a heatmap's own peak.</summary>
    /// <inheritdoc cref="Fixed"/>
    public ThresholdChoice OfPeak(string? without = null) => Best(Values, Fractions, without);

    private ThresholdChoice Best(int first, int count, string? without)
    {
        var aside = without is null ? null : _patients.GetValueOrDefault(without);
        var patients = _patients.Count - (aside is null ? 0 : 1);
        return Enumerable.Range(first, count).Select(at => new ThresholdChoice(_candidates[at], (_sums[at] - (aside?[at] ?? 0)) / patients)).MaxBy(choice => choice.MeanDice)!;
    }
}
