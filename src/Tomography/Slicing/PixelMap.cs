using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Slicing;

/// <summary>From stored values to pixels: slope and intercept, then the intensity window.</summary>
/// <remarks>Each step is monotone in floating point too. So is linear interpolation as <see cref="Lerp(float, float, float)"/> does
/// it. Hence a pixel between samples that all become the fill pixel is the fill pixel, whatever they are.</remarks>
internal readonly struct PixelMap
{
    private readonly float _slope;
    private readonly float _inter;
    private readonly bool _isScaled;
    private readonly float _low;
    private readonly float _high;
    private readonly float _from;
    private readonly float _range;
    private readonly bool _isWindowed;

    public PixelMap(VolumeSamples samples, IntensityMap intensity)
    {
        (_slope, _inter, _isScaled) = (samples.Slope, samples.Inter, samples.IsInt16);
        (_low, _high, _isWindowed) = (intensity.Low, intensity.High, !intensity.IsIdentity);
        (_from, _range) = (intensity.PixelLow, intensity.PixelHigh - intensity.PixelLow);
        Fill = intensity.Fill;
        FillPixel = Window(intensity.Fill);
    }

    /// <summary>The intensity outside the volume.</summary>
    public float Fill { get; }

    /// <summary>The pixel outside the volume.</summary>
    public float FillPixel { get; }

    /// <summary>a + t(b − a) with one rounding less: within [a, b] for t in [0, 1 − 2⁻²⁴], and exactly a where b is a.</summary>
    public static float Lerp(float a, float b, float t) => MathF.FusedMultiplyAdd(t, b - a, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lerp(Vector256<float> a, Vector256<float> b, Vector256<float> t) =>
        Fma.MultiplyAdd(t, Avx.Subtract(b, a), a);

    public float Intensity(float stored) => _isScaled ? MathF.FusedMultiplyAdd(_slope, stored, _inter) : stored;

    /// <summary>As <see cref="IntensityMap.Apply"/>, bit for bit.</summary>
    public float Window(float intensity) => _isWindowed
        ? MathF.FusedMultiplyAdd((Math.Clamp(intensity, _low, _high) - _low) / (_high - _low), _range, _from)
        : intensity;

    /// <summary>Stored values to intensities; the same bits as <see cref="Intensity(float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Intensity(Vector256<float> stored) =>
        _isScaled ? Fma.MultiplyAdd(Vector256.Create(_slope), stored, Vector256.Create(_inter)) : stored;

    /// <summary>The same bits as <see cref="Window(float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Window(Vector256<float> intensity)
    {
        if (!_isWindowed)
        {
            return intensity;
        }

        // By comparison, as Math.Clamp: a NaN stays, and so does the sign of a zero.
        var (low, high) = (Vector256.Create(_low), Vector256.Create(_high));
        var raised = Vector256.ConditionalSelect(Vector256.LessThan(intensity, low), low, intensity);
        var clamped = Vector256.ConditionalSelect(Vector256.GreaterThan(raised, high), high, raised);
        return Vector256.FusedMultiplyAdd((clamped - low) / (high - low), Vector256.Create(_range), Vector256.Create(_from));
    }
}
