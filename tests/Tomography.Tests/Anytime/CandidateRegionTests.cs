using CsCheck;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Anytime;

public class CandidateRegionTests
{
    [Fact]
    public void Mark_AnyGridAndRegion_TakesEveryPlaneNearAVoxelAndNoneFarFromAll() =>
        Gen.Select(RandomGrids.Geometry, RandomGrids.Direction, Gen.Int[0, 1000], Gen.Double[0.3, 3]).Sample((geometry, normal, seed, spacing) =>
        {
            var random = new Random(seed);
            var heatmap = Enumerable.Range(0, (int)geometry.Shape.VoxelCount).Select(_ => random.NextSingle()).ToArray();
            var plan = SamplingPlan.For(geometry, DirectionSet.FromNormals([normal]), spacing);
            var n = plan.Directions.Normals[0];
            var region = CandidateRegion.Of(geometry, heatmap, 0.98, within: null);
            var wanted = new bool[plan.OffsetCount];
            region.Mark(plan, n, wanted);

            var centres = Enumerable.Range(0, heatmap.Length).Where(at => region.Voxels[at])
                .Select(at => geometry.Affine.ToWorld(at % geometry.Shape.I, at / geometry.Shape.I % geometry.Shape.J, at / (geometry.Shape.I * geometry.Shape.J)))
                .Select(x => n.Dot(x - geometry.CentreMm)).ToList();
            // A plane is looked at if it passes a voxel's box within two slices; a block of 4³ voxels may widen that by its diagonal.
            var voxel = 0.5 * (Math.Abs(n.Dot(geometry.Affine.I)) + Math.Abs(n.Dot(geometry.Affine.J)) + Math.Abs(n.Dot(geometry.Affine.K)));
            for (var o = 0; o < wanted.Length; o++)
            {
                var distance = centres.Count == 0 ? double.PositiveInfinity : centres.Min(centre => Math.Abs(centre - plan.OffsetMm(o)));
                Assert.True(wanted[o] || distance > voxel + (2 * spacing) - 1e-9, "a plane that meets the region was left out");
                Assert.True(!wanted[o] || distance < (8 * voxel) + (2 * spacing) + 1e-9, "a plane far from the region was taken");
            }

            Assert.Equal(centres.Count == 0, region.IsEmpty);
        });

    [Fact]
    public void Of_VoxelsAtTheBound_AreTakenWithTheirSixNeighbours()
    {
        var geometry = new VolumeGeometry(new(5, 5, 5), AffineTransform.Scaling(1, 1, 1));
        var heatmap = new float[125];
        heatmap[2 + (5 * (2 + (5 * 2)))] = 1;
        heatmap[0] = 1;

        var region = CandidateRegion.Of(geometry, heatmap, 1, within: null);

        Assert.Equal(7 + 4, region.Voxels.Count(true));
    }

    [Fact]
    public void Of_WithinAFormerRegion_StartsFromItsVoxelsAlone()
    {
        var geometry = new VolumeGeometry(new(9, 1, 1), AffineTransform.Scaling(1, 1, 1));
        var former = CandidateRegion.Of(geometry, [0, 1, 0, 0, 0, 0, 0, 0, 0], 1, within: null);

        var region = CandidateRegion.Of(geometry, [0, 1, 0, 0, 0, 0, 0, 1, 0], 1, former);

        Assert.Equal([true, true, true, false, false, false, false, false, false], region.Voxels.ToArray());
    }
}
