using CsCheck;
using ToNNO.Tomography.Filtering;

namespace ToNNO.Tomography.Tests.Filtering;

public class ProfileFilterTests
{
    private static readonly FilterWindow[] Windows = [FilterWindow.None, FilterWindow.Cosine, FilterWindow.Hann, FilterWindow.ThreePoint];

    [Theory]
    [InlineData(1.0, 40)]
    [InlineData(0.75, 200)]
    [InlineData(3.27, 1)]
    public void Create_AlphaTwo_TapsAreTheSecondDerivatives(double h, int length)
    {
        var taps = ProfileFilter.Create(2, FilterWindow.None, h, length).Taps;

        Assert.Equal(ProfileFilter.FilteredLength(length), taps.Length);
        for (var m = 0; m < length; m++)
        {
            var expected = m == 0 ? Math.PI * Math.PI / 3 : 2.0 * (m % 2 == 0 ? 1 : -1) / ((double)m * m);
            Assert.Equal(expected / (h * h), taps[m * ProfileFilter.Oversampling], 1e-12 / (h * h));
        }
    }

    [Fact]
    public void Create_AlphaTwo_BetweenSlicesIsTheBandLimitedFilter()
    {
        // (1/π) ∫₀^π u² cos(ux) du = sin(πx)·π/x + 2 cos(πx)/x² − 2 sin(πx)/(πx³)
        var taps = ProfileFilter.Create(2, FilterWindow.None, 1, 50).Taps;
        for (var m = 1; m < taps.Length; m++)
        {
            var x = (double)m / ProfileFilter.Oversampling;
            var (sine, cosine) = Math.SinCos(Math.PI * x);
            Assert.Equal((Math.PI * sine / x) + (2 * cosine / (x * x)) - (2 * sine / (Math.PI * x * x * x)), taps[m], 1e-12);
        }
    }

    [Fact]
    public void Create_AlphaTwoThreePoint_IsTheSecondDifferenceDrawnWithLines()
    {
        const double h = 1.7;
        var taps = ProfileFilter.Create(2, FilterWindow.ThreePoint, h, 30).Taps;
        for (var m = 0; m < taps.Length; m++)
        {
            var x = (double)m / ProfileFilter.Oversampling;
            Assert.Equal((x < 1 ? 2 - (3 * x) : x < 2 ? x - 2 : 0) / (h * h), taps[m], 1e-12);
        }
    }

    [Fact]
    public void Apply_AlphaTwoThreePoint_TakesSecondDifferences()
    {
        float[] profile = [0, 0, 3, 1, 7, 0, 0];
        var filtered = new float[ProfileFilter.FilteredLength(profile.Length)];
        ProfileFilter.Create(2, FilterWindow.ThreePoint, 2, profile.Length).Apply(profile, 0, filtered);

        for (var k = 1; k < profile.Length - 1; k++)
        {
            Assert.Equal((-profile[k - 1] + (2 * profile[k]) - profile[k + 1]) / 4, filtered[k * ProfileFilter.Oversampling], 1e-6f);
        }
    }

    [Fact]
    public void Apply_AlphaZeroWithoutWindow_KeepsTheProfileLessTheBlankLogit()
    {
        var random = new Random(5);
        var profile = Enumerable.Range(0, 60).Select(_ => (random.NextSingle() * 4) - 2).ToArray();
        var filtered = new float[ProfileFilter.FilteredLength(profile.Length)];
        ProfileFilter.Create(0, FilterWindow.None, 0.8, profile.Length).Apply(profile, 0.25f, filtered);

        for (var k = 0; k < profile.Length; k++)
        {
            Assert.Equal(profile[k] - 0.25f, filtered[k * ProfileFilter.Oversampling], 1e-6f);
        }
    }

    [Fact]
    public void Create_AlphaAboveZero_SumOfTapsApproachesZero()
    {
        // The cusp of |ω|^α makes c(m) ~ −Γ(1+α) sin(πα/2)/π · m^−(1+α), of which 2Γ(α) sin(πα/2)/π · M^−α lies past tap M;
        // the cut at ω = π/h adds an alternating part, of O(1/M²) after summation.
        (double Alpha, double Gamma)[] orders = [(0.5, Math.Sqrt(Math.PI)), (1, 1), (1.5, Math.Sqrt(Math.PI) / 2), (2, 1)];
        foreach (var window in Windows)
        {
            foreach (var (alpha, gamma) in orders)
            {
                foreach (var length in new[] { 64, 512 })
                {
                    var taps = ProfileFilter.Create(alpha, window, 1, length).Taps;
                    var sum = taps[0];
                    for (var m = 1; m < length; m++)
                    {
                        sum += 2 * taps[m * ProfileFilter.Oversampling];
                    }

                    var expected = 2 * gamma * Math.Sin(Math.PI * alpha / 2) / Math.PI * Math.Pow(length - 0.5, -alpha);
                    Assert.Equal(expected, sum, (0.01 * expected) + (8.0 / length / length));
                }
            }
        }
    }

    [Fact]
    public void Create_OtherSpacing_ScalesTapsByItsPowerMinusAlpha() =>
        Gen.Select(Gen.Double[0, 2], Gen.OneOf(Windows), Gen.Double[0.1, 8]).Sample(
            (alpha, window, h) =>
            {
                var unit = ProfileFilter.Create(alpha, window, 1, 20).Taps.ToArray();
                var scaled = ProfileFilter.Create(alpha, window, h, 20).Taps.ToArray();
                var factor = Math.Pow(h, -alpha);
                return unit.Zip(scaled).All(pair => Math.Abs((factor * pair.First) - pair.Second) <= 1e-11 * factor * unit[0]);
            },
            iter: 200);

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.8)]
    [InlineData(1)]
    [InlineData(1.5)]
    [InlineData(2)]
    public void Create_AnyWindow_AgreesWithALongDiscreteFourierTransform(double alpha)
    {
        // A trapezoid sum over 2¹⁸ frequencies: its error at the cusp ω = 0 is O(N^−(1+α)), 8e-9 for α = ½.
        const int count = 1 << 18;
        const double h = 1.3;
        foreach (var window in Windows)
        {
            var taps = ProfileFilter.Create(alpha, window, h, 40).Taps;
            foreach (var m in new[] { 0, 1, 2, 7, 39 })
            {
                var sum = 0.0;
                for (var k = -count / 2; k < count / 2; k++)
                {
                    var x = 2 * Math.PI * k / count;
                    sum += Reference(Math.Abs(x), alpha, window, h) * Math.Cos(m * x);
                }

                Assert.Equal(sum / count, taps[m * ProfileFilter.Oversampling], 1e-7);
            }
        }
    }

    [Fact]
    public void Apply_RandomProfile_AgreesWithTheConvolution() =>
        Gen.Select(Gen.Double[0, 2], Gen.OneOf(Windows), Gen.Float[-3, 3].Array[1, 40], Gen.Float[-3, 3]).Sample(
            (alpha, window, profile, blank) =>
            {
                var filter = ProfileFilter.Create(alpha, window, 1.1, profile.Length + 3);
                var filtered = new float[ProfileFilter.FilteredLength(profile.Length)];
                filter.Apply(profile, blank, filtered);
                var scale = profile.Sum(p => Math.Abs(p - blank)) * filter.Taps[0];
                for (var k = 0; k < filtered.Length; k++)
                {
                    var sum = 0.0;
                    for (var m = 0; m < profile.Length; m++)
                    {
                        sum += filter.Taps[Math.Abs(k - (m * ProfileFilter.Oversampling))] * ((double)profile[m] - blank);
                    }

                    Assert.Equal(sum, filtered[k], (1e-6 * scale) + 1e-12);
                }
            },
            iter: 200);

    [Fact]
    public void ApplyRows_Rows_AreFilteredOneByOne()
    {
        var random = new Random(2);
        var profiles = Enumerable.Range(0, 3 * 11).Select(_ => random.NextSingle()).ToArray();
        var filter = ProfileFilter.Create(1, FilterWindow.Hann, 1, 11);
        var expected = new float[ProfileFilter.FilteredLength(11)];

        var rows = filter.ApplyRows(profiles, 0.5f, 11);

        for (var row = 0; row < 3; row++)
        {
            filter.Apply(profiles.AsSpan(row * 11, 11), 0.5f, expected);
            Assert.Equal(expected, rows.AsSpan(row * expected.Length, expected.Length).ToArray());
        }
    }

    [Theory]
    [InlineData(-0.01, FilterWindow.None, 1, 10)]
    [InlineData(2.01, FilterWindow.None, 1, 10)]
    [InlineData(double.NaN, FilterWindow.None, 1, 10)]
    [InlineData(1, FilterWindow.None, 0, 10)]
    [InlineData(1, FilterWindow.None, -1, 10)]
    [InlineData(1, FilterWindow.None, double.NaN, 10)]
    [InlineData(1, FilterWindow.None, 1, 0)]
    [InlineData(1, FilterWindow.Unspecified, 1, 10)]
    [InlineData(1, (FilterWindow)77, 1, 10)]
    public void Create_BadArgument_Throws(double alpha, FilterWindow window, double spacingMm, int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ProfileFilter.Create(alpha, window, spacingMm, length));

    [Fact]
    public void Apply_BadLengths_Throws()
    {
        var filter = ProfileFilter.Create(2, FilterWindow.None, 1, 10);
        Assert.Throws<ArgumentOutOfRangeException>(() => filter.Apply(new float[10], 0, new float[36]));
        Assert.Throws<ArgumentOutOfRangeException>(() => filter.Apply(new float[11], 0, new float[41]));
        Assert.Throws<ArgumentOutOfRangeException>(() => filter.Apply([], 0, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => filter.ApplyRows(new float[21], 0, 10)); // a row and a bit
        Assert.Throws<ArgumentOutOfRangeException>(() => filter.ApplyRows(new float[20], 0, 0));
    }

    private static double Reference(double x, double alpha, FilterWindow window, double h)
    {
        var sinc = x == 0 ? 1 : Math.Sin(x / 2) / (x / 2);
        return Math.Pow(x / h, alpha) * window switch
        {
            FilterWindow.None => 1,
            FilterWindow.Cosine => Math.Cos(x / 2),
            FilterWindow.Hann => Math.Cos(x / 2) * Math.Cos(x / 2),
            _ => Math.Pow(sinc, alpha),
        };
    }
}
