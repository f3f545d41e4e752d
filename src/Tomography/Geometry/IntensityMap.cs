using System.Text.Json.Serialization;

namespace ToNNO.Tomography.Geometry;

/// <summary>How a volume's intensities become the encoder's pixels: windowed to [<paramref name="Low"/>, <paramref name="High"/>],
/// then scaled to [<paramref name="PixelLow"/>, <paramref name="PixelHigh"/>]; or left alone where the window is unbounded.</summary>
/// <param name="Low">Lower edge, in the volume's unit; −∞ leaves intensities as they are.</param>
/// <param name="High">Upper edge; +∞ leaves intensities as they are.</param>
/// <param name="Fill">Intensity outside the volume, in the volume's unit (0 for PET and MR, −1024 for CT).</param>
/// <param name="PixelLow">The pixel that <paramref name="Low"/> becomes.</param>
/// <param name="PixelHigh">The pixel that <paramref name="High"/> becomes.</param>
/// <param name="Rule">What the edges count where the window is each volume's own; null where they are intensities.</param>
/// <exception cref="ArgumentOutOfRangeException">The window or the pixels' range is empty, or the fill value not finite: pixels would be NaN.</exception>
public sealed record IntensityMap(float Low, float High, float Fill, float PixelLow = 0, float PixelHigh = 1, WindowRule? Rule = null)
{
    public float Low { get; } = Low < High
        ? Low
        : throw new ArgumentOutOfRangeException(nameof(Low), Low, $"A window runs from a lower to a higher intensity, not to {High}.");

    public float High { get; } = High;

    public float Fill { get; } = float.IsFinite(Fill)
        ? Fill
        : throw new ArgumentOutOfRangeException(nameof(Fill), Fill, "Outside the volume lies a finite intensity.");

    public float PixelLow { get; } = PixelLow < PixelHigh && float.IsFinite(PixelHigh - PixelLow)
        ? PixelLow
        : throw new ArgumentOutOfRangeException(nameof(PixelLow), PixelLow, $"Pixels run from a lower to a higher value, not to {PixelHigh}.");

    public float PixelHigh { get; } = PixelHigh;

    /// <summary>Intensities are pixels; outside is 0.</summary>
    public static IntensityMap Identity { get; } = new(float.NegativeInfinity, float.PositiveInfinity, 0);

    [JsonIgnore]
    public bool IsIdentity => float.IsInfinity(Low) || float.IsInfinity(High);

    /// <summary>The pixel that an intensity becomes.</summary>
    /// <exception cref="InvalidOperationException">The window is a volume's own, and not known yet.</exception>
    public float Apply(float intensity) => Rule is not null
        ? throw new InvalidOperationException("The window of this volume is not known yet.")
        : IsIdentity ? intensity : MathF.FusedMultiplyAdd((Math.Clamp(intensity, Low, High) - Low) / (High - Low), PixelHigh - PixelLow, PixelLow);
}
