namespace ToNNO.Bench;

/// <summary>A benchmark that is also a check: where it is not whole, the program ends with an error.</summary>
internal interface ICheckedReport
{
    bool Whole { get; }
}

/// <summary>How a cluster came through a time of killing.</summary>
/// <param name="Kills">By role.</param>
/// <param name="OtherEnds">Lives of nodes that ended without being killed, by role.</param>
/// <param name="Seconds">Until the last volume was done; killing took <paramref name="KillingSeconds"/> of them.</param>
/// <param name="Completed">Volumes that were completed once, by the run's counts, the ledger and their results alike.</param>
/// <param name="Reused">Of them, those whose result stood already when a coordinator took over.</param>
/// <param name="NotCompleted">The other volumes, with what became of them.</param>
/// <param name="Mismatched">Volumes whose heatmap has other bytes than that of a single process.</param>
/// <param name="LeftOverBeforeVerify">Temporary files that those who were killed left.</param>
/// <param name="LeftOver">Temporary files, and files that no result tells of, after <c>tonno verify</c>.</param>
/// <param name="VerifyExitCode">Of <c>tonno verify</c>.</param>
/// <param name="LongestSecondsWithoutVolume">Between one volume's end and the next's.</param>
/// <param name="PeakMebibytes">Resident memory by role, of slice nodes and reducers those that were spared; Azurite keeps all blobs in its own.</param>
internal sealed record SoakReport(
    string Store,
    int Seed,
    int Runs,
    int Volumes,
    IReadOnlyDictionary<string, int> Kills,
    IReadOnlyDictionary<string, int> OtherEnds,
    double Seconds,
    double KillingSeconds,
    int Completed,
    int Reused,
    IReadOnlyList<string> NotCompleted,
    int Mismatched,
    int LeftOverBeforeVerify,
    int LeftOver,
    int VerifyExitCode,
    double LongestSecondsWithoutVolume,
    IReadOnlyDictionary<string, PeakMemory.Peak> PeakMebibytes) : ICheckedReport
{
    /// <summary>Nodes' memory that grows by more than this over the time is not flat.</summary>
    private const double Flat = 1.2;

    public bool Whole => Completed == Volumes && Mismatched == 0 && LeftOver == 0 && VerifyExitCode == 0 && Kills.Values.All(kills => kills > 0) && Kills.Keys.All(role => PeakMebibytes.TryGetValue(role, out var peak) && peak.Ratio <= Flat);
}
