using System.Globalization;
using System.Text;

namespace ToNNO.Tonno.Demo;

/// <summary>The demonstration's results as plain text in columns.</summary>
internal static class DemoTable
{
    private static readonly string[] Headings = ["case", "Dice", "own best", "centre blob", "peak in tumour", "seconds"];

    public static string Format(IReadOnlyList<DemoCase> cases, DemoMeans means)
    {
        string[][] rows =
        [
            Headings,
            .. cases.Select(row => Row(row.Id, row.Dice, row.OwnBestDice, row.CentreBlobDice, row.PeakInMask ? "yes" : "no", row.Duration)),
            Row("mean", means.Dice, means.OwnBestDice, means.CentreBlobDice, $"{means.PeaksInMask} of {means.Cases}", means.Duration),
        ];
        var widths = Enumerable.Range(0, Headings.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        for (var index = 0; index < rows.Length; index++)
        {
            text.AppendLine(string.Join("  ", rows[index].Select((cell, column) =>
                column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))));
            if (index == 0 || index == rows.Length - 2)
            {
                text.AppendLine(new string('-', widths.Sum() + (2 * (widths.Length - 1))));
            }
        }

        return text.ToString();
    }

    private static string[] Row(string name, double dice, double ownBest, double blob, string peak, TimeSpan duration) =>
        [name, Number(dice, "F2"), Number(ownBest, "F2"), Number(blob, "F2"), peak, Number(duration.TotalSeconds, "F1")];

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
}
