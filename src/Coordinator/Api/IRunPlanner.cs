using ToNNO.Contracts;

namespace ToNNO.Coordinator.Api;

/// <summary>Makes a run of an order: resolves its settings and lists its inputs, as this node sees model and sources.</summary>
public interface IRunPlanner
{
    /// <exception cref="OrderRefusedException">The order cannot be carried out.</exception>
    Task<PlannedRun> PlanAsync(RunOrder order, CancellationToken cancel);
}

/// <param name="LeftOut">Files that could be taken for inputs but are none.</param>
/// <param name="TakenBy">The selection rule that took a volume; of those that none did, nothing.</param>
/// <param name="Rules">What selection rules took and left; empty where there are none.</param>
public sealed record PlannedRun(
    RunSettings Settings,
    IReadOnlyList<RunInput> Inputs,
    IReadOnlyList<LeftOutFile> LeftOut,
    IReadOnlyDictionary<VolumeId, string> TakenBy,
    IReadOnlyList<RuleAccount> Rules);

/// <summary>What a selection rule did.</summary>
/// <param name="Excludes">It leaves out what fits it.</param>
/// <param name="Took">Series that it took, or left out.</param>
/// <param name="LeftBy">Series that came to it and that it left, by the criterion that they did not meet.</param>
public sealed record RuleAccount(string Rule, bool Excludes, int Took, IReadOnlyDictionary<string, int> LeftBy);

/// <summary>A file that no volume is made of.</summary>
/// <param name="Reason">A code, as those of refusals.</param>
/// <param name="Rule">The selection rule that left it out; null where none did.</param>
public sealed record LeftOutFile(string Source, string Reason, string? Rule = null);

/// <summary>An order that cannot be carried out.</summary>
/// <param name="code">Stable reason code.</param>
public sealed class OrderRefusedException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}
