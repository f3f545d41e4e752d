using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Checking;

/// <summary>Slices to try an encoder on where there are none from its training: discs of all sizes and brightnesses on a slope, from
/// nearly blank to nearly full, so that the logits of any network that looks at its slices differ.</summary>
internal static class SampleSlices
{
    /// <summary>Edge of slices where nobody has one.</summary>
    public const int CommonSize = 128;

    /// <param name="intensities">By channel: pixels fill the range that a window is mapped to, 0 to 1 where there is none.</param>
    /// <returns>Pixels <c>[count, channels, size, size]</c>; the same every time.</returns>
    public static float[] Make(int count, IReadOnlyList<IntensityMap> intensities, int size)
    {
        var channels = intensities.Count;
        var pixels = new float[count * channels * size * size];
        for (var image = 0; image < count * channels; image++)
        {
            // Multiples of the golden ratio and of two others fill [0, 1) evenly, however many are taken.
            double Fraction(double step) => ((image + 1) * step) % 1;
            var (x, y, radius) = (size * Fraction(0.7548776662466927), size * Fraction(0.5698402909980532), 0.05 + (0.4 * Fraction(0.6180339887498949)));
            var (bright, slope) = (0.2 + (0.6 * Fraction(0.4142135623730951)), 0.2 * Fraction(0.7320508075688772));
            var map = intensities[image % channels];
            for (var row = 0; row < size; row++)
            {
                for (var column = 0; column < size; column++)
                {
                    var inside = Math.Pow(column - x, 2) + Math.Pow(row - y, 2) < Math.Pow(radius * size, 2);
                    pixels[(((image * size) + row) * size) + column] = map.PixelLow + ((map.PixelHigh - map.PixelLow) * (float)((slope * row / size) + (inside ? bright : 0)));
                }
            }
        }

        return pixels;
    }
}
