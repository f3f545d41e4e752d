using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tonno.Commands;

/// <summary>What the user asked of the method; null leaves it to the model card, then to the default.</summary>
internal sealed record MethodOptions
{
    /// <summary>The maps to make the heatmap of; null for ToNNO itself, which needs logits alone.</summary>
    public CamSettings? Cam { get; init; }

    public DirectionSetKind Set { get; init; } = DirectionSetKind.Rings;

    /// <summary>P. 400: error .05 on smooth phantoms 48 samples across, where more gains little (METHOD §7.4).</summary>
    public int Directions { get; init; } = 400;

    public double? SpacingMm { get; init; }

    public double? PixelMm { get; init; }

    public int? Size { get; init; }

    public double? Alpha { get; init; }

    public FilterWindow? Window { get; init; }

    public HeatmapThreshold? Threshold { get; init; }

    public bool Adaptive { get; init; }

    public double? Until { get; init; }
}

/// <summary>Options, then the model's card, then defaults.</summary>
internal static class SettingsResolution
{
    private const double DefaultAlpha = 2;
    private const double DefaultCamAlpha = 1; // docs/adr/0004-cam-methods.md

    public static RunSettings Resolve(string model, EncoderCard card, MethodOptions options)
    {
        if (card.Channels != 1 || card.Classes.Count != 1)
        {
            throw new CommandException(
                ExitCodes.Usage,
                "model.unsupported",
                $"{card.Name} takes {card.Channels} channels and gives {card.Classes.Count} classes, but this version runs models of one channel and one class.");
        }

        if (card.SliceSize is { } size && options.Size is { } asked && asked != size)
        {
            throw new CommandException(
                ExitCodes.Usage, "model.slice_size", $"{card.Name} takes slices of {size} x {size} pixels: leave --size out, or give {size}.");
        }

        var isCam = options.Cam is not null; // what a card says of filter and threshold was chosen for its logits
        return new RunSettings
        {
            Model = model,
            ModelSha256 = card.Sha256,
            Set = options.Set,
            Directions = options.Directions,
            SpacingMm = options.SpacingMm ?? card.SpacingMm ?? card.PixelMm,
            PixelMm = options.PixelMm ?? card.PixelMm,
            Size = options.Size ?? card.SliceSize,
            Alpha = options.Alpha ?? (isCam ? DefaultCamAlpha : card.Alpha ?? DefaultAlpha),
            Window = options.Window ?? (isCam ? FilterWindow.Hann : card.Window is { } name ? ParseWindow(name) : FilterWindow.None),
            Intensity = card.Intensity,
            Threshold = options.Threshold ?? (isCam ? null : card.Threshold),
            Cam = options.Cam,
            Passes = options.Adaptive || options.Until is not null ? new PassRule(options.Until, options.Adaptive) : null,
        };
    }

    /// <exception cref="FormatException">The name is none of the windows'.</exception>
    public static FilterWindow ParseWindow(string name) =>
        FilterWindows.Named(name) ?? throw new FormatException($"'{name}' is no window: use none, cosine, hann or 3point.");

    /// <summary>A number in the heatmap's unit, or a percentage of the heatmap's peak.</summary>
    /// <exception cref="FormatException">The text is neither.</exception>
    public static HeatmapThreshold ParseThreshold(string text)
    {
        var percent = text.EndsWith('%');
        return double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && (!percent || value is > 0 and <= 100)
            ? new HeatmapThreshold(percent ? value / 100 : value, percent)
            : throw new FormatException($"'{text}' is no threshold: give a number in the heatmap's unit, or a percentage of its peak such as 50%.");
    }
}
