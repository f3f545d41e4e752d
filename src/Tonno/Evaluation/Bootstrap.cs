namespace ToNNO.Tonno.Evaluation;

/// <summary>A mean over patients and the interval that it lies in.</summary>
/// <param name="Mean">Of the patients that have a value; NaN where none has.</param>
/// <param name="Low">Lower end of the 95 % interval; NaN below two patients.</param>
/// <param name="Patients">How many have a value.</param>
internal readonly record struct Estimate(double Mean, double Low, double High, int Patients);

/// <summary>Percentile bootstrap over patients (Efron &amp; Tibshirani, An Introduction to the Bootstrap, 1993, §13.3).</summary>
/// <remarks>Patients are drawn, not volumes: those of one patient are alike. All estimates of one instance draw the same patients,
/// so that a difference of two means is the mean of the differences. With ten patients or fewer such intervals are too narrow.</remarks>
internal sealed class Bootstrap
{
    private const double Tail = 0.025;

    private readonly int[][] _draws;

    /// <param name="patients">How many there are.</param>
    /// <param name="draws">How often they are drawn.</param>
    public Bootstrap(int patients, int draws, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patients, 1);
        var random = new Random(seed);
        _draws = [.. Enumerable.Range(0, draws).Select(_ => Enumerable.Range(0, patients).Select(_ => random.Next(patients)).ToArray())];
    }

    /// <param name="values">One for each patient; NaN where it has none.</param>
    public Estimate Of(IReadOnlyList<double> values)
    {
        var known = values.Count(double.IsFinite);
        if (known < 2)
        {
            return new(known == 0 ? double.NaN : values.First(double.IsFinite), double.NaN, double.NaN, known);
        }

        // A draw without any known value, which few patients make likely, says nothing.
        var means = _draws.Select(draw => Mean(draw.Select(patient => values[patient]))).Where(double.IsFinite).Order().ToArray();
        return new(Mean(values), Quantile(means, Tail), Quantile(means, 1 - Tail), known);
    }

    private static double Mean(IEnumerable<double> values) => values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();

    private static double Quantile(double[] sorted, double part)
    {
        var at = part * (sorted.Length - 1);
        var (low, share) = ((int)at, at - Math.Floor(at));
        return sorted[low] + (share * (sorted[Math.Min(low + 1, sorted.Length - 1)] - sorted[low]));
    }
}
