namespace ToNNO.Imaging.Previews;

/// <summary>Scales a plane of numbers to the pixels of a picture.</summary>
/// <remarks>Numbers and not colours: between blue and yellow lies a value's own colour, not grey.</remarks>
internal static class PlaneResampler
{
    /// <summary>Cubic (Catmull-Rom) where it enlarges; where it shrinks the kernel widens, so that fine detail is averaged.</summary>
    /// <param name="plane">Finite values, row by row.</param>
    public static float[] Resample(ReadOnlySpan<float> plane, int columns, int rows, int width, int height)
    {
        var across = Taps.For(columns, width);
        var down = Taps.For(rows, height);
        var narrow = new float[width * rows];
        for (var row = 0; row < rows; row++)
        {
            for (var x = 0; x < width; x++)
            {
                var sum = 0.0;
                for (var tap = 0; tap < across.Length; tap++)
                {
                    sum += across.Weights[(x * across.Length) + tap]
                        * plane[(row * columns) + across.Indices[(x * across.Length) + tap]];
                }

                narrow[(row * width) + x] = (float)sum;
            }
        }

        var picture = new float[width * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var sum = 0.0;
                for (var tap = 0; tap < down.Length; tap++)
                {
                    sum += down.Weights[(y * down.Length) + tap]
                        * narrow[(down.Indices[(y * down.Length) + tap] * width) + x];
                }

                picture[(y * width) + x] = (float)sum;
            }
        }

        return picture;
    }

    private sealed record Taps(int Length, int[] Indices, double[] Weights)
    {
        public static Taps For(int voxels, int pixels)
        {
            var voxelsPerPixel = (double)voxels / pixels;
            var stretch = Math.Max(1, voxelsPerPixel);
            var length = (2 * (int)Math.Ceiling(2 * stretch)) + 1;
            var taps = new Taps(length, new int[pixels * length], new double[pixels * length]);
            for (var pixel = 0; pixel < pixels; pixel++)
            {
                var centre = ((pixel + 0.5) * voxelsPerPixel) - 0.5;
                var first = (int)Math.Round(centre) - (length / 2);
                var sum = 0.0;
                for (var tap = 0; tap < length; tap++)
                {
                    var weight = CatmullRom((first + tap - centre) / stretch);
                    taps.Indices[(pixel * length) + tap] = Math.Clamp(first + tap, 0, voxels - 1);
                    taps.Weights[(pixel * length) + tap] = weight;
                    sum += weight;
                }

                for (var tap = 0; tap < length; tap++)
                {
                    taps.Weights[(pixel * length) + tap] /= sum;
                }
            }

            return taps;
        }

        private static double CatmullRom(double distance)
        {
            var d = Math.Abs(distance);
            return d switch
            {
                < 1 => 1 + (d * d * ((1.5 * d) - 2.5)),
                < 2 => 2 + (d * (-4 + (d * (2.5 - (0.5 * d))))),
                _ => 0,
            };
        }
    }
}
