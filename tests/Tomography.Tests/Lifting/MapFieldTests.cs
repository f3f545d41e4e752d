using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Lifting;

public class MapFieldTests
{
    private const int Edge = 9;

    /// <summary>Cells that do not lie in the middle of their slice, as those of strided networks.</summary>
    private const double OffCentreMm = 0.6;

    private static VolumeGeometry Oblique { get; } = new(new VolumeShape(11, 13, 12), ObliqueAffine());

    private static AffineTransform ObliqueAffine()
    {
        var frame = SliceFrame.For(new Vector3D(0.3, -0.5, 0.8).Normalized());
        return new AffineTransform(0.9 * frame.U, -1.1 * frame.V, 1.3 * frame.N, new(-17, 40, 120));
    }

    private static SamplingPlan Plan(VolumeGeometry geometry, int directions = 5) =>
        SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, directions), spacingMm: 0.8, pixelMm: 0.7);

    private static MapGrid Cells(SamplingPlan plan)
    {
        var cellMm = plan.Size * plan.PixelMm / Edge;
        return new MapGrid(Edge, cellMm, OffCentreMm - (0.5 * (Edge - 1) * cellMm));
    }

    /// <summary>Cells of a map that follow a function of (u, v, s), mm.</summary>
    private static float[] Maps(SamplingPlan plan, Func<double, double, double, double> value)
    {
        var grid = Cells(plan);
        double Place(int cell) => grid.FirstMm + (cell * grid.CellMm);
        var maps = new float[plan.OffsetCount * Edge * Edge];
        for (var at = 0; at < maps.Length; at++)
        {
            maps[at] = (float)value(Place(at % Edge), Place(at / Edge % Edge), plan.OffsetMm(at / (Edge * Edge)));
        }

        return maps;
    }

    [Fact]
    public void AddTo_MapsLinearInSpace_GiveThatFunctionAtEveryVoxelOfAnObliqueGrid()
    {
        var plan = Plan(Oblique);
        for (var direction = 0; direction < plan.Directions.Count; direction++)
        {
            var frame = SliceFrame.For(plan.Directions.Normals[direction]);
            var slab = new float[Oblique.Shape.VoxelCount];

            MapField.Of(Maps(plan, (u, v, s) => 3 + (0.5 * u) - (0.25 * v) + (0.125 * s)), Cells(plan), plan, direction).AddTo(slab, Oblique, 0, 2);

            // The outermost half cell of a map is flat; voxels that reach it are left out.
            var (reached, inner) = (0, (0.5 * plan.Size * plan.PixelMm * (Edge - 1) / Edge) - OffCentreMm);
            for (var at = 0; at < slab.Length; at++)
            {
                var x = World(Oblique, at) - plan.CentreMm;
                var (u, v, s) = (x.Dot(frame.U), x.Dot(frame.V), x.Dot(frame.N));
                if (Math.Max(Math.Abs(u), Math.Abs(v)) < inner)
                {
                    reached++;
                    Assert.Equal(2 * (3 + (0.5 * u) - (0.25 * v) + (0.125 * s)), slab[at], 2e-5); // float32 of values up to 20
                }
            }

            Assert.True(reached > slab.Length / 2);
        }
    }

    [Fact]
    public void AddTo_EdgeOfTheMap_GoesOn()
    {
        var plan = Plan(Oblique);
        var slab = new float[Oblique.Shape.VoxelCount];
        MapField.Of(Maps(plan, (_, _, _) => 4), Cells(plan), plan, 2).AddTo(slab, Oblique, 0, 0.5);
        Assert.All(slab, value => Assert.Equal(2, value));
    }

    [Fact]
    public void AddTo_RandomMaps_AgreeWithTrilinearInterpolationInDouble()
    {
        var (plan, random) = (Plan(Oblique), new Random(3));
        var maps = new float[plan.OffsetCount * Edge * Edge];
        for (var at = 0; at < maps.Length; at++)
        {
            maps[at] = random.NextSingle();
        }

        for (var direction = 0; direction < plan.Directions.Count; direction++)
        {
            var slab = new float[Oblique.Shape.VoxelCount];
            MapField.Of(maps, Cells(plan), plan, direction).AddTo(slab, Oblique, 0, 1);
            for (var at = 0; at < slab.Length; at++)
            {
                Assert.Equal(Reference(maps, plan, direction, World(Oblique, at)), slab[at], 1e-5); // 2⁻²⁴ weights, seven lerps
            }
        }
    }

    [Fact]
    public void AddTo_SlabBySlab_GivesTheBytesOfTheWhole()
    {
        var (plan, random) = (Plan(Oblique), new Random(4));
        var maps = new float[plan.OffsetCount * Edge * Edge];
        for (var at = 0; at < maps.Length; at++)
        {
            maps[at] = random.NextSingle() - 0.5f;
        }

        var field = MapField.Of(maps, Cells(plan), plan, 1);
        var whole = new float[Oblique.Shape.VoxelCount];
        field.AddTo(whole, Oblique, 0, 0.3);
        var plane = Oblique.Shape.I * Oblique.Shape.J;
        foreach (var (first, planes) in new[] { (0, 1), (1, 4), (5, 7) })
        {
            var slab = new float[planes * plane];
            field.AddTo(slab, Oblique, first, 0.3);
            Assert.Equal(whole.AsSpan(first * plane, planes * plane), slab.AsSpan());
        }
    }

    [Theory]
    [InlineData(1, FilterWindow.None)]
    [InlineData(2, FilterWindow.Hann)]
    public void Filtered_EveryCellTheSameProfile_IsTheFilteredProfile(double alpha, FilterWindow window)
    {
        var plan = Plan(Oblique);
        var filter = ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount);
        var profile = Enumerable.Range(0, plan.OffsetCount).Select(o => (float)Math.Exp(-plan.OffsetMm(o) * plan.OffsetMm(o) / 8) + 0.5f).ToArray();
        var expected = new float[ProfileFilter.FilteredLength(plan.OffsetCount)];
        filter.Apply(profile, 0.5f, expected);
        var maps = new float[plan.OffsetCount * Edge * Edge];
        for (var at = 0; at < maps.Length; at++)
        {
            maps[at] = profile[at / (Edge * Edge)];
        }

        var slab = new float[Oblique.Shape.VoxelCount];
        MapField.Filtered(maps, Enumerable.Repeat(0.5f, Edge * Edge).ToArray(), Cells(plan), plan, 3, filter).AddTo(slab, Oblique, 0, 1);

        var peak = expected.Max();
        for (var at = 0; at < slab.Length; at++)
        {
            var place = ((World(Oblique, at) - plan.CentreMm).Dot(plan.Directions.Normals[3]) / plan.SpacingMm) + (plan.OffsetCount / 2);
            var (below, part) = ((int)Math.Floor(place), place - Math.Floor(place));
            var value = ((1 - part) * expected[below * ProfileFilter.Oversampling]) + (part * expected[(below + 1) * ProfileFilter.Oversampling]);
            Assert.Equal(value, slab[at], 1e-5 * peak); // float32 sums of O products
        }
    }

    [Fact]
    public void Filtered_ConstantMaps_LeaveNothing()
    {
        var plan = Plan(Oblique);
        var slab = new float[Oblique.Shape.VoxelCount];
        var blank = Enumerable.Range(0, Edge * Edge).Select(cell => (float)cell).ToArray();
        var maps = Enumerable.Repeat(blank, plan.OffsetCount).SelectMany(map => map).ToArray();
        MapField.Filtered(maps, blank, Cells(plan), plan, 0, ProfileFilter.Create(1, FilterWindow.None, plan.SpacingMm, plan.OffsetCount)).AddTo(slab, Oblique, 0, 1);
        Assert.All(slab, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Of_MapsOfAnotherPlan_Refused()
    {
        var plan = Plan(Oblique);
        Assert.Throws<ArgumentOutOfRangeException>(() => MapField.Of(new float[5], Cells(plan), plan, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => MapField.Of([], default, plan, 0));
    }

    private static Vector3D World(VolumeGeometry geometry, int at) =>
        geometry.Affine.ToWorld(at % geometry.Shape.I, at / geometry.Shape.I % geometry.Shape.J, at / (geometry.Shape.I * geometry.Shape.J));

    private static double Reference(float[] maps, SamplingPlan plan, int direction, Vector3D world)
    {
        var frame = SliceFrame.For(plan.Directions.Normals[direction]);
        var (x, grid) = (world - plan.CentreMm, Cells(plan));
        var a = Math.Clamp((x.Dot(frame.U) - grid.FirstMm) / grid.CellMm, 0, Edge - 1);
        var b = Math.Clamp((x.Dot(frame.V) - grid.FirstMm) / grid.CellMm, 0, Edge - 1);
        var o = (x.Dot(frame.N) / plan.SpacingMm) + (plan.OffsetCount / 2);
        double At(double row, double column, double offset) => maps[(((((int)offset * Edge) + (int)Math.Min(row, Edge - 1)) * Edge) + (int)Math.Min(column, Edge - 1))];
        double Along(double place, Func<double, double> value) =>
            ((1 - (place - Math.Floor(place))) * value(Math.Floor(place))) + ((place - Math.Floor(place)) * value(Math.Floor(place) + 1));
        return Along(o, offset => Along(b, row => Along(a, column => At(row, column, offset))));
    }
}
