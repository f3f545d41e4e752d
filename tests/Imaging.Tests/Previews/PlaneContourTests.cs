using ToNNO.Imaging.Previews;

namespace ToNNO.Imaging.Tests.Previews;

public class PlaneContourTests
{
    [Fact]
    public void Trace_Disc_IsOneLineAtItsRadius()
    {
        var plane = new float[41 * 31];
        for (var index = 0; index < plane.Length; index++)
        {
            plane[index] = (float)-Math.Sqrt(Math.Pow((index % 41) - 22.3, 2) + Math.Pow((index / 41) - 14.8, 2));
        }

        var line = Assert.Single(PlaneContour.Trace(plane, 41, 31, -9));

        // Linear interpolation of a cone errs by at most 1/(8r) of a voxel.
        Assert.All(line, point => Assert.Equal(9, Math.Sqrt(Math.Pow(point.X - 22.3, 2) + Math.Pow(point.Y - 14.8, 2)), 0.02));
        var length = line.Zip(line.Skip(1).Append(line[0])).Sum(
            pair => Math.Sqrt(Math.Pow(pair.First.X - pair.Second.X, 2) + Math.Pow(pair.First.Y - pair.Second.Y, 2)));
        Assert.Equal(2 * Math.PI * 9, length, 0.3);
    }

    [Fact]
    public void Trace_WholePlaneInside_RunsHalfAVoxelOutsideTheCentres()
    {
        var line = Assert.Single(PlaneContour.Trace([1, 1, 1, 1, 1, 1], 3, 2, 0.5));
        Assert.Equal((-0.5f, 2.5f, -0.5f, 1.5f), (line.Min(p => p.X), line.Max(p => p.X), line.Min(p => p.Y), line.Max(p => p.Y)));
    }

    [Theory]
    [InlineData(0.4, 1)]
    [InlineData(0.6, 2)]
    public void Trace_Saddle_IsJoinedWhereTheMeanIsInside(double level, int lines) =>
        Assert.Equal(lines, PlaneContour.Trace([1, 0, 0, 1], 2, 2, level).Count);

    [Fact]
    public void Trace_RandomPlanes_LinesPartInsideFromOutside()
    {
        var random = new Random(5);
        for (var round = 0; round < 50; round++)
        {
            var plane = Enumerable.Range(0, 8 * 7).Select(_ => random.NextSingle()).ToArray();
            var lines = PlaneContour.Trace(plane, 8, 7, 0.5);
            for (var index = 0; index < plane.Length; index++)
            {
                Assert.Equal(plane[index] >= 0.5, IsWithin(lines, (index % 8) + 1e-4, (index / 8) + 1e-4));
            }
        }
    }

    [Fact]
    public void Trace_NothingInside_HasNoLines() => Assert.Empty(PlaneContour.Trace([0, float.NaN, 0, 0], 2, 2, 0.5));

    // Even-odd rule: crossings of a ray to the right.
    private static bool IsWithin(IReadOnlyList<IReadOnlyList<(float X, float Y)>> lines, double x, double y)
    {
        var within = false;
        foreach (var line in lines)
        {
            for (var index = 0; index < line.Count; index++)
            {
                var (a, b) = (line[index], line[(index + 1) % line.Count]);
                within ^= (a.Y > y) != (b.Y > y) && x < a.X + ((y - a.Y) / (b.Y - a.Y) * (b.X - a.X));
            }
        }

        return within;
    }
}
