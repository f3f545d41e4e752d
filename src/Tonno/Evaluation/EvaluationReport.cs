namespace ToNNO.Tonno.Evaluation;

/// <summary>Where thresholds come from.</summary>
internal enum ThresholdSource
{
    Unspecified = 0,

    /// <summary>The user gave one.</summary>
    Given,

    /// <summary>The validation patients of a split.</summary>
    ValidationPatients,

    /// <summary>For each patient all others.</summary>
    OtherPatients,
}

/// <summary>What an evaluation found.</summary>
/// <param name="Patients">Those scored.</param>
/// <param name="Choosing">Who chose the thresholds.</param>
/// <param name="Sweeps">One for each method that was swept.</param>
internal sealed record EvaluationReport(
    int Volumes,
    int Patients,
    ThresholdSource Choosing,
    IReadOnlyList<MethodReport> Methods,
    IReadOnlyList<PairReport> Pairs,
    IReadOnlyList<SweepReport> Sweeps);

/// <summary>One method's scores.</summary>
/// <param name="Choices">The thresholds, and the filters where they were swept, with how many patients each was chosen for.</param>
/// <param name="Curve">Mean Dice over all volumes by threshold as a fraction of the peak, from 0 to 1 in equal steps.</param>
internal sealed record MethodReport(
    string Name,
    IReadOnlyList<(string Choice, int Patients)> Choices,
    IReadOnlyDictionary<string, Estimate> Estimates,
    IReadOnlyList<CaseScores> Cases,
    IReadOnlyList<double> Curve);

/// <summary>How much better one method does than another on the same patients.</summary>
/// <param name="Differences">By metric: one's mean less the other's, with its interval.</param>
internal sealed record PairReport(string One, string Other, IReadOnlyDictionary<string, Estimate> Differences);

/// <summary>What other filters and fewer directions would give.</summary>
internal sealed record SweepReport(string Name, IReadOnlyList<SweepRow> Rows);

/// <summary>One filter at one number of directions, over the volumes to choose on.</summary>
/// <param name="MeanDice">At the threshold that does best there: for choosing, not a score.</param>
/// <param name="MeanOwnBest">At each volume's own best threshold.</param>
internal sealed record SweepRow(HeatmapVariant Variant, double MeanDice, double MeanOwnBest);
