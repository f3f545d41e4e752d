using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests;

/// <summary>Random directions and grids: anisotropic, oblique, mirrored, some sheared, axes of 1 to 14 voxels.</summary>
internal static class RandomGrids
{
    public static Gen<Vector3D> Direction { get; } =
        Gen.Select(Gen.Double[-1, 1], Gen.Double[0, 2 * Math.PI]).Select((cosine, phi) =>
        {
            var sine = Math.Sqrt(1 - (cosine * cosine));
            return new Vector3D(sine * Math.Cos(phi), sine * Math.Sin(phi), cosine).Normalized();
        });

    public static Gen<VolumeGeometry> Geometry { get; } =
        Gen.Select(
            Gen.Int[1, 14].Array[3],
            Gen.Double[0.5, 3].Array[3],
            Direction,
            Gen.Double[-200, 200].Array[3],
            Gen.Double[-0.4, 0.4],
            Gen.Int[0, 7]).Select((counts, spacings, normal, origin, shear, kind) =>
        {
            var frame = (kind & 1) == 0 ? SliceFrame.For(normal) : new SliceFrame(new(1, 0, 0), new(0, 1, 0), new(0, 0, 1));
            var mirror = (kind & 2) == 0 ? 1 : -1;
            var i = spacings[0] * frame.U;
            var j = spacings[1] * frame.V;
            var k = (mirror * spacings[2] * frame.N) + ((kind & 4) == 0 ? shear * i : Vector3D.Zero);
            return new VolumeGeometry(new(counts[0], counts[1], counts[2]), new(i, j, k, new(origin[0], origin[1], origin[2])));
        });

    /// <summary>Samples drawn from [low, high).</summary>
    public static Volume Noise(VolumeGeometry geometry, int seed, float low, float high)
    {
        var random = new Random(seed);
        return new Volume(geometry, Enumerable.Range(0, (int)geometry.Shape.VoxelCount).Select(_ => low + ((high - low) * random.NextSingle())).ToArray());
    }
}
