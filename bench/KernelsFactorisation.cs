using System.Runtime.Intrinsics;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Bench;

/// <summary>Direct backprojection against two stages at equal numbers of directions: error and time on one core.</summary>
/// <remarks>
/// Two stages (Natterer's form, METHOD §7.7) need a product grid n = (sin θ cos φ, sin θ sin φ, cos θ): with u = x cos φ + y sin φ,
/// k_φ(u, z) = Σ_θ w_θ p_θφ(u sin θ + z cos θ), then f(x, y, z) = Σ_φ k_φ(u, z). The first stage is the product's own backprojector
/// on the planes (u, z), the second reads k_φ(u, ·) at two u and adds their mean: neither gathers. Profiles are the exact plane
/// integrals of Gaussians, so that the error is the inversion's alone; filtering, common to all, is not timed.
/// </remarks>
internal static class KernelsFactorisation
{
    private const int Edge = 128;
    private const int Lesions = 12;
    private const int Turns = 3;

    /// <summary>Samples of u to a voxel.</summary>
    private const int SamplesPerVoxel = 8;

    private const int Block = Backprojector.BlockSize;

    public static object Measure(string[] arguments)
    {
        var geometry = new VolumeGeometry(new VolumeShape(Edge, Edge, Edge), AffineTransform.Scaling(1, 1, 1));
        var lesions = DrawLesions(geometry);
        var truth = Truth(geometry, lesions);
        var rows = new List<object>();
        foreach (var steps in new[] { 8, 16, 32, 64 })
        {
            var count = steps * steps;
            var rings = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, count));
            var grid = SamplingPlan.For(geometry, Grid(steps));
            rows.Add(new
            {
                Directions = count,
                DirectRings = Timed(() => Direct(geometry, rings, Filtered(rings, lesions)), geometry, truth),
                DirectGrid = Timed(() => Direct(geometry, grid, Filtered(grid, lesions)), geometry, truth),
                TwoStageGrid = Timed(() => TwoStage(geometry, grid, steps, Filtered(grid, lesions)), geometry, truth),
            });
        }

        return new { Benchmark = "factorisation", Edge, Rows = rows };
    }

    private static object Timed(Func<(float[] Heatmap, double Seconds)> reconstruct, VolumeGeometry geometry, float[] truth)
    {
        var (error, seconds) = (0.0, double.PositiveInfinity);
        for (var turn = 0; turn < Turns; turn++)
        {
            var (heatmap, taken) = reconstruct();
            (error, seconds) = (RelativeError(geometry, truth, heatmap), Math.Min(seconds, taken));
        }

        return new { RelativeL2 = Math.Round(error, 5), Seconds = Math.Round(seconds, 4) };
    }

    private static (float[] Heatmap, double Seconds) Direct(VolumeGeometry geometry, SamplingPlan plan, float[] filtered)
    {
        var heatmap = new float[geometry.Shape.VoxelCount];
        var start = KernelsNative.ThreadSeconds();
        AddBlocks(heatmap, geometry, plan, filtered);
        return (heatmap, KernelsNative.ThreadSeconds() - start);
    }

    private static void AddBlocks(float[] heatmap, VolumeGeometry geometry, SamplingPlan plan, ReadOnlySpan<float> filtered)
    {
        var length = ProfileFilter.FilteredLength(plan.OffsetCount);
        for (var first = 0; first < plan.Directions.Count; first += Block)
        {
            var count = Math.Min(Block, plan.Directions.Count - first);
            Backprojector.Accumulate(heatmap, geometry, 0, plan, first, filtered.Slice(first * length, count * length));
        }
    }

    /// <param name="filtered">Profiles of <see cref="Grid"/>: all θ of a φ stand together.</param>
    private static unsafe (float[] Heatmap, double Seconds) TwoStage(VolumeGeometry geometry, SamplingPlan plan, int steps, float[] filtered)
    {
        var length = ProfileFilter.FilteredLength(plan.OffsetCount);
        var half = (int)Math.Ceiling(Edge / Math.Sqrt(2) * SamplesPerVoxel) + 1;
        var samples = (2 * half) + 1;
        var (centre, planes) = (plan.CentreMm, new float[Math.Min(Block, steps)][]);
        var byColumn = new float[geometry.Shape.VoxelCount]; // [y, x, z]
        var start = KernelsNative.ThreadSeconds();
        for (var first = 0; first < steps; first += Block)
        {
            var block = Math.Min(Block, steps - first);
            for (var b = 0; b < block; b++)
            {
                var (sine, cosine) = Math.SinCos(Math.PI * (first + b) / steps);
                var along = new Vector3D(cosine, sine, 0);
                // Rows run along z, so that the second stage finds its columns side by side.
                var affine = new AffineTransform(
                    new(0, 0, 1), new(-sine, cosine, 0), 1.0 / SamplesPerVoxel * along, centre + new Vector3D(0, 0, -(Edge - 1) / 2.0) + (-(double)half / SamplesPerVoxel * along));
                var plane = new VolumeGeometry(new VolumeShape(Edge, 1, samples), affine);
                var slice = (first + b) * steps;
                // The set's weights are scaled to sum 1, and those of all φ are the same: 1/steps is left for the sum over φ.
                var set = DirectionSet.FromNormals(plan.Directions.Normals.Slice(slice, steps), plan.Directions.Weights.Slice(slice, steps));
                var part = SamplingPlan.For(plane, set, plan.SpacingMm) with { CentreMm = centre, OffsetCount = plan.OffsetCount };
                AddBlocks(planes[b] = new float[plane.Shape.VoxelCount], plane, part, filtered.AsSpan(slice * length, steps * length));
            }

            AddColumns(byColumn, planes.AsSpan(0, block), first, steps, half);
        }

        var heatmap = Transposed(byColumn, 1f / steps);
        return (heatmap, KernelsNative.ThreadSeconds() - start);
    }

    private static unsafe void AddColumns(float[] byColumn, ReadOnlySpan<float[]> planes, int first, int steps, int half)
    {
        var (cosines, sines) = (new double[planes.Length], new double[planes.Length]);
        for (var b = 0; b < planes.Length; b++)
        {
            (sines[b], cosines[b]) = Math.SinCos(Math.PI * (first + b) / steps);
        }

        for (var column = 0; column < Edge * Edge; column++)
        {
            var (x, y) = ((column % Edge) - ((Edge - 1) / 2.0), (column / Edge) - ((Edge - 1) / 2.0));
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
            for (var b = 0; b < planes.Length; b++)
            {
                var position = (((x * cosines[b]) + (y * sines[b])) * SamplesPerVoxel) + half;
                var below = (int)position;
                var part = (float)(position - below);
                var (left, right) = (Vector512.Create(1 - part), Vector512.Create(part));
                fixed (float* at = &planes[b][below * Edge])
                {
                    s0 = Lerp(s0, at, left, right);
                    s1 = Lerp(s1, at + 16, left, right);
                    s2 = Lerp(s2, at + 32, left, right);
                    s3 = Lerp(s3, at + 48, left, right);
                    s4 = Lerp(s4, at + 64, left, right);
                    s5 = Lerp(s5, at + 80, left, right);
                    s6 = Lerp(s6, at + 96, left, right);
                    s7 = Lerp(s7, at + 112, left, right);
                }
            }

            fixed (float* target = &byColumn[column * Edge])
            {
                (Vector512.Load(target) + s0).Store(target);
                (Vector512.Load(target + 16) + s1).Store(target + 16);
                (Vector512.Load(target + 32) + s2).Store(target + 32);
                (Vector512.Load(target + 48) + s3).Store(target + 48);
                (Vector512.Load(target + 64) + s4).Store(target + 64);
                (Vector512.Load(target + 80) + s5).Store(target + 80);
                (Vector512.Load(target + 96) + s6).Store(target + 96);
                (Vector512.Load(target + 112) + s7).Store(target + 112);
            }
        }
    }

    private static unsafe Vector512<float> Lerp(Vector512<float> sum, float* at, Vector512<float> left, Vector512<float> right) =>
        Vector512.FusedMultiplyAdd(right, Vector512.Load(at + Edge), Vector512.FusedMultiplyAdd(left, Vector512.Load(at), sum));

    private static float[] Transposed(float[] byColumn, float scale)
    {
        const int Tile = 16;
        var heatmap = new float[byColumn.Length];
        for (var z = 0; z < Edge; z += Tile)
        {
            for (var column = 0; column < Edge * Edge; column++)
            {
                for (var t = 0; t < Tile; t++)
                {
                    heatmap[((z + t) * Edge * Edge) + column] = scale * byColumn[(column * Edge) + z + t];
                }
            }
        }

        return heatmap;
    }

    /// <summary>The product grid, all θ of a φ together: Gauss-Legendre in cos θ, uniform in φ over [0, π).</summary>
    private static DirectionSet Grid(int steps)
    {
        var set = DirectionSet.Create(DirectionSetKind.Grid, steps * steps); // all φ of a θ together
        var order = Enumerable.Range(0, set.Count).Select(at => ((at % steps) * steps) + (at / steps)).ToArray();
        return DirectionSet.FromNormals(
            order.Select(at => set.Normals[at]).ToArray(), order.Select(at => set.Weights[at]).ToArray());
    }

    private static (Vector3D Centre, double Sigma, double Height)[] DrawLesions(VolumeGeometry geometry)
    {
        var random = new Random(3);
        double Within(double low, double high) => low + ((high - low) * random.NextDouble());
        return [.. Enumerable.Range(0, Lesions).Select(_ =>
            (geometry.CentreMm + new Vector3D(Within(-28, 28), Within(-28, 28), Within(-28, 28)), Within(2, 4), Within(0.7, 1.3)))];
    }

    private static float[] Truth(VolumeGeometry geometry, (Vector3D Centre, double Sigma, double Height)[] lesions)
    {
        var truth = new float[geometry.Shape.VoxelCount];
        for (var at = 0; at < truth.Length; at++)
        {
            var x = geometry.Affine.ToWorld(at % Edge, at / Edge % Edge, at / Edge / Edge);
            truth[at] = (float)lesions.Sum(lesion =>
                lesion.Height * Math.Exp(-(x - lesion.Centre).Dot(x - lesion.Centre) / (2 * lesion.Sigma * lesion.Sigma)));
        }

        return truth;
    }

    private static float[] Filtered(SamplingPlan plan, (Vector3D Centre, double Sigma, double Height)[] lesions)
    {
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            var (n, s) = (plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            sinogram[at] = (float)lesions.Sum(lesion =>
            {
                var variance = lesion.Sigma * lesion.Sigma;
                var apart = s - n.Dot(lesion.Centre - plan.CentreMm);
                return lesion.Height * 2 * Math.PI * variance * Math.Exp(-apart * apart / (2 * variance));
            });
        }

        return ProfileFilter.Create(2, FilterWindow.None, plan.SpacingMm, plan.OffsetCount).ApplyRows(sinogram, 0, plan.OffsetCount);
    }

    /// <summary>Over the ball inscribed in the grid.</summary>
    private static double RelativeError(VolumeGeometry geometry, float[] truth, float[] heatmap)
    {
        var (error, norm) = (0.0, 0.0);
        for (var at = 0; at < truth.Length; at++)
        {
            if ((geometry.Affine.ToWorld(at % Edge, at / Edge % Edge, at / Edge / Edge) - geometry.CentreMm).Length <= Edge / 2.0)
            {
                error += Math.Pow(heatmap[at] - (double)truth[at], 2);
                norm += (double)truth[at] * truth[at];
            }
        }

        return Math.Sqrt(error / norm);
    }
}
