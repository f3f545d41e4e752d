using System.Globalization;
using System.Text;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>An evaluation in words and columns.</summary>
internal static class EvaluationText
{
    private static readonly Metric[] Shown = [.. Metric.All.Where(metric => metric.Key is not ("diceFixed" or "diceOfPeak" or "hausdorff95Mm"))];

    public static string Of(HeatmapThreshold threshold) => threshold.OfPeak
        ? string.Create(CultureInfo.InvariantCulture, $"{100 * threshold.Value:0.#}%")
        : threshold.Value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>A mean with its interval.</summary>
    public static string Of(Estimate estimate, bool signed = false)
    {
        string Number(double value) => double.IsFinite(value) ? value.ToString(signed ? "+0.00;−0.00;0.00" : "0.00", CultureInfo.InvariantCulture) : "–";
        return double.IsFinite(estimate.Low) ? $"{Number(estimate.Mean)} ({Number(estimate.Low)} to {Number(estimate.High)})" : Number(estimate.Mean);
    }

    /// <summary>Where thresholds come from, in a sentence.</summary>
    public static string Choosing(EvaluationReport report) =>
        $"{Count(report.Volumes, "volume")} of {Count(report.Patients, "patient")}; thresholds {Words(report.Choosing)}. Means over patients with 95 % bootstrap intervals.";

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    private static string Words(ThresholdSource source) => source switch
    {
        ThresholdSource.Given => "given, not chosen",
        ThresholdSource.ValidationPatients => "chosen on validation patients, who are not among them",
        _ => "chosen for each patient on all others",
    };

    /// <summary>The table on the terminal: methods as rows.</summary>
    public static string Table(EvaluationReport report)
    {
        string[][] rows =
        [
            ["method", .. Shown.Select(metric => metric.Name)],
            .. report.Methods.Select(method => (string[])[method.Name, .. Shown.Select(metric => Of(method.Estimates[metric.Key]))]),
        ];
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.AppendLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        foreach (var pair in report.Pairs)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Dice of {pair.One} less {pair.Other}: {Of(pair.Differences[Metric.Dice.Key], signed: true)}");
        }

        return text.ToString();
    }
}
