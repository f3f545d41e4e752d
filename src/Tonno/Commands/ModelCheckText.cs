using System.Globalization;
using System.Text;
using ToNNO.Encoders;
using ToNNO.Encoders.Checking;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Commands;

/// <summary>What a check of a model found, for people.</summary>
internal static class ModelCheckText
{
    public static string Of(ModelCheckReport report)
    {
        var (text, card) = (new StringBuilder(), report.Card);
        void Line(string name, string value) => text.AppendLine(CultureInfo.InvariantCulture, $"{name,-10}  {value}");
        Line("model", $"{card.Name}, {report.Architecture}, {(report.Precision == EncoderPrecision.Bf16 ? "bfloat16" : "float32")}, on {report.Device}");
        Line("SHA-256", card.Sha256);
        Line("slices", $"{card.Channels} {(card.Channels == 1 ? "channel" : "channels")}, {Edge(card)}, pixel {Length(card.PixelMm, "the volume's own")}, spacing {Length(card.SpacingMm, "the pixel's")}");
        Line("intensity", string.Join("; ", card.Intensities.Select(Intensity)));
        Line("classes", string.Join(", ", card.Classes));
        Line("reference", report.Reference is { } reference ? Comparison(reference, report.Size) : $"none: the folder has no {ModelReference.FileName}");
        if (report.BFloat16 is { } numbers)
        {
            Line("bfloat16", Comparison(numbers, report.Size));
        }

        Line("neighbours", report.Neighbours.Holds ? "a slice's logits do not depend on the slices beside it" : Comparison(report.Neighbours, report.Size));
        Line("maps", report.Maps.Count == 0 ? "none: the network shows no features" : string.Join("; ", report.Maps.Select(Map)));
        Line("speed", $"slices of {report.Size} x {report.Size} pixels, one encoder");
        text.AppendLine("            batch   slices/s   resident MB");
        foreach (var speed in report.Speeds)
        {
            var rate = speed.SlicesPerSecond is { } known ? known.ToString(known < 100 ? "F1" : "F0", CultureInfo.InvariantCulture) : "no memory";
            text.AppendLine(CultureInfo.InvariantCulture, $"            {speed.Batch,5}  {rate,9}  {speed.ResidentMb,12}{(speed.IsDefault ? "  (what runs use)" : "")}");
        }

        Line("tensors", string.Create(CultureInfo.InvariantCulture, $"{report.Tensors.Before} live before encoding once more, {report.Tensors.After} after"));
        Line("result", report.Problems.Count == 0 ? "passed" : $"failed: {string.Join(", ", report.Problems.Select(problem => problem.Code))}");
        return text.ToString().TrimEnd();
    }

    private static string Edge(EncoderCard card) => card.SliceSize is { } size ? $"{size} x {size} pixels" : "any number of pixels";

    private static string Length(double? mm, string otherwise) => mm is { } length ? string.Create(CultureInfo.InvariantCulture, $"{length} mm") : otherwise;

    private static string Intensity(IntensityMap map) => string.Create(
        CultureInfo.InvariantCulture, $"{(map.IsIdentity ? "no window" : $"{map.Low} to {map.High}{Unit(map.Rule)} become {map.PixelLow} to {map.PixelHigh}")}, fill {map.Fill}");

    private static string Unit(WindowRule? rule) => rule is null ? ""
        : $"{(rule.Unit == WindowUnit.Percentile ? " %" : " deviations")} of {(rule.BesidesFill ? "the voxels besides fill" : "all voxels")}";

    private static string Comparison(LogitComparison found, int size) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(found.Holds ? "agrees" : "differs")}: {found.LargestDifference:G3} at most (slice {found.Slice}, {found.Class}), bound {found.Bound:G3}; {found.Slices} slices of {size} x {size}, spread of logits {found.Spread:G3}");

    private static string Map(CamLayerCheck layer) => layer.Edge is { } edge ? $"{layer.Layer} ({edge} x {edge} cells)" : $"{layer.Layer} (none, {layer.Refusal})";
}
