using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public class BootstrapTests
{
    /// <summary>Of n values of standard deviation s the mean's is s/√n, and 95 % of a normal lie within 1.96 of it.</summary>
    [Fact]
    public void Of_ManyPatients_IsTheNormalInterval()
    {
        const int Patients = 400;
        var random = new Random(1);
        double[] values = [.. Enumerable.Range(0, Patients).Select(_ => random.NextDouble())];
        var estimate = new Bootstrap(Patients, 4000, 0).Of(values);
        var mean = values.Average();
        var half = 1.96 * Math.Sqrt(values.Average(value => Math.Pow(value - mean, 2)) / Patients);
        Assert.Equal(mean, estimate.Mean, 1e-12);
        Assert.Equal(Patients, estimate.Patients);
        Assert.Equal(mean - half, estimate.Low, 0.1 * half); // 4000 draws leave some percent of the half width
        Assert.Equal(mean + half, estimate.High, 0.1 * half);
    }

    [Fact]
    public void Of_Differences_AreThoseOfTheMeans()
    {
        var bootstrap = new Bootstrap(20, 500, 3);
        double[] one = [.. Enumerable.Range(0, 20).Select(at => at / 20.0)];
        double[] other = Array.ConvertAll(one, value => value - 0.25);
        var difference = bootstrap.Of([.. one.Zip(other, (first, second) => first - second)]);
        Assert.Equal((0.25, 0.25, 0.25), (Math.Round(difference.Mean, 12), Math.Round(difference.Low, 12), Math.Round(difference.High, 12)));
        Assert.True(bootstrap.Of(one).High - bootstrap.Of(one).Low > 0.2); // though each alone is wide
    }

    [Fact]
    public void Of_SomeWithout_CountsThoseWith()
    {
        var estimate = new Bootstrap(4, 200, 0).Of([1, double.NaN, 3, double.NaN]);
        Assert.Equal((2.0, 2), (estimate.Mean, estimate.Patients));
        Assert.True(estimate is { Low: >= 1, High: <= 3 });
    }

    [Fact]
    public void Of_OneOrNone_NoInterval()
    {
        var bootstrap = new Bootstrap(2, 200, 0);
        Assert.Equal(new Estimate(5, double.NaN, double.NaN, 1), bootstrap.Of([double.NaN, 5]));
        Assert.Equal(new Estimate(double.NaN, double.NaN, double.NaN, 0), bootstrap.Of([double.NaN, double.NaN]));
    }
}
