using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>The values that a picture's darkest and brightest colour stand for.</summary>
public readonly record struct DisplayRange(float Low, float High)
{
    /// <summary>True where all values are the same, or none is finite: there is nothing to scale.</summary>
    public bool IsEmpty => !(High > Low);

    /// <summary>From the 1st to the 99.5th percentile: a hot bladder or an implant must not turn the rest black.</summary>
    public static DisplayRange ForImage(VolumeSamples samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var spread = new ValueSpread(samples.Count);
        var run = new float[Math.Min(samples.Count, 1 << 12)];
        for (var position = 0L; position < samples.Count; position += run.Length)
        {
            var next = run.AsSpan(0, (int)Math.Min(run.Length, samples.Count - position));
            samples.CopyTo(position, next);
            spread.Append(next);
        }

        return ForImage(spread);
    }

    /// <summary>From the median to the peak.</summary>
    /// <remarks>Not from zero: at a low filter exponent a heatmap has a broad positive floor, and one that has lost its
    /// offset has any floor; half of the voxels stay uncoloured in each case.</remarks>
    public static DisplayRange ForHeatmap(ReadOnlySpan<float> samples)
    {
        var spread = new ValueSpread(samples.Length);
        spread.Append(samples);
        return ForHeatmap(spread);
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

    internal static DisplayRange ForImage(ValueSpread spread)
    {
        var robust = new DisplayRange(spread.Quantile(0.01), spread.Quantile(0.995));
        return robust.IsEmpty ? spread.Full : robust;
    }

    internal static DisplayRange ForHeatmap(ValueSpread spread)
    {
        var floored = spread.Full with { Low = spread.Quantile(0.5) };
        return floored.IsEmpty ? spread.Full : floored;
    }
}
