using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Api;

/// <summary>What a run is to do, as a client says it: the options of <c>tonno run</c>. Null leaves a thing to the model, then to the default.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)] // a misspelt option must not pass for one that was not given
public sealed record RunOrder
{
    /// <summary>Directions where an order names none and its method prescribes none.</summary>
    public const int StandardDirections = 400;

    /// <summary>Of the whole of a salt, as it can stand in a URI.</summary>
    public const string SaltPattern = "^[A-Za-z0-9_-]{1,64}$";

    /// <summary>To put as many in order takes a core some ten seconds, once a process.</summary>
    public const int MostDirections = 50_000;

    public const int LeastPriority = -100;

    public const int MostPriority = 100;

    private static readonly string[] _passing = ["tonno"];
    private static readonly string[] _filtered = ["tonno", "tomographic-cam"];
    private static readonly string[] _spread = ["tonno", "averaged-cam", "tomographic-cam"];
    private static readonly string[] _mapping = ["averaged-cam", "tomographic-cam", "cam-axis", "cam-3axis"];
    private static readonly string[] _looking = ["tonno", .. _mapping];

    [Description("A name for the run, so that a submission may be repeated safely; made up where there is none.")]
    [RegularExpression("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", ErrorMessage = "runId must be 1 to 100 letters, digits, '.', '_' and '-'.")]
    public string? RunId { get; init; }

    [Description("Files, folders, zips, azure:// prefixes, dicomweb+https:// addresses and manifests, as the cluster's nodes see them.")]
    [MinLength(1, ErrorMessage = "sources must name at least one file or folder.")]
    public required IReadOnlyList<string> Sources { get; init; }

    [Description("A model folder, as the cluster's nodes see it, or builtin:sum.")]
    [MinLength(1, ErrorMessage = "model must name a model folder, or builtin:sum.")]
    public required string Model { get; init; }

    [Description("How the files of a volume's channels end, in the model's order.")]
    public IReadOnlyList<string>? Channels { get; init; }

    [Description("Of NIfTI files of several frames the one to take, counted from 0.")]
    [Range(0, int.MaxValue)]
    public int? Frame { get; init; }

    [Description("Resample DICOM series of a tilted gantry to a straight stack; they are refused where it is not given.")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] // so that orders without it keep their key
    public bool ResampleTilted { get; init; }

    [Description("Goes into the hashes by which DICOM series, and what cannot be read, are named: who does not have it can tell none by its UID or path.")]
    [RegularExpression(SaltPattern, ErrorMessage = "salt must be 1 to 64 letters, digits, '-' and '_'.")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] // so that orders without it keep their key
    public string? Salt { get; init; }

    [Description("Rules (YAML) by which DICOM series are chosen; all are taken where there are none.")]
    public string? Rules { get; init; }

    [Description("How the encoder's answers become a heatmap.")]
    [AllowedValues("tonno", "averaged-cam", "tomographic-cam", "cam-axis", "cam-3axis", "centre-blob", ErrorMessage = "method must be tonno, averaged-cam, tomographic-cam, cam-axis, cam-3axis or centre-blob.")]
    public string Method { get; init; } = "tonno";

    [Description("Which class activation maps the methods with cam are made of: gradcam where it is not given.")]
    [AllowedValues(null, "gradcam", "layercam", ErrorMessage = "cam must be gradcam or layercam.")]
    public string? Cam { get; init; }

    [Description("The layer that maps are made of.")]
    public string? Layer { get; init; }

    [Description("Directions in which slices are cut: 400 where it is not given and the method leaves it open.")]
    [Range(1, MostDirections)]
    public int? Directions { get; init; }

    [Description("How directions are spread: rings where it is not given.")]
    [AllowedValues(null, "rings", "fibonacci", "grid", ErrorMessage = "set must be rings, fibonacci or grid.")]
    public string? Set { get; init; }

    [Description("Distance between slices, mm.")]
    [Range(1e-3, 1e3)]
    public double? SpacingMm { get; init; }

    [Description("Pixel size in a slice, mm.")]
    [Range(1e-3, 1e3)]
    public double? PixelMm { get; init; }

    [Description("Edge of a slice in pixels.")]
    [Range(2, 8192)]
    public int? Size { get; init; }

    [Description("Exponent of the filter |ω|^α.")]
    [Range(0.0, 2.0)]
    public double? Alpha { get; init; }

    [Description("What tames the filter at high frequencies.")]
    [AllowedValues(null, "none", "cosine", "hann", "3point", ErrorMessage = "window must be none, cosine, hann or 3point.")]
    public string? Window { get; init; }

    [Description("Also write masks: a number in the heatmap's unit, or a percentage of its peak such as 50%.")]
    public string? Threshold { get; init; }

    [Description("The classes to make heatmaps of; all of the model's where there are none.")]
    public IReadOnlyList<string> Classes { get; init; } = [];

    [Description("After a coarse pass encode only planes that meet what may be a lesion, until the heatmap stands.")]
    public bool Adaptive { get; init; }

    [Description("Stop after the pass that changes the heatmap by less than this, relative L2.")]
    [Range(1e-6, 1)]
    public double? Until { get; init; }

    [Description("Runs of higher priority get encoders first.")]
    [Range(LeastPriority, MostPriority)]
    public int Priority { get; init; }

    /// <summary>All that is wrong with the order, a sentence each.</summary>
    public IReadOnlyList<string> Faults()
    {
        var results = new List<ValidationResult>();
        Validator.TryValidateObject(this, new ValidationContext(this), results, validateAllProperties: true);
        (string Name, IEnumerable<string?> Texts)[] texts = [("sources", Sources), ("model", [Model]), ("channels", Channels ?? []), ("classes", Classes), ("layer", [Layer ?? "-"])];
        return
        [
            .. results.Select(result => result.ErrorMessage ?? "The order is invalid."),
            .. texts.Where(text => text.Texts.Any(one => string.IsNullOrEmpty(one) || one.Contains('\0', StringComparison.Ordinal))).Select(text => $"{text.Name} must not be empty, nor contain empty texts or zero characters."),
            .. new[] { SpacingMm, PixelMm, Alpha, Until }.Any(number => number is { } given && !double.IsFinite(given)) ? ["Numbers must be finite."] : Array.Empty<string>(),
            .. Misplaced().Select(one => $"{JsonNamingPolicy.CamelCase.ConvertName(one.Option)} goes with method {string.Join(" or ", one.Methods)}, not with {Method}: leave it out."),
        ];
    }

    /// <summary>Tells this order from others, whatever its run is called and its priority: SHA-256 of its JSON.</summary>
    internal string Key() => Convert.ToHexStringLower(SHA256.HashData(Documents.ToBytes(this with { RunId = null, Priority = 0 })));

    /// <summary>Options that are given and say something of other methods alone: each with those.</summary>
    public IEnumerable<(string Option, IReadOnlyList<string> Methods)> Misplaced()
    {
        (string Option, bool IsGiven, string[] Methods)[] all =
        [
            (nameof(Cam), Cam is not null, _mapping),
            (nameof(Layer), Layer is not null, _mapping),
            (nameof(Directions), Directions is not null, _spread),
            (nameof(Set), Set is not null, _spread),
            (nameof(SpacingMm), SpacingMm is not null, _looking),
            (nameof(PixelMm), PixelMm is not null, _looking),
            (nameof(Size), Size is not null, _looking),
            (nameof(Alpha), Alpha is not null, _filtered),
            (nameof(Window), Window is not null, _filtered),
            (nameof(Adaptive), Adaptive, _passing),
            (nameof(Until), Until is not null, _passing),
        ];
        return all.Where(one => one.IsGiven && !one.Methods.Contains(Method)).Select(one => (one.Option, (IReadOnlyList<string>)one.Methods));
    }
}
