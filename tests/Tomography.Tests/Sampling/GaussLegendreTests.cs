using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Sampling;

public class GaussLegendreTests
{
    [Fact]
    public void Rule_AnyCount_IsExactToDegreeTwoNLessOne()
    {
        foreach (var count in Enumerable.Range(1, 64).Concat([100, 128, 200, 256, 399]))
        {
            var (nodes, weights) = GaussLegendre.Rule(count);
            Assert.Equal(nodes.Order(), nodes);
            Assert.All(nodes, x => Assert.InRange(x, -1, 1));
            Assert.All(weights, w => Assert.True(w > 0));
            for (var degree = 0; degree < 2 * count; degree++)
            {
                var sum = nodes.Zip(weights).Sum(pair => pair.Second * Math.Pow(pair.First, degree));
                Assert.Equal(degree % 2 == 0 ? 2.0 / (degree + 1) : 0, sum, 1e-12);
            }
        }
    }

    [Fact]
    public void Rule_OneDegreeTooHigh_IsNotExact()
    {
        var (nodes, weights) = GaussLegendre.Rule(4);
        var sum = nodes.Zip(weights).Sum(pair => pair.Second * Math.Pow(pair.First, 8));
        Assert.True(Math.Abs(sum - (2 / 9.0)) > 1e-3);
    }

    [Fact]
    public void Rule_NoNodes_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => GaussLegendre.Rule(0));
}
