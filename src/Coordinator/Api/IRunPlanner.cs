using ToNNO.Contracts;

namespace ToNNO.Coordinator.Api;

/// <summary>Makes a run of an order: resolves its settings and lists its inputs, as this node sees model and sources.</summary>
public interface IRunPlanner
{
    /// <exception cref="OrderRefusedException">The order cannot be carried out.</exception>
    Task<PlannedRun> PlanAsync(RunOrder order, CancellationToken cancel);
}

/// <param name="LeftOut">Files that could be taken for inputs but are none.</param>
/// <param name="Labels">What manifests say of volumes, for the run's report.</param>
public sealed record PlannedRun(
    RunSettings Settings, IReadOnlyList<RunInput> Inputs, IReadOnlyList<LeftOutFile> LeftOut, IReadOnlyDictionary<VolumeId, string> Labels);

/// <summary>A file that no volume is made of.</summary>
/// <param name="Reason">A code, as those of refusals.</param>
public sealed record LeftOutFile(string Source, string Reason);

/// <summary>An order that cannot be carried out.</summary>
/// <param name="code">Stable reason code.</param>
public sealed class OrderRefusedException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}
