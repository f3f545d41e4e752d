using CsCheck;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Iterative;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Iterative;

public sealed class PlaneProjectorTests
{
    private static readonly Gen<(VolumeGeometry Geometry, SamplingPlan Plan, Random Random)> _cases =
        Gen.Select(RandomGrids.Geometry, Gen.Int[1, 40], Gen.Double[0.6, 3], Gen.Int[0, int.MaxValue]).Select((geometry, count, spacingMm, seed) =>
            (geometry, SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, count), spacingMm), new Random(seed)));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<int> Widths() => [.. new[] { Instructions.Scalar, Instructions.Avx2, Instructions.Avx512 }.Where(width => width <= Backprojector.Best).Select(width => (int)width)];

    /// <summary>⟨A f, W p⟩ h/(2πV) = ⟨f, B p⟩: both ways use the same float32 weights, and sum in float32 within a slab.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void BothWays_RandomGrid_AreTransposes(int instructions) => _cases.Sample(
        given =>
        {
            var (geometry, plan, random) = given;
            var projector = new PlaneProjector(geometry, plan, (Instructions)instructions);
            var volume = new float[geometry.Shape.VoxelCount];
            var profiles = new double[plan.Directions.Count * plan.OffsetCount];
            Fill(volume, random);
            Fill(profiles, random);
            var (projected, backprojected) = (new double[profiles.Length], new float[volume.Length]);
            projector.Project(volume, projected, Cancel);
            projector.Backproject(profiles, backprojected, Cancel);

            var (left, right, size) = (0.0, 0.0, 0.0);
            for (var at = 0; at < profiles.Length; at++)
            {
                var term = projected[at] * profiles[at] * plan.Directions.Weights[at / plan.OffsetCount] * plan.SpacingMm / (2 * Math.PI * geometry.VoxelVolumeMm3);
                (left, size) = (left + term, size + Math.Abs(term));
            }

            for (var at = 0; at < volume.Length; at++)
            {
                right += (double)volume[at] * backprojected[at];
            }

            Assert.True(Math.Abs(left - right) <= 1e-6 * size, $"{left} against {right} of {size}");
        },
        iter: 200);

    /// <summary>Straight lines between knots an eighth of a slice apart leave 1/32 of a tent's height at its tip.</summary>
    [Fact]
    public void Project_RandomGrid_IsTheSumOfTents() => _cases.Sample(
        given =>
        {
            var (geometry, plan, random) = given;
            var volume = new float[geometry.Shape.VoxelCount];
            Fill(volume, random);
            var profiles = new double[plan.Directions.Count * plan.OffsetCount];
            new PlaneProjector(geometry, plan).Project(volume, profiles, Cancel);
            for (var direction = 0; direction < plan.Directions.Count; direction++)
            {
                var (n, a) = (plan.Directions.Normals[direction], geometry.Affine);
                var tent = Math.Max(plan.SpacingMm, new Vector3D(n.Dot(a.I), n.Dot(a.J), n.Dot(a.K)).Length);
                for (var o = 0; o < plan.OffsetCount; o++)
                {
                    var (expected, size) = (0.0, 0.0);
                    for (var at = 0; at < volume.Length; at++)
                    {
                        var voxel = VoxelIndex.At(at, geometry.Shape);
                        var distance = Math.Abs(n.Dot(a.ToWorld(voxel.I, voxel.J, voxel.K) - plan.CentreMm) - plan.OffsetMm(o));
                        expected += volume[at] * geometry.VoxelVolumeMm3 * Math.Max(0, 1 - (distance / tent)) / tent;
                        size += distance < 1.2 * tent ? Math.Abs(volume[at]) * geometry.VoxelVolumeMm3 / tent : 0;
                    }

                    Assert.Equal(expected, profiles[(direction * plan.OffsetCount) + o], (size / 30) + 1e-9);
                }
            }
        },
        iter: 30);

    /// <summary>A ball of radius r cut at offset s has the area π(r² − s²), and through a tent of half width b, where that stays within,
    /// π(r² − s² − b²/6).</summary>
    [Fact]
    public void Project_Ball_GivesItsAreas()
    {
        const double radius = 14;
        var geometry = new VolumeGeometry(new VolumeShape(40, 36, 20), AffineTransform.Scaling(0.8, 1, 2, new(5, -9, 30)));
        var ball = Phantom.Of(geometry, x => Math.Clamp(radius - (x - geometry.CentreMm).Length + 0.5, 0, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 32), 1);
        var profiles = new double[32 * plan.OffsetCount];
        new PlaneProjector(geometry, plan).Project(ball.Samples.AsFloats(), profiles, Cancel);
        var looked = 0;
        for (var at = 0; at < profiles.Length; at++)
        {
            var (n, s) = (plan.Directions.Normals[at / plan.OffsetCount], Math.Abs(plan.OffsetMm(at % plan.OffsetCount)));
            var tent = Math.Max(1, new Vector3D(0.8 * n.X, n.Y, 2 * n.Z).Length);
            if (s <= radius - tent - 0.5 || s > radius + tent + 1)
            {
                var area = s > radius ? 0 : (radius * radius) - (s * s) - (tent * tent / 6);
                Assert.Equal(Math.PI * area, profiles[at], 0.02 * Math.PI * radius * radius); // what voxels leave of its surface
                looked++;
            }
        }

        Assert.True(looked > profiles.Length / 2);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void BothWays_AnyWidth_SameBits(int instructions)
    {
        var geometry = new VolumeGeometry(new(37, 9, 11), AffineTransform.Scaling(1, 1.1, 2.3));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 70));
        var random = new Random(3);
        var volume = new float[geometry.Shape.VoxelCount];
        var profiles = new double[70 * plan.OffsetCount];
        Fill(volume, random);
        Fill(profiles, random);
        var (expected, actual) = (new double[profiles.Length], new double[profiles.Length]);
        new PlaneProjector(geometry, plan, Instructions.Scalar).Project(volume, expected, Cancel);
        new PlaneProjector(geometry, plan, (Instructions)instructions).Project(volume, actual, Cancel);
        Assert.Equal(expected, actual);
        var (expectedVoxels, actualVoxels) = (new float[volume.Length], new float[volume.Length]);
        new PlaneProjector(geometry, plan, Instructions.Scalar).Backproject(profiles, expectedVoxels, Cancel);
        new PlaneProjector(geometry, plan, (Instructions)instructions).Backproject(profiles, actualVoxels, Cancel);
        Assert.Equal(expectedVoxels, actualVoxels);
    }

    private static void Fill(float[] values, Random random)
    {
        for (var at = 0; at < values.Length; at++)
        {
            values[at] = random.Next(4) == 0 ? 0 : (2 * random.NextSingle()) - 1;
        }
    }

    private static void Fill(double[] values, Random random)
    {
        for (var at = 0; at < values.Length; at++)
        {
            values[at] = (2 * random.NextDouble()) - 1;
        }
    }
}
