using CsCheck;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Backprojection;

public class BackprojectorTests
{
    private static readonly Gen<Case> Cases =
        Gen.Select(RandomGrids.Geometry, Gen.Int[1, 50], Gen.Double[0.6, 3], Gen.Int[0, int.MaxValue]).Select(
            (geometry, directions, spacingMm, seed) => new Case(geometry, directions, spacingMm, seed));

    [Fact]
    public void Accumulate_RandomGrid_AgreesWithTheFormulaVoxelByVoxel() => Cases.Sample(
        given =>
        {
            var (geometry, plan) = (given.Geometry, given.Plan());
            var filtered = given.Numbers(plan.Directions.Count * ProfileFilter.FilteredLength(plan.OffsetCount));
            var heatmap = new float[geometry.Shape.VoxelCount];
            AddBlocks(heatmap, geometry, 0, plan, filtered, 0, plan.Directions.Count);

            // ⟨Ap, x⟩ for a random x, and the largest difference of a voxel.
            var weights = given.Numbers(heatmap.Length);
            var (product, expectedProduct, norm) = (0.0, 0.0, 0.0);
            for (var at = 0; at < heatmap.Length; at++)
            {
                var expected = Reference(geometry, plan, filtered, at);
                Assert.Equal(expected, heatmap[at], 1e-5);
                product += weights[at] * (double)heatmap[at];
                expectedProduct += weights[at] * expected;
                norm += Math.Abs(weights[at] * expected);
            }

            Assert.True(Math.Abs(product - expectedProduct) <= 1e-5 * norm, $"{product} against {expectedProduct}");
        },
        iter: 100);

    [Fact]
    public void Accumulate_AnySlabs_GiveTheBytesOfTheWhole() => Gen.Select(Cases, Gen.Int[1, 6]).Sample(
        (given, slabs) =>
        {
            var (geometry, plan) = (given.Geometry, given.Plan());
            var filtered = given.Numbers(plan.Directions.Count * ProfileFilter.FilteredLength(plan.OffsetCount));
            var whole = new float[geometry.Shape.VoxelCount];
            AddBlocks(whole, geometry, 0, plan, filtered, 0, plan.Directions.Count);

            var joined = new List<float>();
            var random = new Random(slabs);
            for (var k = 0; k < geometry.Shape.K;)
            {
                var planes = random.Next(1, geometry.Shape.K - k + 1);
                var slab = new float[planes * geometry.Shape.I * geometry.Shape.J];
                AddBlocks(slab, geometry, k, plan, filtered, 0, plan.Directions.Count);
                joined.AddRange(slab);
                k += planes;
            }

            Assert.Equal(whole, joined);
        },
        iter: 100);

    [Fact]
    public void Accumulate_LeasesOfWholeBlocks_GiveTheBytesOfReconstruct() => Gen.Select(Cases, Gen.Int[1, 3], Gen.Bool).Sample(
        (given, blocks, windowed) =>
        {
            var (geometry, plan) = (given.Geometry, given.Plan());
            var sinogram = given.Numbers(plan.Directions.Count * plan.OffsetCount);
            var filter = ProfileFilter.Create(windowed ? 0.5 : 2, windowed ? FilterWindow.Hann : FilterWindow.None, plan.SpacingMm, plan.OffsetCount);
            var whole = Backprojector.Reconstruct(sinogram, 0.3f, geometry, plan, filter);

            var inLeases = new float[whole.Length];
            var lease = blocks * Backprojector.BlockSize;
            for (var first = 0; first < plan.Directions.Count; first += lease)
            {
                var count = Math.Min(lease, plan.Directions.Count - first);
                var filtered = filter.ApplyRows(sinogram.AsSpan(first * plan.OffsetCount, count * plan.OffsetCount), 0.3f, plan.OffsetCount);
                AddBlocks(inLeases, geometry, 0, plan, filtered, first, count);
            }

            Assert.Equal(whole, inLeases);
        },
        iter: 60);

    [Fact]
    public void Accumulate_BadArguments_Throw()
    {
        var geometry = new VolumeGeometry(new VolumeShape(4, 5, 6), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 20));
        var length = ProfileFilter.FilteredLength(plan.OffsetCount);
        var block = new float[16 * length];
        void Throws(int slab, int firstK, int firstDirection, float[] filtered) => Assert.Throws<ArgumentOutOfRangeException>(
            () => Backprojector.Accumulate(new float[slab], geometry, firstK, plan, firstDirection, filtered));

        Throws(21, 0, 0, block);
        Throws(40, 5, 0, block);
        Throws(20, -1, 0, block);
        Throws(20, 0, 0, new float[length + 1]);
        Throws(20, 0, 5, block);
        Throws(20, 0, -1, block);
        Assert.Throws<ArgumentOutOfRangeException>(() => Backprojector.Reconstruct(
            new float[7], 0, geometry, plan, ProfileFilter.Create(2, FilterWindow.None, plan.SpacingMm, plan.OffsetCount)));
    }

    private static void AddBlocks(
        float[] slab, VolumeGeometry geometry, int firstK, SamplingPlan plan, float[] filtered, int firstDirection, int count)
    {
        var length = ProfileFilter.FilteredLength(plan.OffsetCount);
        for (var first = 0; first < count; first += Backprojector.BlockSize)
        {
            var block = filtered.AsSpan(first * length, Math.Min(Backprojector.BlockSize, count - first) * length);
            Backprojector.Accumulate(slab, geometry, firstK, plan, firstDirection + first, block);
        }
    }

    /// <summary>(1/2π) Σ w_j p_j(n_j·(x − c)) by the book: world coordinates, one voxel at a time.</summary>
    private static double Reference(VolumeGeometry geometry, SamplingPlan plan, float[] filtered, int at)
    {
        var (shape, length) = (geometry.Shape, ProfileFilter.FilteredLength(plan.OffsetCount));
        var x = geometry.Affine.ToWorld(at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J)) - plan.CentreMm;
        var sum = 0.0;
        for (var d = 0; d < plan.Directions.Count; d++)
        {
            var position = (ProfileFilter.Oversampling * plan.Directions.Normals[d].Dot(x) / plan.SpacingMm) + ((length - 1) / 2.0);
            var below = (int)Math.Floor(position);
            var (left, right) = (filtered[(d * length) + below], filtered[(d * length) + below + 1]);
            sum += plan.Directions.Weights[d] * (left + ((position - below) * ((double)right - left)));
        }

        return sum / (2 * Math.PI);
    }

    private sealed record Case(VolumeGeometry Geometry, int DirectionCount, double SpacingMm, int Seed)
    {
        public SamplingPlan Plan() => SamplingPlan.For(Geometry, DirectionSet.Create(DirectionSetKind.Rings, DirectionCount), SpacingMm);

        /// <summary>Numbers in [-1, 1].</summary>
        public float[] Numbers(int count)
        {
            var random = new Random(Seed);
            return Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1).ToArray();
        }
    }
}
