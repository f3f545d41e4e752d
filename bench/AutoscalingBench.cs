namespace ToNNO.Bench;

/// <summary>The scalers' rules, as they are applied, against the real lease board in virtual time: bursts of ten thousand volumes. Fails
/// where pods flap, a begun block is killed, a volume is left, or pods stay when all is done.</summary>
internal static class AutoscalingBench
{
    private const double Hour = 3600;

    /// <param name="arguments">Optionally the number of volumes of a burst.</param>
    public static object Measure(string[] arguments)
    {
        var volumes = arguments is [var count, ..] ? int.Parse(count, System.Globalization.CultureInfo.InvariantCulture) : 10_000;
        return new Report([.. Cases("keda", ScalingRule.OfKeda, volumes), .. Cases("hpa", ScalingRule.OfHpa, volumes)]);
    }

    private static IEnumerable<Case> Cases(string scaler, Func<ScalingRule> rule, int volumes)
    {
        Case Of(string what, double slicesPerSecond, (double Time, int Volumes)[] bursts) => Run(scaler, rule(), what, slicesPerSecond, bursts);
        return
        [
            Of("one burst", 5000, [(0, volumes)]),
            Of("one burst, encoders ten times slower", 500, [(0, volumes)]),
            Of("another burst while the first shrinks the pool", 5000, [(0, volumes), (3.5 * Hour, volumes), (12 * Hour, volumes)]),
            Of("a burst, and ten volumes every ten minutes", 5000, [(0, volumes), .. Enumerable.Range(1, 36).Select(at => (at * Hour / 6, 10))]),
            Of("a burst, and then what three encoders make", 2500, [(0, volumes), .. Enumerable.Range(1, 2400).Select(at => (at * Hour / 60, 3))]),
            Of("a thousand volumes an hour", 5000, [.. Enumerable.Range(0, 12).Select(at => (at * Hour, volumes / 10))]),
        ];
    }

    private static Case Run(string scaler, ScalingRule rule, string what, double slicesPerSecond, (double Time, int Volumes)[] bursts)
    {
        var cluster = new ScaledCluster(rule, startSeconds: 240, slicesPerSecond);
        cluster.Run(bursts);
        return new Case(
            scaler, what, cluster.Submitted, cluster.Finished, cluster.Now / Hour, cluster.MostPods, cluster.PodHours, cluster.BusyHours / cluster.PodHours, cluster.LeastTimes, cluster.Flaps, cluster.Killed, cluster.Returned);
    }

    /// <param name="Busy">Share of what is paid for.</param>
    /// <param name="ToLeast">Times that the pool shrank to the pods that stay: none by KEDA, one by the HPA.</param>
    /// <param name="Flaps">See <see cref="ScaledCluster.Flaps"/>.</param>
    private sealed record Case(string Scaler, string What, int Volumes, int Finished, double SimulatedHours, int MostPods, double PodHours, double Busy, int ToLeast, int Flaps, int Killed, int Returned);

    private sealed record Report(IReadOnlyList<Case> Cases) : ICheckedReport
    {
        public bool Whole => Cases.All(one => one is { Flaps: 0, Killed: 0, ToLeast: > 0 } && one.Finished == one.Volumes);
    }
}
