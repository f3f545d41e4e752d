using System.Globalization;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Planning;

/// <summary>A plan for people: a table of the volumes, and the sums.</summary>
internal static class PlanText
{
    private static readonly string[] _headings = ["volume", "shape", "slices", "of pixels", "encoder calls", "MiB", "seconds"];

    /// <summary>The table's lines; of refused inputs with their codes.</summary>
    public static IEnumerable<string> Table(PlanReport plan)
    {
        List<string[]> rows = [_headings, .. plan.Volumes.Where(line => line.ReasonCode is null).Select(Row)];
        var widths = _headings.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        var name = Math.Max(widths[0], plan.Volumes.Max(line => line.VolumeId.Value.Length));
        for (var at = 0; at < rows.Count; at++)
        {
            yield return string.Join("  ", rows[at].Select((cell, column) => column == 0 ? cell.PadRight(name) : cell.PadLeft(widths[column])));
        }

        foreach (var line in plan.Volumes.Where(line => line.ReasonCode is not null))
        {
            yield return $"{line.VolumeId.Value.PadRight(name)}  refused: {line.ReasonCode}";
        }
    }

    /// <summary>What each selection rule took and left.</summary>
    public static IEnumerable<string> Rules(PlanReport plan) => plan.Rules.Select(rule => rule.Excludes
        ? $"rule '{rule.Rule}' excluded {rule.Took} series"
        : $"rule '{rule.Rule}' took {rule.Took} series and left {rule.LeftBy.Values.Sum()}{(rule.LeftBy.Count == 0 ? "" : $" ({string.Join(", ", rule.LeftBy.Select(pair => $"{pair.Value} by {pair.Key}"))})")}");

    public static IEnumerable<string> Sums(PlanReport plan)
    {
        yield return $"{plan.Inputs} inputs: {plan.Planned} planned, {plan.Refused} refused";
        if (plan.LeftOut.Count > 0)
        {
            yield return $"{Wording.Of(plan.LeftOut)}; --json lists them";
        }

        yield return Text($"{plan.EncoderCalls:N0} encoder calls at most, of {plan.Slices:N0} slices; {MiB(plan.LargestMemoryBytes):N0} MiB at most for a volume");
        if (plan.Speed is { } speed)
        {
            var measured = speed.Size is { } size ? $", measured on slices of {size} x {size} pixels" : "";
            yield return Text($"{plan.DeviceSeconds:N1} seconds of a device at {speed.SlicesPerSecond:N1} slices a second{measured}; {TimeSpan.FromSeconds(Math.Ceiling(plan.Seconds)):c} of encoding with {speed.Encoders} encoders; reading, backprojection and publishing come beside");
        }

        if (plan.Cost is { } cost)
        {
            yield return Text($"{cost:N2} at {plan.PricePerHour:N2} an hour; {plan.CostPer1000Volumes ?? 0:N2} for 1,000 such volumes");
        }
    }

    private static string[] Row(PlanReport.Line line) =>
    [
        line.VolumeId.Value,
        $"{line.Shape}",
        Text($"{line.Slices:N0}"),
        $"{line.Size} x {line.Size}",
        Text($"{line.EncoderCalls:N0}"),
        Text($"{MiB(line.MemoryBytes ?? 0):N0}"),
        Text($"{line.DeviceSeconds:N1}"),
    ];

    private static double MiB(long bytes) => Math.Ceiling(bytes / (double)(1 << 20));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
