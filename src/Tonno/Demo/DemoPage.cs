using System.Globalization;
using System.Text.Json;
using ToNNO.Imaging.Previews;
using ToNNO.Tonno.Pages;

namespace ToNNO.Tonno.Demo;

/// <summary>Writes the demonstration's page: one HTML file that needs no network, with a viewer of all three planes.</summary>
public static class DemoPage
{
    /// <exception cref="ArgumentException">A heatmap or mask has not one value per voxel of its image.</exception>
    public static string Build(DemoReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return PageTemplate.RenderPage("DemoPage.html", Model(report));
    }

    private static Dictionary<string, object> Model(DemoReport report) => new()
    {
        ["title"] = report.Title,
        ["introduction"] = report.Introduction.Select(text => Item(("text", text))).ToArray(),
        ["encoderFacts"] = report.EncoderFacts.Select(fact => Item(("name", fact.Name), ("value", fact.Value))).ToArray(),
        ["settings"] = report.Settings.Select(fact => Item(("name", fact.Name), ("value", fact.Value))).ToArray(),
        ["cases"] = report.Cases.Select(Row).ToArray(),
        ["meanDice"] = Score(report.Means.Dice),
        ["meanOwnBest"] = Score(report.Means.OwnBestDice),
        ["meanBlob"] = Score(report.Means.CentreBlobDice),
        ["peaks"] = $"{report.Means.PeaksInMask} of {report.Means.Cases}",
        ["meanSeconds"] = Seconds(report.Means.Duration),
        // The serializer escapes <, > and &, so that no id can close the script element.
        ["data"] = JsonSerializer.Serialize(
            new ViewerData(Convert.ToBase64String(HeatColours.Rgba), [.. report.Cases.Select(Viewer)]),
            JsonSerializerOptions.Web),
    };

    private static Dictionary<string, object> Row(DemoCase row, int index) => Item(
        ("index", index.ToString(CultureInfo.InvariantCulture)),
        ("id", row.Id),
        ("dice", Score(row.Dice)),
        ("dicePart", Score(double.IsFinite(row.Dice) ? Math.Clamp(row.Dice, 0, 1) : 0)),
        ("ownBest", Score(row.OwnBestDice)),
        ("blob", Score(row.CentreBlobDice)),
        ("peak", row.PeakInMask ? "yes" : "no"),
        ("seconds", Seconds(row.Duration)),
        ("png", Convert.ToBase64String(row.PreviewPng.Span)));

    private static ViewerCase Viewer(DemoCase row)
    {
        var geometry = row.Image.Geometry;
        if (row.Heatmap.Length != geometry.Shape.VoxelCount)
        {
            throw new ArgumentException($"{row.Id}: {row.Heatmap.Length} heatmap values do not match {geometry.Shape} voxels.");
        }

        if (!row.ReferenceMask.IsEmpty && row.ReferenceMask.Length != geometry.Shape.VoxelCount)
        {
            throw new ArgumentException($"{row.Id}: {row.ReferenceMask.Length} mask values do not match {geometry.Shape} voxels.");
        }

        var peak = HeatmapPeak.Find(row.Heatmap.Span, geometry.Shape);
        var imageRange = DisplayRange.ForImage(row.Image.Samples);
        var colours = DisplayRange.ForHeatmap(row.Heatmap.Span);
        var threshold = peak.IsDistinct ? (float)row.Threshold.For(peak.Value) : colours.High;
        var levels = colours with { Low = Math.Min(colours.Low, threshold) };
        var (i, j, k, origin) = (geometry.Affine.I, geometry.Affine.J, geometry.Affine.K, geometry.Affine.Origin);
        return new(
            row.Id,
            [geometry.Shape.I, geometry.Shape.J, geometry.Shape.K],
            [[i.X, j.X, k.X, origin.X], [i.Y, j.Y, k.Y, origin.Y], [i.Z, j.Z, k.Z, origin.Z]],
            [.. DisplayPlane.Of(geometry)
                .Select(plane => new ViewerPlane(plane.Plane.ToString(), Axis(plane.Columns), Axis(plane.Rows), Axis(plane.Normal)))],
            Levels(row.Image.Samples.AsFloats(), imageRange),
            [imageRange.Low, imageRange.High],
            Levels(row.Heatmap.Span, levels),
            [levels.Low, levels.High],
            colours.Low,
            row.ReferenceMask.IsEmpty ? null : Convert.ToBase64String(row.ReferenceMask.Span),
            [peak.I, peak.J, peak.K],
            threshold,
            peak.IsDistinct);
    }

    private static ViewerAxis Axis(DisplayAxis axis) => new(
        axis.IndexAxis, axis.VoxelCount, axis.SpacingMm, axis.Reversed, axis.StartLetter.ToString(), axis.EndLetter.ToString());

    private static string Levels(ReadOnlySpan<float> samples, DisplayRange range)
    {
        var levels = new byte[samples.Length];
        for (var index = 0; index < levels.Length; index++)
        {
            levels[index] = float.IsFinite(samples[index]) ? (byte)Math.Round(255 * range.Fraction(samples[index])) : (byte)0;
        }

        return Convert.ToBase64String(levels);
    }

    private static Dictionary<string, object> Item(params (string Name, string Value)[] values) =>
        values.ToDictionary(pair => pair.Name, pair => (object)pair.Value);

    private static string Score(double value) =>
        double.IsFinite(value) ? value.ToString("F2", CultureInfo.InvariantCulture) : "–";

    private static string Seconds(TimeSpan duration) => duration.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);

    private sealed record ViewerData(string Colours, IReadOnlyList<ViewerCase> Cases);

    /// <summary>What the script reads; volumes are a byte per voxel, from the first to the second value of their range.</summary>
    private sealed record ViewerCase(
        string Id,
        int[] Shape,
        double[][] Affine,
        IReadOnlyList<ViewerPlane> Planes,
        string Image,
        float[] ImageRange,
        string Heat,
        float[] HeatRange,
        float ColourLow,
        string? Mask,
        int[] Peak,
        float Threshold,
        bool HasPeak);

    private sealed record ViewerPlane(string Name, ViewerAxis Columns, ViewerAxis Rows, ViewerAxis Normal);

    private sealed record ViewerAxis(int Axis, int Count, double Mm, bool Reversed, string Start, string End);
}
