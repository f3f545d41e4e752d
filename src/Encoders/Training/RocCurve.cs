namespace ToNNO.Encoders.Training;

/// <summary>How well scores separate two groups.</summary>
public static class RocCurve
{
    /// <summary>Area under the ROC curve: the chance that a positive outscores a negative, ties counting half.</summary>
    /// <remarks>Mann-Whitney's U by mid-ranks, exact and without a threshold grid.</remarks>
    /// <exception cref="ArgumentException">Lengths differ, a score is NaN, or one of the groups is empty.</exception>
    public static double Auc(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive)
    {
        if (scores.Length != positive.Length)
        {
            throw new ArgumentException($"{scores.Length} scores have {positive.Length} labels.", nameof(positive));
        }

        var sorted = scores.ToArray();
        var labels = positive.ToArray();
        Array.Sort(sorted, labels);
        // NaN sorts first.
        if (sorted.Length > 0 && float.IsNaN(sorted[0]))
        {
            throw new ArgumentException("A score is NaN.", nameof(scores));
        }

        double rankSum = 0;
        long positives = 0;
        for (int begin = 0, end; begin < sorted.Length; begin = end)
        {
            end = begin + 1;
            while (end < sorted.Length && sorted[end] == sorted[begin])
            {
                end++;
            }

            var tied = labels.AsSpan(begin, end - begin).Count(true);
            positives += tied;
            rankSum += tied * (begin + 1 + end) / 2.0;
        }

        var negatives = sorted.Length - positives;
        if (positives == 0 || negatives == 0)
        {
            throw new ArgumentException($"{positives} positives and {negatives} negatives have no ROC curve.", nameof(positive));
        }

        return (rankSum - (positives * (positives + 1) / 2.0)) / ((double)positives * negatives);
    }
}
