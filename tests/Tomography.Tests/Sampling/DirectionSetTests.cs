using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Sampling;

public class DirectionSetTests
{
    [Theory]
    [InlineData(DirectionSetKind.Rings)]
    [InlineData(DirectionSetKind.Fibonacci)]
    [InlineData(DirectionSetKind.Grid)]
    public void Create_AnyCount_HasItOfUnitNormalsOnTheHalfSphereWithWeightsOfSumOne(DirectionSetKind kind)
    {
        foreach (var count in Enumerable.Range(1, 200).Concat(Enumerable.Range(1, 16).Select(n => 100 * n)))
        {
            var set = DirectionSet.Create(kind, count);

            var side = Math.Round(Math.Sqrt(count));
            Assert.Equal(kind == DirectionSetKind.Grid ? side * side : count, set.Count);
            Assert.Equal(set.Count, set.Normals.Length);
            var sum = 0.0;
            for (var j = 0; j < set.Count; j++)
            {
                Assert.True(set.Weights[j] > 0);
                Assert.True(Math.Abs(set.Normals[j].Length - 1) < 1e-12);
                Assert.True(InHalfSphere(set.Normals[j]));
                sum += set.Weights[j];
            }

            Assert.Equal(1, sum, 1e-12);
        }
    }

    [Theory]
    [InlineData(DirectionSetKind.Rings)]
    [InlineData(DirectionSetKind.Fibonacci)]
    [InlineData(DirectionSetKind.Grid)]
    public void Create_AnyCount_HoldsNoPlaneTwice(DirectionSetKind kind)
    {
        foreach (var count in Enumerable.Range(1, 60).Concat([100, 121, 144, 169, 324, 361, 529]))
        {
            var normals = DirectionSet.Create(kind, count).Normals.ToArray();
            for (var a = 0; a < normals.Length; a++)
            {
                for (var b = 0; b < a; b++)
                {
                    // P cells of 2π/P: their centres lie a radius √(2/P) or so apart. The grid crowds its poles.
                    var limit = kind == DirectionSetKind.Grid ? 1e-3 : 0.5 * Math.Sqrt(2.0 / count);
                    Assert.True(normals[a].Cross(normals[b]).Length > limit);
                }
            }
        }
    }

    [Theory]
    [InlineData(64, 1e-3)]
    [InlineData(256, 1e-4)]
    [InlineData(1024, 1e-5)]
    public void Rings_EvenPolynomials_AreIntegrated(int count, double tolerance)
    {
        var set = DirectionSet.Create(DirectionSetKind.Rings, count);
        RandomGrids.Direction.Sample(
            e =>
            {
                Assert.Equal(1 / 3.0, Mean(set, n => Math.Pow(n.Dot(e), 2)), tolerance);
                Assert.Equal(1 / 5.0, Mean(set, n => Math.Pow(n.Dot(e), 4)), tolerance);
            },
            iter: 200);

        // About the rings' own axis the azimuths do not matter and Gauss' rule is exact to degree 4n − 1.
        foreach (var degree in new[] { 2, 4, 6, 8, 10 })
        {
            Assert.Equal(1.0 / (degree + 1), Mean(set, n => Math.Pow(n.Z, degree)), 1e-12);
        }
    }

    [Theory]
    [InlineData(DirectionSetKind.Fibonacci, 1024, 2e-3)]
    [InlineData(DirectionSetKind.Grid, 1024, 1e-12)]
    public void OtherSets_EvenPolynomials_AreIntegrated(DirectionSetKind kind, int count, double tolerance)
    {
        var set = DirectionSet.Create(kind, count);
        RandomGrids.Direction.Sample(
            e =>
            {
                Assert.Equal(1 / 3.0, Mean(set, n => Math.Pow(n.Dot(e), 2)), tolerance);
                Assert.Equal(1 / 5.0, Mean(set, n => Math.Pow(n.Dot(e), 4)), tolerance);
            },
            iter: 100);
    }

    [Fact]
    public void FromNormals_AnyLengthAndSide_IsNormalisedToTheHalfSphere() =>
        Gen.Select(RandomGrids.Direction, Gen.Double[1e-3, 1e3], Gen.Double[0.1, 9]).Array[1, 20].Sample(given =>
        {
            var set = DirectionSet.FromNormals(given.Select(g => g.Item2 * g.Item1).ToArray(), given.Select(g => g.Item3).ToArray());
            var total = given.Sum(g => g.Item3);
            for (var j = 0; j < given.Length; j++)
            {
                Assert.True(InHalfSphere(set.Normals[j]));
                Assert.True(set.Normals[j].Cross(given[j].Item1).Length < 1e-12);
                Assert.Equal(given[j].Item3 / total, set.Weights[j], 1e-12);
            }
        });

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(0, 1, 0)]
    [InlineData(1, 0, 0)]
    [InlineData(1, -1, 0)]
    [InlineData(1, 1, -1)]
    public void FromNormals_NegatedNormal_IsTheSameNormal(double x, double y, double z)
    {
        var n = new Vector3D(x, y, z);
        Assert.Equal(DirectionSet.FromNormals([n]).Normals[0], DirectionSet.FromNormals([-n]).Normals[0]);
    }

    [Fact]
    public void BadArguments_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DirectionSet.Create(DirectionSetKind.Rings, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => DirectionSet.Create(DirectionSetKind.Unspecified, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => DirectionSet.FromNormals([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => DirectionSet.FromNormals([new(0, 0, 1)], [1, 1]));
        Assert.Throws<InvalidOperationException>(() => DirectionSet.FromNormals([Vector3D.Zero]));
    }

    [Theory]
    [InlineData(DirectionSetKind.Rings, 0.55)]
    [InlineData(DirectionSetKind.Fibonacci, 0.55)]
    [InlineData(DirectionSetKind.Grid, 0.45)]
    public void Create_Beginnings_AreWellSpread(DirectionSetKind kind, double least)
    {
        var normals = DirectionSet.Create(kind, 400).Normals.ToArray();
        foreach (var count in new[] { 8, 16, 32, 64, 128, 256 })
        {
            // In units of √(4π/P√3), the distance of neighbours in a hexagonal packing of P caps on the half sphere: taking the
            // farthest each time gives half of it at the worst (Gonzalez), random directions about 1/P of that.
            var packing = Math.Sqrt(4 * Math.PI / (Math.Sqrt(3) * count));
            var closest = Enumerable.Range(0, count).Min(a => Enumerable.Range(0, a).Select(b => normals[a].Cross(normals[b]).Length).DefaultIfEmpty(2).Min());
            Assert.True(closest > least * packing, $"{kind}, {count}: {closest / packing:F2} of the packing's distance");
        }
    }

    [Fact]
    public void First_PartOfASet_HasItsDirectionsAndWeighsThemBetterThanTheWholeDoes()
    {
        var whole = DirectionSet.Create(DirectionSetKind.Rings, 400);
        foreach (var count in new[] { 1, 32, 100, 200, 300 })
        {
            var part = whole.First(count);

            Assert.Equal(whole.Normals[..count].ToArray(), part.Normals.ToArray());
            Assert.Equal(1, part.Weights.ToArray().Sum(), 1e-12);
            if (count >= 32)
            {
                var scaled = DirectionSet.FromNormals(whole.Normals[..count], whole.Weights[..count]);
                double Worst(DirectionSet set) => Enumerable.Range(0, 50)
                    .Max(at => Math.Abs(Mean(set, n => Math.Pow(n.Dot(DirectionSet.Create(DirectionSetKind.Fibonacci, 50).Normals[at]), 4)) - 0.2));
                Assert.True(Worst(part) < 0.5 * Worst(scaled), $"{count}: {Worst(part):E1} against {Worst(scaled):E1}");
            }
        }

        Assert.Same(whole, whole.First(400));
        Assert.Throws<ArgumentOutOfRangeException>(() => whole.First(401));
        Assert.Throws<ArgumentOutOfRangeException>(() => whole.First(0));
    }

    private static bool InHalfSphere(Vector3D n) => n.Z > 0 || (n.Z == 0 && (n.Y > 0 || (n.Y == 0 && n.X > 0)));

    private static double Mean(DirectionSet set, Func<Vector3D, double> f)
    {
        var sum = 0.0;
        for (var j = 0; j < set.Count; j++)
        {
            sum += set.Weights[j] * f(set.Normals[j]);
        }

        return sum;
    }
}
