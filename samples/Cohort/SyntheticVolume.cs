using ToNNO.Tomography.Geometry;

namespace ToNNO.Cohort;

/// <summary>A made-up scan of a body with organs, vessels and, in a patient, lesions.</summary>
/// <remarks>
/// What makes it hard: vessels are as bright as lesions and cut to the same round spots by planes across them; organs are as large and
/// some as bright; tissue is textured on the lesions' own scales; and brightness drifts through the volume. Nothing but compactness in
/// all three dimensions tells a lesion, so that a slice in one direction knows less than many.
/// </remarks>
/// <param name="Image">Voxels <c>[k, j, i]</c>; soft tissue is about 1, outside the body about 0.</param>
/// <param name="Mask">1 where at least half the voxel is lesion.</param>
/// <param name="Lesions">How many were put in; some may touch.</param>
internal sealed record SyntheticVolume(float[] Image, byte[] Mask, int Lesions)
{
    private const double VoxelMm = 2.5;
    private const double EdgeMm = 2; // of organs: how far their brightness takes to fall
    private const double NoiseSd = 0.08;
    private const double BlurSdMm = 2.2; // 5 mm full width at half maximum
    private const int MostLesions = 10;

    public static VolumeGeometry Geometry { get; } = new(new VolumeShape(44, 44, 40), AffineTransform.Scaling(VoxelMm, VoxelMm, VoxelMm));

    private static Vector3D ExtentMm => new(VoxelMm * Geometry.Shape.I, VoxelMm * Geometry.Shape.J, VoxelMm * Geometry.Shape.K);

    /// <summary>The same seed gives the same volume, whether or not lesions are then put into it.</summary>
    public static SyntheticVolume Make(int seed, bool hasLesions)
    {
        var anatomy = new Random(seed);
        var body = new Body(anatomy, ExtentMm);
        var organs = Enumerable.Range(0, anatomy.Next(3, 6)).Select(_ => Organ.Random(anatomy, ExtentMm)).ToList();
        var tubes = Enumerable.Range(0, anatomy.Next(3, 7)).Select(_ => Vessel.Random(anatomy, ExtentMm)).ToList();
        ValueNoise[] textures = [.. new[] { 6.0, 12, 24 }.Select(cell => new ValueNoise(anatomy, ExtentMm, cell))];
        var drift = new ValueNoise(anatomy, ExtentMm, 90);
        var gain = 0.85 + (0.3 * anatomy.NextDouble());
        var noise = new Random(anatomy.Next());
        var lesions = hasLesions ? Lesion.Place(new Random(anatomy.Next()), ExtentMm, MostLesions, body, tubes) : [];

        var shape = Geometry.Shape;
        var (image, mask) = (new float[shape.VoxelCount], new byte[shape.VoxelCount]);
        var vessels = Draw(tubes, shape);
        for (var at = 0; at < image.Length; at++)
        {
            var voxel = VoxelIndex.At(at, shape);
            var place = Middle(voxel);
            var inside = Soft(body.DepthMm(place));
            var tissue = 1 + (0.07 * (textures[0].At(place) + textures[1].At(place) + textures[2].At(place)));
            tissue += organs.Sum(organ => organ.Brightness * Soft(organ.DepthMm(place)));
            tissue += vessels[at];
            foreach (var lesion in lesions)
            {
                var depth = lesion.DepthMm(place);
                tissue += lesion.Brightness * Soft(depth);
                mask[at] = depth >= 0 ? (byte)1 : mask[at];
            }

            image[at] = (float)(inside * tissue * gain * Math.Exp(0.12 * drift.At(place)));
        }

        Blur(image, shape);
        foreach (ref var value in image.AsSpan())
        {
            value += (float)(NoiseSd * ValueNoise.Normal(noise));
        }

        return new(image, mask, lesions.Count);
    }

    private static Vector3D Middle(VoxelIndex voxel) => new(VoxelMm * (voxel.I + 0.5), VoxelMm * (voxel.J + 0.5), VoxelMm * (voxel.K + 0.5));

    /// <summary>What vessels add to each voxel: near each point of their lines, as the rest of the volume has none.</summary>
    private static float[] Draw(IReadOnlyList<Vessel> tubes, VolumeShape shape)
    {
        var drawn = new float[shape.VoxelCount];
        foreach (var tube in tubes)
        {
            var reach = (int)Math.Ceiling((tube.RadiusMm + EdgeMm) / VoxelMm);
            foreach (var point in tube.Line)
            {
                var (ci, cj, ck) = ((int)(point.X / VoxelMm), (int)(point.Y / VoxelMm), (int)(point.Z / VoxelMm));
                for (var k = Math.Max(0, ck - reach); k <= Math.Min(shape.K - 1, ck + reach); k++)
                {
                    for (var j = Math.Max(0, cj - reach); j <= Math.Min(shape.J - 1, cj + reach); j++)
                    {
                        for (var i = Math.Max(0, ci - reach); i <= Math.Min(shape.I - 1, ci + reach); i++)
                        {
                            var at = i + (shape.I * (j + (shape.J * k)));
                            var depth = tube.RadiusMm - (Middle(new(i, j, k)) - point).Length;
                            drawn[at] = Math.Max(drawn[at], (float)(tube.Brightness * Soft(depth)));
                        }
                    }
                }
            }
        }

        return drawn;
    }

    /// <summary>1 well inside, 0 well outside, a half on the surface.</summary>
    private static double Soft(double depthMm) => 1 / (1 + Math.Exp(-4 * depthMm / EdgeMm));

    /// <summary>Convolves with a Gaussian along each axis; the edge's value goes on outside.</summary>
    private static void Blur(float[] image, VolumeShape shape)
    {
        const int Reach = 3;
        double[] taps = [.. Enumerable.Range(-Reach, (2 * Reach) + 1).Select(step => Math.Exp(-0.5 * Math.Pow(step * VoxelMm / BlurSdMm, 2)))];
        var sum = taps.Sum();
        foreach (var (stride, count) in new[] { (1, shape.I), (shape.I, shape.J), (shape.I * shape.J, shape.K) })
        {
            var line = new float[count];
            for (var start = 0; start < image.Length; start++)
            {
                if (start / stride % count != 0)
                {
                    continue;
                }

                for (var at = 0; at < count; at++)
                {
                    line[at] = image[start + (at * stride)];
                }

                for (var at = 0; at < count; at++)
                {
                    var value = 0.0;
                    for (var step = -Reach; step <= Reach; step++)
                    {
                        value += taps[step + Reach] * line[Math.Clamp(at + step, 0, count - 1)];
                    }

                    image[start + (at * stride)] = (float)(value / sum);
                }
            }
        }
    }
}
