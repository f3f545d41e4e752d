using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Training;

/// <summary>A volume to cut, with its label and its intensity window.</summary>
/// <param name="Index">Of the volume among <see cref="TrainingVolumes"/>.</param>
internal sealed record SlicedVolume(int Index, bool IsPositive, string Patient, IntensityMap Intensity)
{
    /// <summary>What an encoder took for lesions, 1 in them and 0 elsewhere; null where the volume's label is all that is known.</summary>
    public Volume? Mask { get; init; }

    /// <summary>Cuts a slice and says what is to be learned of it: the volume's label or, where there is a mask, the slice's part that it
    /// covers, in hundredths; a volume without lesions has none in any slice.</summary>
    public float Cut(Volume volume, Random random, Span<float> pixels, int size, double pixelMm, IntensityMap intensity)
    {
        if (Mask is { } mask)
        {
            return (float)(100 * RandomSlice.Cut(volume, mask, random, pixels, size, pixelMm, intensity));
        }

        RandomSlice.Cut(volume, random, pixels, size, pixelMm, intensity);
        return IsPositive ? 1 : 0;
    }
}

/// <summary>Slices to learn from. A slice bears its volume's label, whether it meets a lesion or not: that is all that is known.</summary>
/// <remarks>Every other slice is positive. Of either label a patient is drawn, then one of the patient's volumes: neither the rarer label
/// nor a patient with few volumes counts for less.</remarks>
internal sealed class TrainingSlices : ISliceSource
{
    /// <summary>The window's width is changed by up to this part, so that the intensities have another gain.</summary>
    private const double Gain = 0.1;

    /// <summary>The window is moved by up to this part of its width.</summary>
    private const double Shift = 0.05;

    private readonly TrainingVolumes _volumes;
    private readonly SlicedVolume[][] _positive;
    private readonly SlicedVolume[][] _negative;
    private readonly int _size;
    private readonly double _pixelMm;
    private readonly int _seed;

    public TrainingSlices(TrainingVolumes volumes, IReadOnlyList<SlicedVolume> sliced, int size, double pixelMm, int seed)
    {
        (_volumes, _size, _pixelMm, _seed) = (volumes, size, pixelMm, seed);
        SlicedVolume[][] Of(bool label) =>
            [.. sliced.Where(volume => volume.IsPositive == label).GroupBy(volume => volume.Patient, StringComparer.Ordinal).Select(patient => patient.ToArray())];
        (_positive, _negative) = (Of(true), Of(false));
    }

    public void Fill(int batch, Span<float> pixels, Span<float> labels)
    {
        var random = RandomSlice.Seeded(_seed, batch);
        for (var slot = 0; slot < labels.Length; slot++)
        {
            var isPositive = ((batch + slot) & 1) == 0; // of batches of one, too
            var patients = isPositive ? _positive : _negative;
            var volumes = patients[random.Next(patients.Length)];
            var volume = volumes[random.Next(volumes.Length)];
            var intensity = Vary(volume.Intensity, random);
            labels[slot] = volume.Cut(_volumes[volume.Index], random, pixels.Slice(slot * _size * _size, _size * _size), _size, _pixelMm, intensity);
        }
    }

    /// <summary>Another gain and another zero, made by the window: what it cuts off it still cuts off.</summary>
    internal static IntensityMap Vary(IntensityMap map, Random random)
    {
        double Symmetric() => (2 * random.NextDouble()) - 1;
        var width = (double)map.High - map.Low;
        var low = map.Low + (Shift * Symmetric() * width);
        return new((float)low, (float)(low + (width * (1 + (Gain * Symmetric())))), map.Fill, map.PixelLow, map.PixelHigh);
    }
}

/// <summary>Slices to validate on: of each volume in turn the same number, always the same ones, as they are.</summary>
internal sealed class FixedSlices(TrainingVolumes volumes, IReadOnlyList<SlicedVolume> sliced, int perVolume, int size, double pixelMm, int seed) : ISliceSource
{
    public void Fill(int batch, Span<float> pixels, Span<float> labels)
    {
        for (var slot = 0; slot < labels.Length;)
        {
            var (at, within) = Math.DivRem((batch * labels.Length) + slot, perVolume);
            var volume = sliced[Math.Min(at, sliced.Count - 1)];
            var voxels = volumes[volume.Index];
            for (; within < perVolume && slot < labels.Length; within++, slot++)
            {
                labels[slot] = volume.Cut(
                    voxels, RandomSlice.Seeded(seed, (at * perVolume) + within), pixels.Slice(slot * size * size, size * size), size, pixelMm, volume.Intensity);
            }
        }
    }
}
