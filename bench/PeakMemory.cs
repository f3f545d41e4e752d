namespace ToNNO.Bench;

/// <summary>The most memory that processes of each kind had, in the first third of a time and in the last.</summary>
/// <param name="whole">The time; what comes later counts as of its end.</param>
internal sealed class PeakMemory(TimeSpan whole)
{
    private readonly Dictionary<string, long[]> _peaks = [];

    /// <param name="at">Since the time began.</param>
    public void Note(string kind, TimeSpan at, long bytes)
    {
        if (!_peaks.TryGetValue(kind, out var thirds))
        {
            _peaks[kind] = thirds = new long[3];
        }

        var third = (int)Math.Min(2, 3 * (at / whole));
        thirds[third] = Math.Max(thirds[third], bytes);
    }

    public IReadOnlyDictionary<string, Peak> ByKind() =>
        _peaks.ToDictionary(kind => kind.Key, kind => new Peak(kind.Value[0] / 1048576.0, kind.Value[2] / 1048576.0));

    /// <summary>In MiB.</summary>
    internal sealed record Peak(double FirstThird, double LastThird)
    {
        public double Ratio => LastThird / FirstThird;
    }
}
