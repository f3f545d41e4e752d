using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests;

/// <summary>Volumes with known answers, and the transform from volume to heatmap with any function as encoder.</summary>
internal static class Phantom
{
    public static Volume Of(VolumeGeometry geometry, Func<Vector3D, double> intensity)
    {
        var shape = geometry.Shape;
        var samples = new float[shape.VoxelCount];
        for (var (k, at) = (0, 0); k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++)
                {
                    samples[at++] = (float)intensity(geometry.Affine.ToWorld(i, j, k));
                }
            }
        }

        return new Volume(geometry, samples);
    }

    public static double Gaussian(Vector3D x, Vector3D centre, double sigmaMm)
    {
        var d = x - centre;
        return Math.Exp(-d.Dot(d) / (2 * sigmaMm * sigmaMm));
    }

    /// <summary>The oracle's encoder: the plane integral.</summary>
    public static double PlaneIntegral(ReadOnlySpan<float> pixels, double pixelMm)
    {
        var sum = 0.0;
        foreach (var pixel in pixels)
        {
            sum += pixel;
        }

        return sum * pixelMm * pixelMm;
    }

    public static float[] Sinogram(Volume volume, SamplingPlan plan, IntensityMap intensity, EncodeSlice encode, float blank)
    {
        var sinogram = new float[plan.Directions.Count * plan.OffsetCount];
        Parallel.For(0, plan.Directions.Count, () => new float[plan.Size * plan.Size], (d, _, pixels) =>
        {
            var frame = SliceFrame.For(plan.Directions.Normals[d]);
            for (var o = 0; o < plan.OffsetCount; o++)
            {
                var cut = SliceCutter.Cut(volume, frame, plan.OffsetMm(o), plan.CentreMm, pixels, plan.Size, plan.PixelMm, intensity);
                sinogram[(d * plan.OffsetCount) + o] = cut ? (float)encode(pixels, plan.PixelMm) : blank;
            }

            return pixels;
        }, _ => { });
        return sinogram;
    }

    /// <summary>Heatmap of the sum encoder, α = 2: the volume itself where the transform is right.</summary>
    public static float[] Invert(Volume volume, SamplingPlan plan, FilterWindow window = FilterWindow.None, double alpha = 2)
    {
        var sinogram = Sinogram(volume, plan, IntensityMap.Identity, PlaneIntegral, 0);
        return Backprojector.Reconstruct(
            sinogram, 0, volume.Geometry, plan, ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount));
    }

    /// <summary>‖heatmap − volume‖ / ‖volume‖ over the ball inscribed in the grid.</summary>
    public static double RelativeErrorInBall(Volume volume, float[] heatmap)
    {
        var (error, norm) = (0.0, 0.0);
        foreach (var at in InscribedBall(volume.Geometry))
        {
            var difference = heatmap[at] - (double)volume.Samples[at];
            error += difference * difference;
            norm += (double)volume.Samples[at] * volume.Samples[at];
        }

        return Math.Sqrt(error / norm);
    }

    /// <summary>Pearson's r of heatmap and volume over the ball inscribed in the grid.</summary>
    public static double CorrelationInBall(Volume volume, float[] heatmap)
    {
        var ball = InscribedBall(volume.Geometry).ToList();
        var (meanX, meanY) = (ball.Average(at => (double)volume.Samples[at]), ball.Average(at => (double)heatmap[at]));
        var (xx, xy, yy) = (0.0, 0.0, 0.0);
        foreach (var at in ball)
        {
            var (x, y) = (volume.Samples[at] - meanX, heatmap[at] - meanY);
            (xx, xy, yy) = (xx + (x * x), xy + (x * y), yy + (y * y));
        }

        return xy / Math.Sqrt(xx * yy);
    }

    /// <summary>Radius of the largest ball about the centre that the grid's box holds.</summary>
    public static double InscribedRadiusMm(VolumeGeometry geometry)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        // Distance between opposite faces: volume over the area of the face.
        var widths = new[]
        {
            shape.I * Math.Abs(affine.Determinant) / affine.J.Cross(affine.K).Length,
            shape.J * Math.Abs(affine.Determinant) / affine.K.Cross(affine.I).Length,
            shape.K * Math.Abs(affine.Determinant) / affine.I.Cross(affine.J).Length,
        };
        return widths.Min() / 2;
    }

    public static IEnumerable<int> InscribedBall(VolumeGeometry geometry)
    {
        var (shape, affine, radius) = (geometry.Shape, geometry.Affine, InscribedRadiusMm(geometry));
        for (var at = 0; at < shape.VoxelCount; at++)
        {
            var x = affine.ToWorld(at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
            if ((x - geometry.CentreMm).Length <= radius)
            {
                yield return at;
            }
        }
    }

    /// <summary>Directions that resolve a ball of the given radius everywhere: π N²/2 with N = 2R/h samples across
    /// (cells of the k-space sphere no wider than 1/(2R); METHOD §7.3).</summary>
    public static int NyquistDirections(double radiusMm, double spacingMm)
    {
        var samples = 2 * radiusMm / spacingMm;
        return (int)Math.Ceiling(Math.PI * samples * samples / 2);
    }

    public delegate double EncodeSlice(ReadOnlySpan<float> pixels, double pixelMm);
}
