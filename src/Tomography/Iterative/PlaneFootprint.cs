using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Iterative;

/// <summary>How a voxel shows in a profile: a tent about its centre, and the way between profiles and a backprojector's knots.</summary>
/// <remarks>
/// The plane integral of a trilinear voxel has, along n, the variance Σ (n·eᵢ)²/6 (e the voxel's edges): that of a tent of half width
/// √Σ (n·eᵢ)². The tent is at least a slice spacing wide, so that no voxel falls between slices; then it is the linear interpolation of
/// a profile. Where voxels lie farther apart than slices the wider tent keeps their grid out of the model.
/// </remarks>
internal static class PlaneFootprint
{
    /// <summary>Half width of a direction's tent in slice spacings.</summary>
    public static double HalfWidth(VolumeGeometry geometry, SamplingPlan plan, int direction)
    {
        var (n, a) = (plan.Directions.Normals[direction], geometry.Affine);
        var (i, j, k) = (n.Dot(a.I), n.Dot(a.J), n.Dot(a.K));
        return Math.Max(1, Math.Sqrt((i * i) + (j * j) + (k * k)) / plan.SpacingMm);
    }

    /// <summary>Writes Σ_o profile[o] · tent((o − t)/b)/b at a line's knots t.</summary>
    /// <param name="table">Of the line.</param>
    /// <param name="halfWidth">b.</param>
    public static void Spread(Span<float> table, in KnotLine line, ReadOnlySpan<double> profile, double halfWidth)
    {
        var phases = 1 << line.Shift;
        for (var knot = line.Lowest - line.Origin; knot <= line.Last; knot++)
        {
            var t = ((line.Origin + knot) * line.Spacing) + (profile.Length / 2);
            var (first, last) = Reach(t, halfWidth, profile.Length);
            var sum = 0.0;
            for (var o = first; o <= last; o++)
            {
                sum += profile[o] * (1 - (Math.Abs(o - t) / halfWidth));
            }

            var (phase, at) = (knot & (phases - 1), knot >> line.Shift);
            table[(phase * line.Stride) + at] = (float)(sum / halfWidth);
            if (phase == 0 && at > 0)
            {
                table[(phases * line.Stride) + at - 1] = (float)(sum / halfWidth);
            }
        }
    }

    /// <summary>The transpose of <see cref="Spread"/>: adds what lies at a line's knots to a profile.</summary>
    public static void Collect(ReadOnlySpan<float> table, in KnotLine line, Span<double> profile, double halfWidth)
    {
        var phases = 1 << line.Shift;
        for (var knot = line.Lowest - line.Origin; knot <= line.Last; knot++)
        {
            var (phase, at) = (knot & (phases - 1), knot >> line.Shift);
            var mass = (double)table[(phase * line.Stride) + at] + (phase == 0 && at > 0 ? table[(phases * line.Stride) + at - 1] : 0);
            if (mass == 0)
            {
                continue;
            }

            var t = ((line.Origin + knot) * line.Spacing) + (profile.Length / 2);
            var (first, last) = Reach(t, halfWidth, profile.Length);
            for (var o = first; o <= last; o++)
            {
                profile[o] += mass / halfWidth * (1 - (Math.Abs(o - t) / halfWidth));
            }
        }
    }

    /// <summary>The slices that a tent about t reaches.</summary>
    private static (int First, int Last) Reach(double t, double halfWidth, int offsetCount) =>
        (Math.Max(0, (int)Math.Ceiling(t - halfWidth)), Math.Min(offsetCount - 1, (int)Math.Floor(t + halfWidth)));
}
