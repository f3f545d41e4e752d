using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Slicing;

public sealed class SliceCensusTests
{
    private static readonly IntensityMap _map = IntensityMap.Identity;

    /// <summary>A pixel nearer than this to a voxel's end may give it a weight that no float shows: its slice is blank to the cutter alone.</summary>
    private const double HairMm = 1e-5;

    /// <summary>Grids of one or two channels, thin and thick, with fine and coarse pixels, whole slices and cut off ones.</summary>
    private static Gen<(VolumeGeometry First, VolumeGeometry Second, SamplingPlan Plan)> Plans { get; } =
        Gen.Select(RandomGrids.Geometry, Gen.Int[1, 40].Array[3], RandomGrids.Direction.Array[3], Gen.Double[0.3, 4], Gen.Double[0.3, 4], Gen.Int[0, 3]).Select(
            (grid, counts, normals, spacing, pixel, kind) =>
            {
                var geometry = new VolumeGeometry(new(counts[0], counts[1], counts[2]), grid.Affine);
                var second = (kind & 1) == 0 ? geometry : new(new(counts[2], counts[0], counts[1]), grid.Affine with { Origin = grid.Affine.Origin + new Vector3D(7, -3, 5) });
                return (geometry, second, SamplingPlan.For(geometry, DirectionSet.FromNormals(normals), spacing, pixel, (kind & 2) == 0 ? null : 12));
            });

    [Fact]
    public void Count_RandomGrids_IsTheSlicesThatAreCutNotBlank() => Plans.Sample(
        sample =>
        {
            var (first, second, plan) = sample;
            Volume[] channels = [Full(first), Full(second)];
            var (cut, nearly, pixels) = (0L, 0L, new float[plan.Size * plan.Size]);
            foreach (var normal in plan.Directions.Normals)
            {
                var frame = SliceFrame.For(normal);
                for (var at = 0; at < plan.OffsetCount; at++)
                {
                    bool Shows(Vector3D moved) =>
                        channels.Any(volume => SliceCutter.Cut(volume, frame, plan.OffsetMm(at), plan.CentreMm + moved, pixels, plan.Size, plan.PixelMm, _map));
                    cut += Shows(Vector3D.Zero) ? 1 : 0;
                    nearly += Shows(Vector3D.Zero) || Hairs.Any(Shows) ? 1 : 0;
                }
            }

            Assert.InRange(SliceCensus.Count([first, second], plan), cut, nearly);
        },
        iter: 150,
        threads: 1);

    /// <summary>A hair's breadth towards each of the eight corners.</summary>
    private static IEnumerable<Vector3D> Hairs =>
        from x in new[] { -HairMm, HairMm }
        from y in new[] { -HairMm, HairMm }
        from z in new[] { -HairMm, HairMm }
        select new Vector3D(x, y, z);

    /// <summary>Its values are so large that the least weight of a voxel shows.</summary>
    private static Volume Full(VolumeGeometry geometry)
    {
        var samples = new float[geometry.Shape.VoxelCount];
        Array.Fill(samples, 1e30f);
        return new Volume(geometry, samples);
    }
}
