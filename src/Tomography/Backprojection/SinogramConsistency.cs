using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>How well a sinogram and its heatmap fit each other: cheap numbers that say whether to trust the heatmap.</summary>
/// <remarks>Plane integrals obey the Helgason-Ludwig conditions, scores of a network need not (METHOD §7.8). Both numbers run
/// from 0 to 1 and depend on neither the unit nor the offset of the logits.</remarks>
/// <param name="ReprojectionResidual">Part of the sinogram that the heatmap's bright voxels do not explain. Rises with too few
/// directions and with a score that saturates. At α = 2 below .3 where a linear score has enough directions; a lower exponent
/// blurs the heatmap, so that even these leave .2 to .7 at α = ½: there it compares volumes of one setting. Figures: docs/geometry.md.</param>
/// <param name="IntegralSpread">Spread of the profiles' integrals over the directions. A score linear in lesion area gives the
/// same integral along each; it rises with a score that saturates, and with one that is not the blank logit away from lesions.</param>
public readonly record struct SinogramConsistency(double ReprojectionResidual, double IntegralSpread)
{
    /// <summary>Holds a heatmap against the sinogram that it was made of.</summary>
    /// <remarks>Both sides pass |ω| and a Hann window: |ω|² would look at noise and at the edges of voxels, the integral alone at the
    /// background. The best common scale is divided out.</remarks>
    /// <param name="sinogram">Logits <c>[direction, offset]</c>.</param>
    /// <param name="blankLogit">The encoder's answer to a slice of fill.</param>
    /// <param name="reprojection">Of the whole heatmap.</param>
    public static SinogramConsistency Of(ReadOnlySpan<float> sinogram, float blankLogit, SamplingPlan plan, BrightReprojection reprojection)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.Length, plan.Directions.Count * plan.OffsetCount, nameof(sinogram));
        var coarse = reprojection.Plan;
        var measured = Coarsened(sinogram[..(reprojection.DirectionCount * plan.OffsetCount)], blankLogit, plan, coarse);
        return new(Residual(measured, reprojection.Profiles(), coarse), Spread(sinogram, blankLogit, plan));
    }

    /// <summary>√(1 − cos²) of the angle between two sets of profiles: what is left of one after the best multiple of the other.</summary>
    private static double Residual(float[] measured, float[] explained, SamplingPlan plan)
    {
        var filter = ProfileFilter.Create(1, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount);
        var (a, b) = (filter.ApplyRows(measured, 0, plan.OffsetCount), filter.ApplyRows(explained, 0, plan.OffsetCount));
        var (product, normA, normB) = (0.0, 0.0, 0.0);
        for (var at = 0; at < a.Length; at++)
        {
            product += (double)a[at] * b[at];
            normA += (double)a[at] * a[at];
            normB += (double)b[at] * b[at];
        }

        // Nothing to explain is explained; something, by nothing or by the opposite, is not.
        return normA == 0 ? 0 : product <= 0 ? 1 : Math.Sqrt(Math.Max(0, 1 - (product / normA * product / normB)));
    }

    /// <summary>Profiles, less the blank logit, shared out over a coarser stack by the reprojector's linear weights.</summary>
    private static float[] Coarsened(ReadOnlySpan<float> profiles, float blankLogit, SamplingPlan plan, SamplingPlan coarse)
    {
        var target = new double[profiles.Length / plan.OffsetCount * coarse.OffsetCount];
        var scale = plan.SpacingMm / coarse.SpacingMm;
        for (var at = 0; at < profiles.Length; at++)
        {
            var position = (plan.OffsetMm(at % plan.OffsetCount) / coarse.SpacingMm) + (coarse.OffsetCount / 2);
            var (below, value) = ((int)Math.Floor(position), scale * ((double)profiles[at] - blankLogit));
            var row = target.AsSpan(at / plan.OffsetCount * coarse.OffsetCount, coarse.OffsetCount);
            if (below >= 0 && below < row.Length)
            {
                row[below] += (1 - (position - below)) * value;
            }

            if (below + 1 >= 0 && below + 1 < row.Length)
            {
                row[below + 1] += (position - below) * value;
            }
        }

        return Array.ConvertAll(target, value => (float)value);
    }

    /// <summary>Weighted deviation of the profiles' integrals from their mean, over their root mean square.</summary>
    private static double Spread(ReadOnlySpan<float> sinogram, float blankLogit, SamplingPlan plan)
    {
        var integrals = new double[plan.Directions.Count];
        var (mean, square) = (0.0, 0.0);
        for (var direction = 0; direction < integrals.Length; direction++)
        {
            foreach (var logit in sinogram.Slice(direction * plan.OffsetCount, plan.OffsetCount))
            {
                integrals[direction] += (double)logit - blankLogit;
            }

            mean += plan.Directions.Weights[direction] * integrals[direction];
            square += plan.Directions.Weights[direction] * integrals[direction] * integrals[direction];
        }

        var deviation = 0.0;
        for (var direction = 0; direction < integrals.Length; direction++)
        {
            deviation += plan.Directions.Weights[direction] * (integrals[direction] - mean) * (integrals[direction] - mean);
        }

        return square == 0 ? 0 : Math.Sqrt(deviation / square);
    }
}
