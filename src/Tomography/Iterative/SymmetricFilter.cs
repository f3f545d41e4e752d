using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Iterative;

/// <summary>F = |ω|^α W(ω) at the slices alone: a symmetric, positive semidefinite matrix for each profile.</summary>
internal sealed class SymmetricFilter
{
    private readonly SamplingPlan _plan;
    private readonly double[] _taps;

    public SymmetricFilter(double alpha, FilterWindow window, SamplingPlan plan)
    {
        _plan = plan;
        var fine = ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount).Taps;
        var taps = new double[plan.OffsetCount];
        for (var m = 0; m < taps.Length; m++)
        {
            taps[m] = fine[m * ProfileFilter.Oversampling];
        }

        // What quadrature leaves of the three-point filter's zeros.
        var reach = Array.FindLastIndex(taps, tap => Math.Abs(tap) > 1e-12 * Math.Abs(taps[0]));
        _taps = taps[..(reach + 1)];
    }

    /// <summary>Filters every profile; beyond its ends lies 0.</summary>
    /// <param name="profiles"><c>[direction, offset]</c>.</param>
    /// <param name="filtered">Destination of the same shape.</param>
    public void Apply(double[] profiles, double[] filtered)
    {
        var offsets = _plan.OffsetCount;
        Parallel.For(0, _plan.Directions.Count, direction =>
        {
            var source = profiles.AsSpan(direction * offsets, offsets);
            var target = filtered.AsSpan(direction * offsets, offsets);
            target.Clear();
            for (var o = 0; o < offsets; o++)
            {
                if (source[o] == 0)
                {
                    continue;
                }

                for (var to = Math.Max(0, o - _taps.Length + 1); to < Math.Min(offsets, o + _taps.Length); to++)
                {
                    target[to] += source[o] * _taps[Math.Abs(to - o)];
                }
            }
        });
    }
}
