using System.Text.Json.Nodes;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Models;

/// <summary>What a model folder's <c>metadata.json</c> says; <see cref="MetadataJson"/> gives its shape.</summary>
public sealed record ModelMetadata
{
    /// <summary>Name for people; null takes the folder's.</summary>
    public string? Name { get; init; }

    public required string Version { get; init; }

    /// <summary>What it is for, in one sentence.</summary>
    public required string Task { get; init; }

    public required string Description { get; init; }

    /// <summary>Class names, one per logit.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    public required ISliceArchitecture Architecture { get; init; }

    /// <summary>The numbers that the network computes with; they change logits a little, so they are the model's.</summary>
    public EncoderPrecision Precision { get; init; }

    /// <summary>Slice edge in pixels, or null for any.</summary>
    public int? SliceSize { get; init; }

    /// <summary>In-plane pixel size in mm of the training, or null for the volume's finest spacing.</summary>
    public double? PixelMm { get; init; }

    /// <summary>Distance between slices in mm, or null for the pixel size.</summary>
    public double? SpacingMm { get; init; }

    /// <summary>One for each channel of the architecture; those with a window share one range of pixels.</summary>
    public required IReadOnlyList<IntensityMap> Intensities { get; init; }

    /// <summary>Exponent α of the filter, 0 to 2, or null for the default.</summary>
    public double? Alpha { get; init; }

    /// <summary><c>none</c>, <c>cosine</c>, <c>hann</c>, <c>3point</c>, or null for the default.</summary>
    public string? Window { get; init; }

    public HeatmapThreshold? Threshold { get; init; }

    /// <summary>Where the cells of a TorchScript program's layers lie, by layer; a layer that is not here has them side by side over the slice.</summary>
    public IReadOnlyDictionary<string, CamCells> CamCells { get; init; } = new Dictionary<string, CamCells>();

    /// <summary>Where the weights come from: data, options, scores. Free in form; it is kept and never interpreted.</summary>
    public JsonObject? Training { get; init; }

    /// <param name="sha256">Hash of the folder that holds this.</param>
    /// <param name="folderName">Stands in for a missing <see cref="Name"/>.</param>
    public EncoderCard ToCard(string sha256, string folderName) => new()
    {
        Name = Name ?? folderName,
        Sha256 = sha256,
        Classes = Classes,
        SliceSize = SliceSize,
        PixelMm = PixelMm,
        SpacingMm = SpacingMm,
        Intensities = Intensities,
        Alpha = Alpha,
        Window = Window,
        Threshold = Threshold,
    };
}
