using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Training;

/// <summary>Edge and pixel size of the slices to learn from.</summary>
internal readonly record struct TrainingGrid(int Size, double PixelMm)
{
    /// <summary>Larger slices cost more than their detail is worth to a network that is to be trained without a GPU.</summary>
    private const int LargestSize = 96;

    private const int SmallestSize = 16;

    /// <summary>What is given, and else: pixels as fine as half of the volumes are or finer, in slices that cover the largest volume in
    /// every direction, but of no more than <see cref="LargestSize"/> pixels: then they are coarser.</summary>
    public static TrainingGrid Choose(IReadOnlyList<VolumeGeometry> volumes, double? pixelMm, int? size)
    {
        var acrossMm = 2 * volumes.Max(volume => volume.RadiusMm);
        var finest = volumes.Select(volume => volume.FinestSpacingMm).Order().ElementAt(volumes.Count / 2);
        // Four digits: a number for people, and the same whatever rounding made of its last bits.
        var pixel = pixelMm ?? Rounded(Math.Max(finest, acrossMm / (size ?? LargestSize)));
        return new(size ?? Math.Clamp(8 * (int)Math.Ceiling(acrossMm / pixel / 8), SmallestSize, LargestSize), pixel);
    }

    private static double Rounded(double value)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(value)) - 3);
        return Math.Round(Math.Round(value / unit) * unit, 9);
    }
}
