using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>How well one heatmap of one volume fits its reference.</summary>
internal sealed record CaseScores
{
    public required string VolumeId { get; init; }

    public required string File { get; init; }

    public required string Patient { get; init; }

    /// <summary>Of the reference.</summary>
    public required double LesionMl { get; init; }

    /// <summary>Components of the reference.</summary>
    public required int Lesions { get; init; }

    /// <summary>The threshold that the patient's mask is cut at: chosen on others, or given.</summary>
    public required HeatmapThreshold Threshold { get; init; }

    /// <summary>The filter, where a sweep chose it.</summary>
    public required string Variant { get; init; }

    public required double MaskMl { get; init; }

    /// <summary>At the threshold.</summary>
    public required double Dice { get; init; }

    /// <summary>At the best value for all, whether or not it was taken; NaN where the threshold is given.</summary>
    public required double DiceFixed { get; init; }

    /// <summary>At the best fraction of the peak for all, likewise.</summary>
    public required double DiceOfPeak { get; init; }

    /// <summary>At the volume's own best threshold: what no rule can exceed.</summary>
    public required double DiceOwnBest { get; init; }

    public required double AveragePrecision { get; init; }

    /// <summary>At the threshold.</summary>
    public required LesionCounts Found { get; init; }

    public required double BalancedAccuracy { get; init; }

    public required bool PeakInLesion { get; init; }

    /// <summary>Null where the mask is empty.</summary>
    public required SurfaceDistance? Surface { get; init; }
}

/// <summary>A score that means are taken of.</summary>
/// <param name="Key">In JSON and CSV.</param>
/// <param name="Name">For people.</param>
/// <param name="Of">NaN where the case has none.</param>
internal sealed record Metric(string Key, string Name, bool HigherIsBetter, Func<CaseScores, double> Of)
{
    public static Metric Dice { get; } = new("dice", "Dice", true, scores => scores.Dice);

    public static Metric OwnBest { get; } = new("diceOwnBest", "own best Dice", true, scores => scores.DiceOwnBest);

    public static IReadOnlyList<Metric> All { get; } =
    [
        Dice,
        OwnBest,
        new("diceFixed", "Dice, fixed value", true, scores => scores.DiceFixed),
        new("diceOfPeak", "Dice, part of peak", true, scores => scores.DiceOfPeak),
        new("averagePrecision", "average precision", true, scores => scores.AveragePrecision),
        new("lesionF1", "lesion F1", true, scores => scores.Found.F1),
        new("balancedAccuracy", "balanced accuracy", true, scores => scores.BalancedAccuracy),
        new("peakInLesion", "peak in lesion", true, scores => scores.PeakInLesion ? 1 : 0),
        new("surfaceMm", "surface distance, mm", false, scores => scores.Surface?.MeanMm ?? double.NaN),
        new("hausdorff95Mm", "Hausdorff 95 %, mm", false, scores => scores.Surface?.Percentile95Mm ?? double.NaN),
    ];
}
