namespace ToNNO.Tonno.Evaluation;

/// <summary>Dice overlap 2|A ∩ B| / (|A| + |B|) of a prediction and a reference; NaN where both are empty.</summary>
internal static class Dice
{
    /// <param name="predicted">One byte per voxel, 0 outside.</param>
    /// <param name="reference">The same for the reference.</param>
    public static double Of(ReadOnlySpan<byte> predicted, ReadOnlySpan<byte> reference)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(predicted.Length, reference.Length, nameof(predicted));
        var (both, sum) = (0L, 0L);
        for (var at = 0; at < predicted.Length; at++)
        {
            var (p, r) = (predicted[at] != 0, reference[at] != 0);
            both += p && r ? 1 : 0;
            sum += (p ? 1 : 0) + (r ? 1 : 0);
        }

        return Ratio(both, sum);
    }

    /// <summary>Dice of the voxels that are positive and at or above a bound: the ones that a heatmap's mask holds.</summary>
    public static double Above(ReadOnlySpan<float> values, double bound, ReadOnlySpan<byte> reference)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, reference.Length, nameof(values));
        var (both, sum) = (0L, 0L);
        for (var at = 0; at < values.Length; at++)
        {
            var (p, r) = (values[at] > 0 && values[at] >= bound, reference[at] != 0);
            both += p && r ? 1 : 0;
            sum += (p ? 1 : 0) + (r ? 1 : 0);
        }

        return Ratio(both, sum);
    }

    private static double Ratio(long both, long sum) => sum == 0 ? double.NaN : 2.0 * both / sum;
}
