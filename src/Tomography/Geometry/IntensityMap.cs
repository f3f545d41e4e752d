using System.Text.Json.Serialization;

namespace ToNNO.Tomography.Geometry;

/// <summary>How a volume's intensities become the encoder's pixels: windowed to [<paramref name="Low"/>, <paramref name="High"/>],
/// then scaled to [0, 1]; or left alone where the window is unbounded.</summary>
/// <param name="Low">Lower edge, in the volume's unit; −∞ leaves intensities as they are.</param>
/// <param name="High">Upper edge; +∞ leaves intensities as they are.</param>
/// <param name="Fill">Intensity outside the volume, in the volume's unit (0 for PET and MR, −1024 for CT).</param>
public sealed record IntensityMap(float Low, float High, float Fill)
{
    /// <summary>Intensities are pixels; outside is 0.</summary>
    public static IntensityMap Identity { get; } = new(float.NegativeInfinity, float.PositiveInfinity, 0);

    [JsonIgnore]
    public bool IsIdentity => float.IsInfinity(Low) || float.IsInfinity(High);

    /// <summary>The pixel that an intensity becomes.</summary>
    public float Apply(float intensity) =>
        IsIdentity ? intensity : (Math.Clamp(intensity, Low, High) - Low) / (High - Low);
}
