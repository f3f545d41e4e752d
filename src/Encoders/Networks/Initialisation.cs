namespace ToNNO.Encoders.Networks;

/// <summary>Seeded starts of weights: the same on every machine and thread, as torch's global generator is not used.</summary>
internal static class Initialisation
{
    /// <summary>Fills with normal numbers of mean 0.</summary>
    public static void Normal(Span<float> values, double deviation, Random random)
    {
        foreach (ref var value in values)
        {
            // Box-Muller; 1 - u keeps the logarithm finite.
            var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            value = (float)(deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }
    }
}
