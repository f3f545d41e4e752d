using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Tests.Geometry;

public class IntensityStatisticsTests
{
    public static TheoryData<string> Kinds => ["uniform", "whole numbers", "huge offset", "few", "one"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Append_InPieces_GivesWhatASortedListGives(string kind)
    {
        var random = new Random(3);
        var values = kind switch
        {
            "uniform" => [.. Enumerable.Range(0, 5000).Select(_ => (random.NextSingle() * 20) - 7)],
            "whole numbers" => [.. Enumerable.Range(0, 5000).Select(_ => (float)random.Next(-1024, 3071))],
            "huge offset" => [.. Enumerable.Range(0, 5000).Select(_ => 1e6f + random.Next(0, 4096))],
            "few" => [3, -2, 0, 5],
            _ => new float[] { -0.5f },
        };
        var statistics = new IntensityStatistics();
        statistics.Append(values.AsSpan(0, values.Length / 3));
        statistics.Append(values.AsSpan(values.Length / 3));

        var mean = values.Average(value => (double)value);
        Assert.Equal(values.Length, statistics.Count);
        Assert.Equal(mean, statistics.Mean, 1e-9 * Math.Max(1, Math.Abs(mean)));
        var deviation = Math.Sqrt(values.Average(value => Math.Pow(value - mean, 2)));
        Assert.Equal(deviation, statistics.Deviation, 1e-7 * Math.Max(1, deviation));
        var sorted = values.Order().ToArray();
        foreach (var percent in new[] { 0, 0.5, 1, 33.3, 50, 99, 99.5, 100 })
        {
            var rank = percent / 100 * (sorted.Length - 1);
            var (below, above) = ((double)sorted[(int)Math.Floor(rank)], sorted[(int)Math.Ceiling(rank)]);
            var expected = below + ((rank - Math.Floor(rank)) * (above - below));
            Assert.Equal(expected, statistics.Percentile(percent), kind is "whole numbers" or "few" ? 1e-9 : 1.3e-4 * Math.Max(Math.Abs(below), Math.Abs(above)));
        }
    }

    [Fact]
    public void Append_LeftIntensity_IsNotCounted()
    {
        var statistics = new IntensityStatistics(left: 0);
        statistics.Append([0, 0, 4, 0, 8, 0]);
        Assert.Equal((2, 6.0, 2.0, 8.0), (statistics.Count, statistics.Mean, statistics.Deviation, statistics.Percentile(100)));
    }

    [Fact]
    public void Resolve_Rules_AreTheVolumesOwnWindow()
    {
        var statistics = new IntensityStatistics();
        statistics.Append([.. Enumerable.Range(0, 101).Select(value => (float)value)]);
        Assert.Equal(
            new IntensityMap(5, 95, -1, -2, 2),
            statistics.Resolve(new IntensityMap(5, 95, -1, -2, 2, new WindowRule(WindowUnit.Percentile, BesidesFill: false))));
        var spread = (float)Math.Sqrt(850); // of the numbers from 0 to 100
        var resolved = statistics.Resolve(new IntensityMap(-1, 2, 0, -1, 2, new WindowRule(WindowUnit.Deviation, BesidesFill: false)))!;
        Assert.Equal(50 - spread, resolved.Low, 1e-4);
        Assert.Equal(50 + (2 * spread), resolved.High, 1e-4);
    }

    [Fact]
    public void Resolve_NothingOrAllAlike_IsNull()
    {
        var rule = new IntensityMap(0, 100, 0, Rule: new WindowRule(WindowUnit.Percentile, BesidesFill: true));
        var statistics = new IntensityStatistics(left: 0);
        statistics.Append([0, 0]);
        Assert.Null(statistics.Resolve(rule));
        statistics.Append([3, 3]);
        Assert.Null(statistics.Resolve(rule));
        Assert.Null(statistics.Resolve(rule with { Rule = new WindowRule(WindowUnit.Deviation, BesidesFill: true) }));
    }

    [Fact]
    public void Apply_WindowThatIsNotKnownYet_Throws() => Assert.Throws<InvalidOperationException>(
        () => new IntensityMap(0, 1, 0, Rule: new WindowRule(WindowUnit.Deviation, BesidesFill: false)).Apply(1));
}
