namespace ToNNO.Tomography.Geometry;

/// <summary>The intensities of a volume: float32, or int16 with a slope and an intercept, in half the memory.</summary>
public sealed class VolumeSamples
{
    private VolumeSamples(float[] floats, short[] shorts, float slope, float inter) =>
        (Floats, Shorts, Slope, Inter) = (floats, shorts, slope, inter);

    /// <summary>Number of samples.</summary>
    public long Count => IsInt16 ? Shorts.LongLength : Floats.LongLength;

    /// <summary>Memory that the samples take.</summary>
    public long SizeBytes => IsInt16 ? Shorts.LongLength * sizeof(short) : Floats.LongLength * sizeof(float);

    /// <summary>True where the samples are stored as int16.</summary>
    public bool IsInt16 { get; private init; }

    internal float[] Floats { get; }

    internal short[] Shorts { get; }

    /// <summary>Intensity = <see cref="Slope"/> · stored + <see cref="Inter"/>, rounded once; 1 and 0 for float32.</summary>
    internal float Slope { get; }

    internal float Inter { get; }

    /// <summary>The intensity at a place in memory.</summary>
    public float this[long position] => IsInt16 ? Intensity(Shorts[position], Slope, Inter) : Floats[position];

    public static implicit operator VolumeSamples(float[] samples) => FromFloats(samples);

    /// <summary>Intensities as they are; the array becomes the samples'.</summary>
    public static VolumeSamples FromFloats(float[] samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return new(samples, [], 1, 0);
    }

    /// <summary>Stored values whose intensity is <see cref="Intensity"/>; the array becomes the samples'.</summary>
    public static VolumeSamples FromInt16(short[] stored, float slope, float inter)
    {
        ArgumentNullException.ThrowIfNull(stored);
        return new([], stored, slope, inter) { IsInt16 = true };
    }

    /// <summary>The intensity of a stored value: <c>slope · stored + inter</c>, rounded once.</summary>
    public static float Intensity(short stored, float slope, float inter) => MathF.FusedMultiplyAdd(slope, stored, inter);

    /// <summary>The intensities as float32: the samples themselves, or a copy where they are stored as int16.</summary>
    public float[] AsFloats()
    {
        if (!IsInt16)
        {
            return Floats;
        }

        var intensities = GC.AllocateUninitializedArray<float>(Shorts.Length);
        CopyTo(0, intensities);
        return intensities;
    }

    /// <summary>Copies a run of intensities, as many as the destination holds.</summary>
    public void CopyTo(long position, Span<float> destination)
    {
        if (!IsInt16)
        {
            Floats.AsSpan((int)position, destination.Length).CopyTo(destination);
            return;
        }

        var stored = Shorts.AsSpan((int)position, destination.Length);
        for (var at = 0; at < destination.Length; at++)
        {
            destination[at] = Intensity(stored[at], Slope, Inter);
        }
    }
}
