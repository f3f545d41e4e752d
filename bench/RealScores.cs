using ToNNO.Tonno.Evaluation;

namespace ToNNO.Bench;

/// <summary>How one method does on one patient.</summary>
/// <param name="Dice">By each of the method's choices, in their order.</param>
/// <param name="Best">With the choice that suits this patient best, any threshold included: what no rule can know.</param>
/// <param name="PeakInside">Whether the heatmap's peak lies in the reference, by each of the method's filters.</param>
internal sealed record RealScores(double[] Dice, double[] Best, bool[] PeakInside)
{
    /// <summary>Shares of a heatmap's own peak that a rule may cut it at.</summary>
    public static IReadOnlyList<double> Shares { get; } = [.. Enumerable.Range(1, 38).Select(step => step / 40.0)];

    /// <summary>Scores of heatmaps of several filters, each cut at each share: choice = filter · shares + share.</summary>
    public static RealScores OfHeatmaps(IReadOnlyList<float[]> heatmaps, byte[] reference) => new(
        [.. heatmaps.SelectMany(heatmap => ByShare(heatmap, reference))],
        [.. heatmaps.Select(heatmap => new RankedVoxels(heatmap, reference).BestDice().Dice)],
        [.. heatmaps.Select(heatmap => reference[Array.IndexOf(heatmap, heatmap.Max())] != 0)]);

    /// <summary>Scores of a method that has no heatmap.</summary>
    public static RealScores OfMasks(double[] dice) => new(dice, [dice.Max()], []);

    private static IEnumerable<double> ByShare(float[] heatmap, byte[] reference)
    {
        var peak = (double)heatmap.Max();
        return Shares.Select(share => ToNNO.Tonno.Evaluation.Dice.Above(heatmap, share * peak, reference));
    }
}
