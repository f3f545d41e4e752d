using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Iterative;

/// <summary>The heatmap f ≥ 0 that explains a sinogram best: the least Φ(f) = ½ Σ_j w_j ⟨r_j, F r_j⟩ with r = A f − g.</summary>
/// <remarks>
/// FISTA (Beck and Teboulle 2009, doi 10.1137/080716542) with step 1/λ, λ the largest eigenvalue of f ↦ Bᵗ F A f, where Bᵗ is Aᵀ W scaled as
/// a backprojection is: the identity where directions suffice, of norm far above 1 where they do not, so that a step of 1 diverges (METHOD §7.8).
/// An iteration that raises Φ is taken back and the momentum dropped (O'Donoghue and Candès 2015, doi 10.1007/s10208-013-9150-3), so that
/// Φ falls from each kept iterate to the next.
/// </remarks>
public sealed class NonNegativeSolver
{
    /// <summary>Of the power iteration, which comes from below: 1 % off after as many.</summary>
    private const int PowerSteps = 12;

    private const double Margin = 1.05;

    private readonly PlaneProjector _projector;
    private readonly SamplingPlan _plan;
    private readonly SymmetricFilter _filter;
    private readonly IterativeOptions _options;
    private readonly long _voxels;

    /// <exception cref="ArgumentOutOfRangeException">The exponent lies outside [0, 2], or no iteration or a negative change is allowed.</exception>
    public NonNegativeSolver(VolumeGeometry geometry, SamplingPlan plan, IterativeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MostIterations, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.Tolerance, nameof(options));
        (_projector, _plan, _options, _voxels) = (new PlaneProjector(geometry, plan), plan, options, geometry.Shape.VoxelCount);
        _filter = new SymmetricFilter(options.Alpha, options.Window, plan);
    }

    /// <summary>Memory in bytes that a solution takes at its peak, beside the sinogram: three volumes.</summary>
    public static long PredictedBytes(VolumeShape shape) => 3 * sizeof(float) * shape.VoxelCount;

    /// <param name="sinogram">Logits <c>[direction, offset]</c> of one class.</param>
    /// <param name="blankLogit">The encoder's answer to a slice of fill.</param>
    /// <param name="report">Hears of each iteration.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IterativeResult Solve(ReadOnlySpan<float> sinogram, float blankLogit, Action<IterativeStep>? report = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.Length, _plan.Directions.Count * _plan.OffsetCount, nameof(sinogram));
        var measured = new double[sinogram.Length];
        for (var at = 0; at < measured.Length; at++)
        {
            measured[at] = (double)sinogram[at] - blankLogit;
        }

        // f = 0 leaves −g.
        var current = Fit.Of(Array.ConvertAll(measured, value => -value), _filter, _plan);
        var all = current.Misfit;
        var lambda = all == 0 ? 1 : Margin * LargestEigenvalue(cancel);
        var (heatmap, ahead, next) = (new float[_voxels], new float[_voxels], new float[_voxels]);
        var (misfitAhead, momentum, residual) = ((double[])current.Filtered.Clone(), 1.0, all == 0 ? 0 : 1.0);
        for (var iteration = 1; all > 0 && iteration <= _options.MostIterations; iteration++)
        {
            _projector.Backproject(misfitAhead, next, cancel);
            Descend(ahead, next, 1 / lambda);
            var profiles = new double[measured.Length];
            _projector.Project(next, profiles, cancel);
            for (var at = 0; at < profiles.Length; at++)
            {
                profiles[at] -= measured[at];
            }

            var fit = Fit.Of(profiles, _filter, _plan);
            if (fit.Misfit > current.Misfit)
            {
                lambda *= momentum == 1 ? 1.5 : 1; // a plain step only rises where λ was too small
                momentum = 1;
                heatmap.CopyTo(ahead, 0);
                current.Filtered.CopyTo(misfitAhead, 0);
                report?.Invoke(new IterativeStep(iteration, residual, 0, Restarted: true));
                continue;
            }

            var later = (1 + Math.Sqrt(1 + (4 * momentum * momentum))) / 2;
            var part = (momentum - 1) / later;
            var change = Advance(heatmap, next, ahead, part);
            for (var at = 0; at < misfitAhead.Length; at++)
            {
                misfitAhead[at] = fit.Filtered[at] + (part * (fit.Filtered[at] - current.Filtered[at]));
            }

            (current, momentum, residual) = (fit, later, Math.Sqrt(fit.Misfit / all));
            (heatmap, next) = (next, heatmap);
            report?.Invoke(new IterativeStep(iteration, residual, change, Restarted: false));
            if (change <= _options.Tolerance)
            {
                return new IterativeResult(heatmap, iteration, Converged: true, lambda / Margin, residual);
            }
        }

        return new IterativeResult(heatmap, all == 0 ? 0 : _options.MostIterations, Converged: all == 0, lambda / Margin, residual);
    }

    /// <summary>λ by power iteration from a fixed start that has no structure.</summary>
    internal double LargestEigenvalue(CancellationToken cancel = default)
    {
        var random = new Random(1);
        var (vector, profiles, filtered) = (new float[_voxels], new double[_plan.Directions.Count * _plan.OffsetCount], new double[_plan.Directions.Count * _plan.OffsetCount]);
        for (var at = 0; at < vector.Length; at++)
        {
            vector[at] = (2 * random.NextSingle()) - 1;
        }

        var (norm, lambda) = (Norm(vector), 0.0);
        for (var step = 0; step < PowerSteps; step++)
        {
            _projector.Project(vector, profiles, cancel);
            _filter.Apply(profiles, filtered);
            _projector.Backproject(filtered, vector, cancel);
            var grown = Norm(vector);
            (lambda, norm) = (grown / norm, 1);
            for (var at = 0; at < vector.Length; at++)
            {
                vector[at] = (float)(vector[at] / grown);
            }
        }

        return lambda;
    }

    /// <summary>Replaces a gradient by what a step against it gives, held above 0.</summary>
    private static void Descend(float[] from, float[] gradient, double step)
    {
        for (var at = 0; at < from.Length; at++)
        {
            gradient[at] = MathF.Max(0, from[at] - ((float)step * gradient[at]));
        }
    }

    /// <summary>Writes next + part·(next − last) into <paramref name="ahead"/>.</summary>
    /// <returns>‖next − last‖/‖next‖.</returns>
    private static double Advance(float[] last, float[] next, float[] ahead, double part)
    {
        var (moved, norm) = (0.0, 0.0);
        for (var at = 0; at < next.Length; at++)
        {
            var difference = next[at] - last[at];
            ahead[at] = next[at] + ((float)part * difference);
            moved += (double)difference * difference;
            norm += (double)next[at] * next[at];
        }

        return norm == 0 ? 0 : Math.Sqrt(moved / norm);
    }

    private static double Norm(float[] vector)
    {
        var sum = 0.0;
        foreach (var value in vector)
        {
            sum += (double)value * value;
        }

        return Math.Sqrt(sum);
    }

    /// <summary>What a heatmap leaves: F r, and Φ.</summary>
    private sealed record Fit(double[] Filtered, double Misfit)
    {
        public static Fit Of(double[] residual, SymmetricFilter filter, SamplingPlan plan)
        {
            var (filtered, misfit) = (new double[residual.Length], 0.0);
            filter.Apply(residual, filtered);
            for (var at = 0; at < residual.Length; at++)
            {
                misfit += 0.5 * plan.Directions.Weights[at / plan.OffsetCount] * residual[at] * filtered[at];
            }

            return new Fit(filtered, misfit);
        }
    }
}
