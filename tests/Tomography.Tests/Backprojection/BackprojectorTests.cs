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

    /// <summary>Rows longer than any group of registers, steps from none to many slice spacings a voxel.</summary>
    private static readonly Gen<Case> LongRows =
        Gen.Select(Gen.Int[1, 300], Gen.Double[-2, 1.5], RandomGrids.Direction, Gen.Int[0, int.MaxValue]).Select((length, exponent, normal, seed) =>
        {
            var frame = SliceFrame.For(normal);
            var affine = new AffineTransform(Math.Pow(10, exponent) * frame.U, 0.9 * frame.V, 1.1 * frame.N, new(7, -20, 90));
            return new Case(new VolumeGeometry(new VolumeShape(length, 3, 2), affine), 20, 0.5, seed);
        });

    [Fact]
    public void Accumulate_RandomGrid_AgreesWithTheFormulaVoxelByVoxel() => Cases.Sample(AgreesWithTheFormula, iter: 100);

    [Fact]
    public void Accumulate_LongRows_AgreesWithTheFormulaVoxelByVoxel() => LongRows.Sample(AgreesWithTheFormula, iter: 60);

    [Theory]
    [InlineData(1, 0, 0)] // n along I: a spacing a voxel
    [InlineData(0, 1, 0)] // n across I: the rows stay where they are
    [InlineData(0.015, 1, 0.2)] // rows creep
    [InlineData(-0.016, 1, 0.2)] // the slowest rows that step
    [InlineData(-1, 1e-9, 1e-9)]
    public void Accumulate_DirectionAlongOrAcrossRows_AgreesWithTheFormula(double x, double y, double z)
    {
        var geometry = new VolumeGeometry(new VolumeShape(150, 4, 4), AffineTransform.Scaling(1, 1, 1, new(2, 3, 4)));
        AgreesWithTheFormula(new Case(geometry, 1, 1, 5), SamplingPlan.For(geometry, DirectionSet.FromNormals([new Vector3D(x, y, z)]), 1));
    }

    [Fact]
    public void Accumulate_ThousandsOfOffsets_KeepsFractionsOfASample()
    {
        // Samples near 12,000, where a float's neighbours are .001 apart.
        var geometry = new VolumeGeometry(new VolumeShape(200, 2, 2), AffineTransform.Scaling(1, 1.3, 0.7));
        AgreesWithTheFormula(new Case(geometry, 18, 0.07, 9));
    }

    [Theory]
    [InlineData(Instructions.Avx2)]
    [InlineData(Instructions.Avx512)]
    internal void Accumulate_WiderInstructions_GiveTheBytesOfScalarOnes(Instructions instructions)
    {
        Assert.SkipUnless(instructions <= Backprojector.Best, $"This processor has no {instructions}.");
        Gen.OneOf(Cases, LongRows).Sample(
            given =>
            {
                var (geometry, plan) = (given.Geometry, given.Plan());
                var filtered = given.Numbers(plan.Directions.Count * ProfileFilter.FilteredLength(plan.OffsetCount));
                var (scalar, wide) = (given.Numbers((int)geometry.Shape.VoxelCount), given.Numbers((int)geometry.Shape.VoxelCount));
                Backprojector.Accumulate(scalar, geometry, 0, plan, 0, filtered, Instructions.Scalar);
                Backprojector.Accumulate(wide, geometry, 0, plan, 0, filtered, instructions);
                Assert.Equal(scalar, wide);
            },
            iter: 150);
    }

    [Fact]
    public void Accumulate_UnknownInstructions_Throws()
    {
        var geometry = new VolumeGeometry(new VolumeShape(1, 1, 1), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 1));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => Backprojector.Accumulate(
                new float[1], geometry, 0, plan, 0, new float[ProfileFilter.FilteredLength(plan.OffsetCount)], Instructions.Unspecified));
    }

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
    public void Accumulate_NoPlanesOrNoDirections_LeavesTheSlab()
    {
        var geometry = new VolumeGeometry(new VolumeShape(4, 5, 6), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 20));
        var slab = Enumerable.Repeat(3f, 40).ToArray();
        Backprojector.Accumulate(slab, geometry, 1, plan, 4, []);
        Backprojector.Accumulate([], geometry, 6, plan, 4, new float[ProfileFilter.FilteredLength(plan.OffsetCount)]);
        Assert.All(slab, voxel => Assert.Equal(3f, voxel));
    }

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

    private static void AgreesWithTheFormula(Case given) => AgreesWithTheFormula(given, given.Plan());

    private static void AgreesWithTheFormula(Case given, SamplingPlan plan)
    {
        var geometry = given.Geometry;
        var filtered = given.Numbers(plan.Directions.Count * ProfileFilter.FilteredLength(plan.OffsetCount));
        var heatmap = new float[geometry.Shape.VoxelCount];
        AddBlocks(heatmap, geometry, 0, plan, filtered, 0, plan.Directions.Count);

        var expected = Enumerable.Range(0, heatmap.Length).Select(at => Reference(geometry, plan, filtered, at)).ToArray();
        var (worst, peak, error, norm) = (0.0, 0.0, 0.0, 0.0);
        for (var at = 0; at < heatmap.Length; at++)
        {
            var difference = Math.Abs(heatmap[at] - expected[at]);
            (worst, peak) = (Math.Max(worst, difference), Math.Max(peak, Math.Abs(expected[at])));
            (error, norm) = (error + (difference * difference), norm + (expected[at] * expected[at]));
        }

        // Float products and sums, of numbers that alternate at random from sample to sample: some 1e-6.
        Assert.True(worst <= 1e-5 * peak && Math.Sqrt(error) <= 1e-5 * Math.Sqrt(norm), $"{worst / peak} of the peak, L2 {Math.Sqrt(error / norm)}");
    }

    /// <summary>(1/2π) Σ w_j p_j(n_j·(x − c)) by the book: world coordinates, one voxel at a time.</summary>
    private static double Reference(VolumeGeometry geometry, SamplingPlan plan, float[] filtered, int at)
    {
        var (shape, length) = (geometry.Shape, ProfileFilter.FilteredLength(plan.OffsetCount));
        var x = geometry.Affine.ToWorld(at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J)) - plan.CentreMm;
        var sum = 0.0;
        for (var d = 0; d < plan.Directions.Count; d++)
        {
            var n = plan.Directions.Normals[d];
            var profile = filtered.AsSpan(d * length, length);
            var knot = KnotSpacing(Math.Abs(n.Dot(geometry.Affine.I)) / plan.SpacingMm);
            var position = n.Dot(x) / plan.SpacingMm / knot;
            var below = Math.Floor(position);
            var (left, right) = (Cubic(profile, below * knot), Cubic(profile, (below + 1) * knot));
            sum += plan.Directions.Weights[d] * (left + ((position - below) * (right - left)));
        }

        return sum / (2 * Math.PI);
    }

    /// <summary>The rule for knots (docs/geometry.md): a row's step over a power of two, at most an eighth of a slice spacing;
    /// an eighth where a step is less than a 64th.</summary>
    private static double KnotSpacing(double step)
    {
        if (step < 1 / 64.0)
        {
            return 0.125;
        }

        while (step > 0.125)
        {
            step /= 2;
        }

        return step;
    }

    /// <summary>Lagrange's cubic through the four samples about an offset, in slice spacings.</summary>
    private static double Cubic(ReadOnlySpan<float> profile, double offset)
    {
        var position = (offset * ProfileFilter.Oversampling) + ((profile.Length - 1) / 2);
        var below = (int)Math.Floor(position);
        var sum = 0.0;
        for (var node = below - 1; node <= below + 2; node++)
        {
            var weight = 1.0;
            for (var other = below - 1; other <= below + 2; other++)
            {
                weight *= other == node ? 1 : (position - other) / (node - other);
            }

            sum += weight * profile[node];
        }

        return sum;
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
