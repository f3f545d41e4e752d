using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>The values that a picture's darkest and brightest colour stand for.</summary>
public readonly record struct DisplayRange(float Low, float High)
{
    private const int LargestSample = 1 << 20;

    /// <summary>True where all values are the same, or none is finite: there is nothing to scale.</summary>
    public bool IsEmpty => !(High > Low);

    /// <summary>From the 1st to the 99.5th percentile: a hot bladder or an implant must not turn the rest black.</summary>
    public static DisplayRange ForImage(VolumeSamples samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var step = Step(samples.Count);
        var sample = new float[(samples.Count + step - 1) / step];
        for (var index = 0; index < sample.Length; index++)
        {
            sample[index] = samples[index * step];
        }

        var sorted = Sorted(sample, 1);
        var robust = new DisplayRange(Quantile(sorted, 0.01), Quantile(sorted, 0.995));
        return robust.IsEmpty ? FullRange(samples) : robust;
    }

    /// <summary>From the median to the peak.</summary>
    /// <remarks>Not from zero: at a low filter exponent a heatmap has a broad positive floor, and one that has lost its
    /// offset has any floor; half of the voxels stay uncoloured in each case.</remarks>
    public static DisplayRange ForHeatmap(ReadOnlySpan<float> samples)
    {
        var full = FullRange(samples);
        var floored = full with { Low = Quantile(Sorted(samples, Step(samples.Length)), 0.5) };
        return floored.IsEmpty ? full : floored;
    }

    /// <summary>Position of a value in the range, clamped to [0, 1]; 0 for a value that is not a number, ½ in an empty range.</summary>
    public float Fraction(float value)
    {
        if (float.IsNaN(value))
        {
            return 0;
        }

        return IsEmpty ? 0.5f : (float)Math.Clamp(((double)value - Low) / ((double)High - Low), 0, 1);
    }

    private static DisplayRange FullRange(ReadOnlySpan<float> samples)
    {
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var sample in samples)
        {
            Extend(ref low, ref high, sample);
        }

        return low <= high ? new(low, high) : default;
    }

    private static DisplayRange FullRange(VolumeSamples samples)
    {
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        for (var position = 0L; position < samples.Count; position++)
        {
            Extend(ref low, ref high, samples[position]);
        }

        return low <= high ? new(low, high) : default;
    }

    private static void Extend(ref float low, ref float high, float sample)
    {
        if (float.IsFinite(sample))
        {
            low = Math.Min(low, sample);
            high = Math.Max(high, sample);
        }
    }

    // Odd, so that it does not keep to the same columns of a grid whose rows are a power of two long.
    private static long Step(long count) => (count / LargestSample) | 1;

    private static List<float> Sorted(ReadOnlySpan<float> samples, long step)
    {
        var sample = new List<float>((int)(samples.Length / step) + 1);
        for (var index = 0L; index < samples.Length; index += step)
        {
            if (float.IsFinite(samples[(int)index]))
            {
                sample.Add(samples[(int)index]);
            }
        }

        sample.Sort();
        return sample;
    }

    private static float Quantile(List<float> sorted, double fraction) =>
        sorted.Count == 0 ? 0 : sorted[(int)Math.Round(fraction * (sorted.Count - 1))];
}
