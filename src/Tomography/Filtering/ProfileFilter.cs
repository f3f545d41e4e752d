using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Filtering;

/// <summary>The filter |ω|^α W(ω) along the profiles of a sinogram; α = 2 without a window inverts the 3D Radon transform.</summary>
/// <remarks>
/// Source: arXiv 2404.13103 (inverse Radon transform of the logits); the exponent follows f = −1/(8π²) ∫ ∂²g/∂s² dn, since
/// −∂²/∂s² is |ω|². Profiles are convolved with the filter's exact taps, so that nothing wraps around and a constant stays
/// away from the inside, which a filter sampled in the discrete Fourier domain does not give.
/// </remarks>
public sealed class ProfileFilter
{
    /// <summary>Filtered samples per slice spacing. The filter is evaluated between the slices too, band-limited: linear
    /// interpolation of the filtered profile at the slices alone costs 3.7 % of a phantom of σ = 2h, this .5 %.</summary>
    public const int Oversampling = 4;

    /// <summary>Filtered samples of one phase that are summed at once.</summary>
    private const int Batch = 16;

    private readonly double[] _taps;

    /// <summary>By phase φ, the taps that weigh slice m in sample Oversampling·q + φ, at q − m + length − 1.</summary>
    private readonly double[][] _phases;

    private ProfileFilter(double[] taps)
    {
        _taps = taps;
        var length = ((taps.Length - 1) / Oversampling) + 1;
        _phases = new double[Oversampling][];
        for (var phase = 0; phase < Oversampling; phase++)
        {
            _phases[phase] = new double[(2 * length) + Batch];
            for (var at = 0; at < (2 * length) - 1; at++)
            {
                var tap = Math.Abs(((at - length + 1) * Oversampling) + phase);
                _phases[phase][at] = tap < taps.Length ? taps[tap] : 0; // past the last sample
            }
        }
    }

    /// <summary>The even filter at 0, h/4, 2h/4, ..., mm^−α.</summary>
    public ReadOnlySpan<double> Taps => _taps;

    /// <summary>Length of a filtered profile.</summary>
    /// <param name="offsetCount">Slices in a stack.</param>
    public static int FilteredLength(int offsetCount) => ((offsetCount - 1) * Oversampling) + 1;

    /// <summary>Makes the filter for profiles of at most <paramref name="length"/> samples.</summary>
    /// <param name="alpha">α in [0, 2].</param>
    /// <param name="spacingMm">Distance h between neighbouring slices.</param>
    /// <exception cref="ArgumentOutOfRangeException">α lies outside [0, 2], or h or the length is not positive.</exception>
    public static ProfileFilter Create(double alpha, FilterWindow window, double spacingMm, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(alpha, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(alpha, 2);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(spacingMm);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);

        // c(m) = (1/π) ∫₀^π (x/h)^α W(x) cos(mx) dx. The integrand has a cusp at 0 for fractional α: x = π t⁴ smooths it,
        // and panels of 8 Gauss nodes, two or more to a half wave of the fastest cosine, integrate it to rounding error.
        var taps = new double[FilteredLength(length)];
        var (nodes, weights) = GaussLegendre.Rule(8);
        var panels = (4 * length) + 16;
        for (var panel = 0; panel < panels; panel++)
        {
            for (var node = 0; node < nodes.Length; node++)
            {
                var t = (panel + (0.5 * (nodes[node] + 1))) / panels;
                var x = Math.PI * t * t * t * t;
                var measure = weights[node] / (2.0 * panels) * 4 * t * t * t; // (1/π) dx
                AddCosines(taps, x / Oversampling, measure * Response(x, alpha, window, spacingMm));
            }
        }

        if (window == FilterWindow.ThreePoint)
        {
            InterpolateLinearly(taps);
        }

        return new ProfileFilter(taps);
    }

    /// <summary>Replaces the taps between slices by the line between their neighbours: the three-point filter is chosen for
    /// being local, and band-limited interpolation would spread it over the whole profile.</summary>
    private static void InterpolateLinearly(Span<double> taps)
    {
        for (var m = 0; m < taps.Length; m++)
        {
            var (below, part) = (m - (m % Oversampling), m % Oversampling);
            taps[m] = part == 0 ? taps[m] : taps[below] + ((taps[below + Oversampling] - taps[below]) * part / Oversampling);
        }
    }

    /// <summary>Convolves a profile, less the blank-slice logit, with the filter; outside the profile lie blank slices.</summary>
    /// <param name="profile">Logits of one direction by offset.</param>
    /// <param name="blankLogit">The encoder's answer to a slice of fill.</param>
    /// <param name="filtered">Destination, <see cref="FilteredLength"/> samples; logits · mm^−α.</param>
    public void Apply(ReadOnlySpan<float> profile, float blankLogit, Span<float> filtered)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(filtered.Length, FilteredLength(profile.Length), nameof(filtered));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(filtered.Length, _taps.Length, nameof(profile));
        var above = ArrayPool<double>.Shared.Rent(profile.Length);
        for (var m = 0; m < profile.Length; m++)
        {
            above[m] = (double)profile[m] - blankLogit;
        }

        Span<double> batch = stackalloc double[Batch];
        for (var first = 0; first < profile.Length; first += Batch)
        {
            for (var phase = 0; phase < Oversampling; phase++)
            {
                Convolve(above.AsSpan(0, profile.Length), _phases[phase], first, batch);
                for (var q = first; q < first + Batch && (q * Oversampling) + phase < filtered.Length; q++)
                {
                    filtered[(q * Oversampling) + phase] = (float)batch[q - first];
                }
            }
        }

        ArrayPool<double>.Shared.Return(above);
    }

    /// <summary>Writes a batch of samples of one phase. Each is a chain of fused products in the slices' order, so that its bits do
    /// not depend on the width of the processor's registers.</summary>
    private static void Convolve(ReadOnlySpan<double> profile, double[] taps, int first, Span<double> batch)
    {
        Vector256<double> a = default, b = default, c = default, d = default;
        ref var origin = ref MemoryMarshal.GetArrayDataReference(taps);
        var centre = first + ((taps.Length - Batch) / 2) - 1;
        for (var m = 0; m < profile.Length; m++)
        {
            var (value, tap) = (Vector256.Create(profile[m]), (nuint)(centre - m));
            a = Vector256.FusedMultiplyAdd(value, Vector256.LoadUnsafe(ref origin, tap), a);
            b = Vector256.FusedMultiplyAdd(value, Vector256.LoadUnsafe(ref origin, tap + 4), b);
            c = Vector256.FusedMultiplyAdd(value, Vector256.LoadUnsafe(ref origin, tap + 8), c);
            d = Vector256.FusedMultiplyAdd(value, Vector256.LoadUnsafe(ref origin, tap + 12), d);
        }

        a.CopyTo(batch);
        b.CopyTo(batch[4..]);
        c.CopyTo(batch[8..]);
        d.CopyTo(batch[12..]);
    }

    /// <summary>Filters consecutive profiles of <paramref name="offsetCount"/> samples each.</summary>
    /// <returns>Filtered profiles <c>[direction, filtered sample]</c>.</returns>
    public float[] ApplyRows(ReadOnlySpan<float> profiles, float blankLogit, int offsetCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(offsetCount, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(profiles.Length % offsetCount, 0, nameof(profiles));
        var length = FilteredLength(offsetCount);
        var filtered = new float[profiles.Length / offsetCount * length];
        for (var row = 0; row < profiles.Length / offsetCount; row++)
        {
            Apply(profiles.Slice(row * offsetCount, offsetCount), blankLogit, filtered.AsSpan(row * length, length));
        }

        return filtered;
    }

    private static double Response(double x, double alpha, FilterWindow window, double spacingMm)
    {
        var ramp = Math.Pow(x / spacingMm, alpha);
        return window switch
        {
            FilterWindow.None => ramp,
            FilterWindow.Cosine => ramp * Math.Cos(x / 2),
            FilterWindow.Hann => ramp * 0.5 * (1 + Math.Cos(x)),
            FilterWindow.ThreePoint => Math.Pow(2 * Math.Sin(x / 2) / spacingMm, alpha),
            _ => throw new ArgumentOutOfRangeException(nameof(window), window, "Choose none, cosine, hann or 3point."),
        };
    }

    /// <summary>Adds amplitude · cos(mx) to tap m, by the recurrence cos((m+1)x) = 2 cos x cos(mx) − cos((m−1)x).</summary>
    private static void AddCosines(Span<double> taps, double x, double amplitude)
    {
        var twice = 2 * Math.Cos(x);
        var (previous, current) = (Math.Cos(x), 1.0);
        for (var m = 0; m < taps.Length; m++)
        {
            taps[m] += amplitude * current;
            (previous, current) = (current, (twice * current) - previous);
        }
    }
}
