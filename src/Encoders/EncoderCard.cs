using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders;

/// <summary>What an encoder expects and gives; for a model folder it is read from <c>metadata.json</c>.</summary>
public sealed record EncoderCard
{
    public required string Name { get; init; }

    /// <summary>SHA-256 (hex) over everything that decides the logits; pins the model in a run.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Co-registered volumes that a slice is cut from.</summary>
    public int Channels => Intensities.Count;

    /// <summary>Class names; one logit each, in this order.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Slice edge in pixels, or null where any size will do (sum- or average-pooled networks).</summary>
    public int? SliceSize { get; init; }

    /// <summary>In-plane pixel size in mm that the encoder was trained at, or null for the volume's finest spacing.</summary>
    public double? PixelMm { get; init; }

    /// <summary>Distance between slices in mm, or null for the pixel size.</summary>
    public double? SpacingMm { get; init; }

    /// <summary>How the intensities of each channel become pixels; as many as there are channels.</summary>
    public required IReadOnlyList<IntensityMap> Intensities { get; init; }

    /// <summary>Exponent α of the filter |ω|^α that this encoder's score calls for (docs/geometry.md), or null for 2.</summary>
    public double? Alpha { get; init; }

    /// <summary>Window of the filter that goes with <see cref="Alpha"/>, spelled as on the command line: <c>none</c>, <c>cosine</c>,
    /// <c>hann</c> or <c>3point</c>; null for the default.</summary>
    public string? Window { get; init; }

    /// <summary>Threshold chosen on training data, or null when there is none.</summary>
    public HeatmapThreshold? Threshold { get; init; }
}
