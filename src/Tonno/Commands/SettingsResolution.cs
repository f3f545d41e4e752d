using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
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
    public int Directions { get; init; } = RunOrder.StandardDirections;

    public double? SpacingMm { get; init; }

    public double? PixelMm { get; init; }

    public int? Size { get; init; }

    public double? Alpha { get; init; }

    public FilterWindow? Window { get; init; }

    public HeatmapThreshold? Threshold { get; init; }

    /// <summary>Names of the classes to make heatmaps of; empty for all.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    public bool Adaptive { get; init; }

    public double? Until { get; init; }
}

/// <summary>Options, then the model's card, then defaults.</summary>
internal static class SettingsResolution
{
    private const double DefaultAlpha = 2;
    private const double DefaultCamAlpha = 1; // docs/adr/0004-cam-methods.md

    /// <summary>Classes of one run: each has slabs of its own, and the message that lists them is to stay small.</summary>
    private const int MostClasses = 64;

    public static RunSettings Resolve(string model, EncoderCard card, MethodOptions options)
    {
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
            Intensities = card.Intensities,
            Classes = Classes(card, options.Classes),
            Threshold = options.Threshold ?? (isCam ? null : card.Threshold),
            Cam = options.Cam,
            Passes = options.Adaptive || options.Until is not null ? new PassRule(options.Until, options.Adaptive) : null,
        };
    }

    /// <summary>The endings of each channel's files: the user's, else nnU-Net's <c>_0000</c>, <c>_0001</c> and on.</summary>
    /// <exception cref="CommandException">They are not as many as the model has channels.</exception>
    public static IReadOnlyList<string> Channels(EncoderCard card, IReadOnlyList<string>? endings)
    {
        if (endings is null)
        {
            return card.Channels == 1 ? [] : [.. Enumerable.Range(0, card.Channels).Select(channel => channel.ToString("'_'0000", CultureInfo.InvariantCulture))];
        }

        if (endings.Distinct(StringComparer.Ordinal).Count() < endings.Count && endings.Any(ending => ending.Length > 0))
        {
            throw new CommandException(
                ExitCodes.Usage, "model.channels", $"--channels names {endings.GroupBy(ending => ending).First(group => group.Count() > 1).Key} twice: give each channel an ending of its own, or none any.");
        }

        return endings.Count == card.Channels ? endings : throw new CommandException(
            ExitCodes.Usage, "model.channels", $"{card.Name} takes {card.Channels} channels, but --channels names {endings.Count}: name one ending for each.");
    }

    private static ModelClass[] Classes(EncoderCard card, IReadOnlyList<string> names)
    {
        if (names.FirstOrDefault(name => !card.Classes.Contains(name, StringComparer.Ordinal)) is { } unknown)
        {
            throw new CommandException(
                ExitCodes.Usage, "model.class_unknown", $"{unknown} is no class of {card.Name}: choose among {string.Join(", ", card.Classes)}.");
        }

        ModelClass[] classes = [.. card.Classes.Select((name, index) => new ModelClass(index, name)).Where(one => names.Count == 0 || names.Contains(one.Name, StringComparer.Ordinal))];
        return classes.Length <= MostClasses ? classes : throw new CommandException(
            ExitCodes.Usage, "model.too_many_classes", $"{card.Name} has {classes.Length} classes, more than the {MostClasses} of one run: choose some by --class.");
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
