using ToNNO.Tomography.Filtering;

namespace ToNNO.Tomography.Iterative;

/// <summary>How <see cref="NonNegativeSolver"/> weighs what does not fit, and when it stops.</summary>
public sealed record IterativeOptions
{
    /// <summary>Exponent of the filter that weighs the misfit by frequency. At 2 the heatmap's own misfit counts, wherever it was sampled.</summary>
    public double Alpha { get; init; } = 2;

    /// <summary>Hann's asks least of the highest frequencies, where noise lies and a model of tents does not hold: it takes half the iterations of
    /// the three-point filter, and leaves less noise (docs/adr/0009).</summary>
    public FilterWindow Window { get; init; } = FilterWindow.Hann;

    public int MostIterations { get; init; } = 200;

    /// <summary>Stops once an iteration changes the heatmap by less than this, relative L2. Later ones fit the noise.</summary>
    public double Tolerance { get; init; } = 5e-3;
}

/// <param name="Iteration">From 1.</param>
/// <param name="Residual">√(Φ(f)/Φ(0)): the part of the filtered sinogram that is not explained.</param>
/// <param name="Change">Of the heatmap by the iteration, relative L2.</param>
/// <param name="Restarted">The iteration was taken back, and its momentum with it.</param>
public readonly record struct IterativeStep(int Iteration, double Residual, double Change, bool Restarted);

/// <param name="Heatmap">Voxels <c>[k, j, i]</c>, none below 0.</param>
/// <param name="Converged">False where the most iterations ended it.</param>
/// <param name="LargestEigenvalue">λ of the normal operator, by power iteration; 1 where directions suffice, larger where they are few.</param>
/// <param name="Residual">√(Φ(f)/Φ(0)).</param>
public sealed record IterativeResult(float[] Heatmap, int Iterations, bool Converged, double LargestEigenvalue, double Residual);
