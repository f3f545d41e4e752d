using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;
using ToNNO.Imaging.Previews;
using ToNNO.Tomography.Filtering;

namespace ToNNO.Tonno.Evaluation;

/// <summary>The plots of an evaluation, each an SVG element.</summary>
internal static class EvaluationPlots
{
    private const int Width = 560;
    private const int Height = 380;
    private const string Percent = "0%";

    private static readonly ScottPlot.Palettes.ColorblindFriendly Colours = new();
    private static readonly double[] Digits = [1, 2, 5];
    private static readonly MarkerShape[] Shapes =
        [MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledTriangleUp, MarkerShape.FilledDiamond, MarkerShape.OpenCircle, MarkerShape.OpenSquare, MarkerShape.OpenTriangleUp, MarkerShape.OpenDiamond];

    static EvaluationPlots()
    {
        Fonts.FontResolvers.Insert(0, new Resolver());
        Fonts.Default = Resolver.Family;
    }

    /// <summary>Each patient's Dice, and the methods' means with their intervals.</summary>
    public static string Scores(EvaluationReport report)
    {
        using var plot = New(null, "Dice");
        for (var at = 0; at < report.Methods.Count; at++)
        {
            var method = report.Methods[at];
            var patients = method.Cases.GroupBy(scores => scores.Patient, StringComparer.Ordinal).Select(patient => patient.Average(Metric.Dice.Of)).Order().ToArray();
            // Side by side by rank, so that dots do not hide each other.
            var places = patients.Select((_, rank) => at - 0.32 + (0.4 * rank / Math.Max(1, patients.Length - 1))).ToArray();
            plot.Add.ScatterPoints(places, patients, Colours.GetColor(at).WithAlpha(0.6)).MarkerSize = 5;
            Interval(plot, at + 0.25, method.Estimates[Metric.Dice.Key], Colours.GetColor(at), isVertical: true);
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual([.. report.Methods.Select((_, at) => (double)at)], [.. report.Methods.Select(method => Broken(method.Name))]);
        plot.Axes.SetLimits(-0.6, report.Methods.Count - 0.4, 0, 1);
        return Svg(plot);
    }

    /// <summary>Mean Dice by threshold.</summary>
    public static string Thresholds(EvaluationReport report)
    {
        using var plot = New("threshold as a part of each heatmap's peak", "mean Dice");
        for (var at = 0; at < report.Methods.Count; at++)
        {
            var curve = report.Methods[at].Curve;
            var line = plot.Add.ScatterLine(curve.Select((_, step) => (double)step / (curve.Count - 1)).ToArray(), curve.ToArray(), Colours.GetColor(at));
            (line.LineWidth, line.LegendText) = (2, report.Methods[at].Name);
            line.LinePattern = at < 5 ? LinePattern.Solid : LinePattern.Dashed;
        }

        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { LabelFormatter = value => value.ToString(Percent, CultureInfo.InvariantCulture) };
        plot.Axes.SetLimits(0, 1, 0, 1);
        return WithLegend(plot, Alignment.UpperRight);
    }

    /// <summary>Dice of each volume by how much of it is lesion.</summary>
    public static string Sizes(EvaluationReport report)
    {
        using var plot = New("lesion volume, ml", "Dice");
        for (var at = 0; at < report.Methods.Count; at++)
        {
            var cases = report.Methods[at].Cases;
            var dots = plot.Add.ScatterPoints(cases.Select(one => Math.Log10(one.LesionMl)).ToArray(), cases.Select(Metric.Dice.Of).ToArray(), Colours.GetColor(at));
            (dots.MarkerSize, dots.MarkerShape, dots.LegendText) = (6, Shapes[at % Shapes.Length], report.Methods[at].Name);
        }

        var decades = report.Methods.SelectMany(method => method.Cases).Select(one => Math.Log10(one.LesionMl)).ToList();
        var (low, high) = ((int)Math.Floor(decades.Min() - 0.1), (int)Math.Ceiling(decades.Max() + 0.1));
        var ticks = Enumerable.Range(low, high - low + 1).SelectMany(power => Digits.Select(digit => digit * Math.Pow(10, power))).ToArray();
        plot.Axes.Bottom.TickGenerator = new NumericManual(Array.ConvertAll(ticks, Math.Log10), Array.ConvertAll(ticks, value => value.ToString("0.####", CultureInfo.InvariantCulture)));
        plot.Axes.SetLimits(decades.Min() - 0.1, decades.Max() + 0.1, 0, 1);
        return WithLegend(plot, Alignment.LowerRight);
    }

    /// <summary>Differences of Dice, method less method, with their intervals.</summary>
    public static string Differences(EvaluationReport report)
    {
        using var plot = New("difference of mean Dice", null);
        for (var at = 0; at < report.Pairs.Count; at++)
        {
            Interval(plot, report.Pairs.Count - 1 - at, report.Pairs[at].Differences[Metric.Dice.Key], Colours.GetColor(0), isVertical: false);
        }

        plot.Add.VerticalLine(0, 1, ScottPlot.Colors.Black);
        plot.Axes.Left.TickGenerator = new NumericManual(
            [.. report.Pairs.Select((_, at) => (double)(report.Pairs.Count - 1 - at))], [.. report.Pairs.Select(pair => $"{pair.One} − {pair.Other}")]);
        plot.Axes.SetLimitsY(-0.6, report.Pairs.Count - 0.4);
        return Svg(plot, Math.Max(160, 70 + (26 * report.Pairs.Count)));
    }

    /// <summary>Mean Dice by exponent, a line for each window with all directions.</summary>
    public static string Exponents(SweepReport sweep)
    {
        using var plot = New("exponent α of the filter", "mean Dice, best threshold for all");
        foreach (var (rows, at) in sweep.Rows.Where(row => row.Variant.Share == 1).GroupBy(row => row.Variant.Window!.Value).Select((rows, at) => (rows, at)))
        {
            Line(plot, at, rows.Key.Name(), [.. rows.Select(row => row.Variant.Alpha!.Value)], [.. rows.Select(row => row.MeanDice)]);
        }

        plot.Axes.SetLimitsY(0, 1);
        return WithLegend(plot, Alignment.LowerLeft);
    }

    /// <summary>Mean Dice of the best filter by the part of the directions that is used.</summary>
    public static string Directions(SweepReport sweep)
    {
        using var plot = New("part of the run's directions", "mean Dice");
        var byShare = sweep.Rows.GroupBy(row => row.Variant.Share).OrderBy(rows => rows.Key).ToList();
        var shares = byShare.Select(rows => Math.Log2(rows.Key)).ToArray();
        Line(plot, 0, "best threshold for all", shares, [.. byShare.Select(rows => rows.Max(row => row.MeanDice))]);
        Line(plot, 1, "each volume's own best", shares, [.. byShare.Select(rows => rows.MaxBy(row => row.MeanDice)!.MeanOwnBest)]);
        plot.Axes.Bottom.TickGenerator = new NumericManual(shares, [.. byShare.Select(rows => rows.Key == 1 ? "all" : $"1/{1 / rows.Key:0}")]);
        plot.Axes.SetLimitsY(0, 1);
        return WithLegend(plot, Alignment.LowerRight);
    }

    private static void Line(Plot plot, int at, string name, double[] across, double[] up)
    {
        var line = plot.Add.Scatter(across, up, Colours.GetColor(at));
        (line.LineWidth, line.MarkerSize, line.MarkerShape, line.LegendText) = (2, 8, Shapes[at % Shapes.Length], name);
    }

    private static void Interval(Plot plot, double place, Estimate estimate, Color colour, bool isVertical)
    {
        if (double.IsFinite(estimate.Low))
        {
            var line = isVertical ? plot.Add.Line(place, estimate.Low, place, estimate.High) : plot.Add.Line(estimate.Low, place, estimate.High, place);
            (line.LineWidth, line.LineColor) = (3, colour);
        }

        if (double.IsFinite(estimate.Mean))
        {
            plot.Add.Marker(isVertical ? place : estimate.Mean, isVertical ? estimate.Mean : place, MarkerShape.FilledCircle, 11, colour);
        }
    }

    /// <summary>Long names in lines of their own words.</summary>
    private static string Broken(string name) => name.Replace("-", "-\n", StringComparison.Ordinal).Replace(", ", ",\n", StringComparison.Ordinal);

    private static Plot New(string? across, string? up)
    {
        var plot = new Plot();
        plot.Font.Set(Resolver.Family);
        plot.Grid.MajorLineColor = ScottPlot.Colors.Black.WithAlpha(0.1);
        if (across is not null)
        {
            plot.XLabel(across, 14);
        }

        if (up is not null)
        {
            plot.YLabel(up, 14);
        }

        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        return plot;
    }

    private static string WithLegend(Plot plot, Alignment place)
    {
        plot.ShowLegend(place);
        plot.Legend.FontSize = 12;
        return Svg(plot);
    }

    /// <summary>An element that grows with the page: ScottPlot gives it a fixed size and no view box.</summary>
    private static string Svg(Plot plot, int height = Height) =>
        plot.GetSvgHtml(Width, height).Replace("<svg ", $"<svg viewBox=\"0 0 {Width} {height}\" role=\"img\" ", StringComparison.Ordinal);

    /// <summary>Every name of a font stands for the embedded one.</summary>
    private sealed class Resolver : IFontResolver
    {
        public const string Family = "DejaVu Sans";

        public SKTypeface CreateTypeface(string fontName, bool bold, bool italic) => EmbeddedFont.Sans;

        public SKTypeface CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) => EmbeddedFont.Sans;
    }
}
