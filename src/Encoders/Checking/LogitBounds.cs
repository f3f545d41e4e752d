using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Checking;

/// <summary>How far logits may be from those of the same network elsewhere or in other numbers.</summary>
public static class LogitBounds
{
    /// <summary>In float32: of the largest logit, and of 1 where all are smaller. The same operators in another order, in networks of tens of
    /// layers, differ by a hundredth of it.</summary>
    public const double Full = 1e-4;

    /// <summary>In bfloat16: of the logits' spread, since the heatmap is made of their differences. The heatmap of a ResNet-18 of random
    /// weights differs by .03 (docs/benchmarks.md). A network whose logits hardly differ from slice to slice does not stay within.</summary>
    public const double Half = 0.05;

    /// <param name="actual">Logits <c>[slice, class]</c>.</param>
    /// <param name="expected">What they should be.</param>
    /// <param name="precision">The numbers that <paramref name="actual"/> were computed with.</param>
    /// <param name="tolerance">Stands in place of the bound.</param>
    public static LogitComparison Compare(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, IReadOnlyList<string> classes, EncoderPrecision precision, double? tolerance)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (actual.Length != expected.Length || expected.IsEmpty || expected.Length % classes.Count != 0)
        {
            throw new ArgumentException($"{actual.Length} logits of {classes.Count} classes are held against {expected.Length}.", nameof(actual));
        }

        var (largest, at, highest, spread) = (-1.0, 0, 0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = Math.Abs((double)actual[i] - expected[i]);
            (largest, at) = difference > largest ? (difference, i) : (largest, at);
            highest = Math.Max(highest, Math.Abs(expected[i]));
        }

        for (var number = 0; number < classes.Count; number++)
        {
            var (low, high) = (double.MaxValue, double.MinValue);
            for (var i = number; i < expected.Length; i += classes.Count)
            {
                (low, high) = (Math.Min(low, expected[i]), Math.Max(high, expected[i]));
            }

            spread = Math.Max(spread, high - low);
        }

        // A single slice, or slices that are all alike, have no spread.
        var bound = precision == EncoderPrecision.Bf16 ? Half * (spread > 0 ? spread : highest) : Full * Math.Max(1, highest);
        return new LogitComparison(expected.Length / classes.Count, largest, at / classes.Count, classes[at % classes.Count], spread, tolerance ?? bound);
    }
}
