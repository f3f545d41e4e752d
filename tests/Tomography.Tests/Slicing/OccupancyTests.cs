using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Tests.Slicing;

public class OccupancyTests
{
    private static readonly IntensityMap[] Maps =
    [
        IntensityMap.Identity,
        new(float.NegativeInfinity, float.PositiveInfinity, -1000),
        new(-900, 400, -1000), // all of −1000 to −900 is fill
        new(-2000, -950, -900), // all above −950 is fill
        new(-1100, 400, -1000), // only −1000 is fill
    ];

    private static readonly Gen<(Volume Volume, IntensityMap Intensity, Vector3D Normal)> Sparse = Gen.Select(
        Gen.Int[1, 40].Array[3], RandomGrids.Geometry, RandomGrids.Direction, Gen.Int[0, Maps.Length - 1], Gen.Int[0, 4], Gen.Int[0, int.MaxValue]).Select(
        (counts, grid, normal, map, blobs, seed) =>
            (Blobs(new VolumeGeometry(new(counts[0], counts[1], counts[2]), grid.Affine), Maps[map].Fill, blobs, seed), Maps[map], normal));

    [Fact]
    public void Touched_RandomVolume_LeavesOutOnlySlicesThatCutBlank()
    {
        var (skipped, missed) = (0, 0);
        Sparse.Sample(
            sample =>
            {
                var (volume, intensity, normal) = sample;
                var plan = SamplingPlan.For(volume.Geometry, DirectionSet.FromNormals([normal]), volume.Geometry.RadiusMm / 15, volume.Geometry.RadiusMm / 10);
                var touched = new bool[plan.OffsetCount];
                var occupancy = Occupancy.Of(volume, intensity);
                occupancy.Touched(normal, plan, touched);
                var (all, within) = (new float[plan.Size * plan.Size], new float[plan.Size * plan.Size]);
                for (var at = 0; at < touched.Length; at++)
                {
                    bool Cut(float[] pixels, VoxelBox? box) => SliceCutter.Cut(
                        volume, SliceFrame.For(normal), plan.OffsetMm(at), plan.CentreMm, pixels, plan.Size, plan.PixelMm, intensity, box);
                    var content = Cut(all, null);
                    Assert.False(content && !touched[at]);
                    Assert.Equal(content, Cut(within, occupancy.Box));
                    Assert.Equal(all, within);
                    if (!touched[at])
                    {
                        Interlocked.Increment(ref skipped);
                        missed += SliceCutter.Misses(volume.Geometry, normal, plan.OffsetMm(at)) ? 1 : 0;
                    }
                }
            },
            iter: 150,
            threads: 1);
        Assert.True(skipped > missed, "No slice of the inside was skipped: nothing was tested.");
    }

    [Fact]
    public void Of_OneVoxel_BoxIsThatVoxel()
    {
        var geometry = new VolumeGeometry(new(21, 19, 17), AffineTransform.Scaling(1, 1, 1));
        for (var at = 0; at < geometry.Shape.VoxelCount; at += 97)
        {
            var samples = new float[geometry.Shape.VoxelCount];
            samples[at] = 1;
            var voxel = VoxelIndex.At(at, geometry.Shape);
            Assert.Equal(new VoxelBox(voxel, voxel), Occupancy.Of(new Volume(geometry, samples), IntensityMap.Identity).Box);
        }
    }

    [Fact]
    public void Of_FillOnly_IsEmptyAndTouchesNothing()
    {
        var geometry = new VolumeGeometry(new(9, 9, 9), AffineTransform.Scaling(1, 1, 1));
        var occupancy = Occupancy.Of(new Volume(geometry, VolumeSamples.FromInt16(new short[729], 2, -1000)), Maps[2]);
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 1));
        var touched = new bool[plan.OffsetCount];
        occupancy.Touched(new(0, 0, 1), plan, touched);
        Assert.True(occupancy.Box.IsEmpty);
        Assert.DoesNotContain(true, touched);
    }

    private static Volume Blobs(VolumeGeometry geometry, float fill, int count, int seed)
    {
        var (random, shape) = (new Random(seed), geometry.Shape);
        var stored = new short[shape.VoxelCount];
        Array.Fill(stored, (short)fill);
        for (var blob = 0; blob < count; blob++)
        {
            var (i, j, k) = (random.Next(shape.I), random.Next(shape.J), random.Next(shape.K));
            for (var n = 0; n < 20; n++)
            {
                var (x, y, z) = (Math.Min(i + random.Next(3), shape.I - 1), Math.Min(j + random.Next(3), shape.J - 1), Math.Min(k + random.Next(3), shape.K - 1));
                stored[x + (shape.I * (y + (shape.J * z)))] = (short)random.Next(-1100, 500);
            }
        }

        var halves = VolumeSamples.FromInt16(stored, 1, 0);
        return new Volume(geometry, random.Next(2) == 0 ? halves : halves.AsFloats());
    }
}
