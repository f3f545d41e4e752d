using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Api;

/// <summary>Where a run stands.</summary>
/// <param name="Waiting">Volumes that the run has not begun to work on.</param>
/// <param name="Awaited">Those of them whose turn it is, but for other runs, which are at them.</param>
/// <param name="Fraction">Share that is done, 0 to 1.</param>
public sealed record RunView(
    RunId RunId, RunState State, int Priority, DateTimeOffset SubmittedAt, int Volumes, RunCounts Counts, int InWork, int Waiting, double Fraction, long SlicesEncoded, int Awaited = 0)
{
    internal static RunView Of(RunProtocol.RunDescribed run) => new(
        run.RunId, run.State, run.Priority, run.SubmittedAt, run.Volumes, run.Counts, run.InWork, run.Volumes - run.Counts.Total - run.InWork, run.Fraction, run.SlicesEncoded, run.Awaited);

    /// <summary>A run as its document has it, which knows no more of one under way than its size.</summary>
    internal static RunView Of(RunDocument run) => new(
        run.RunId, run.State, run.Priority, run.SubmittedAt, run.InputCount, run.Counts ?? default, 0, run.IsEnded ? 0 : run.InputCount, run.IsEnded ? 1 : 0, 0);
}

/// <summary>A run that was taken.</summary>
/// <param name="LeftOut">Files that could be taken for inputs but are none, by reason.</param>
/// <param name="Known">True where the same order had been submitted by this name before: the run goes on, or has ended, as it was.</param>
public sealed record SubmittedView(RunView Run, IReadOnlyDictionary<string, int> LeftOut, bool Known = false);

public sealed record RunListView(IReadOnlyList<RunView> Runs);

/// <summary>Where a volume of a run stands.</summary>
/// <param name="Attempts">How often work on it was begun.</param>
public sealed record VolumeView(VolumeId VolumeId, VolumeState State, string? ReasonCode, string? Detail, int Attempts, DateTimeOffset? UpdatedAt)
{
    /// <summary>As the ledger has it; what another run has made of a volume since this one ended is told with it.</summary>
    internal static VolumeView Of(RunInput input, RunDocument run, LedgerEntry? entry) => entry is null || (entry.RunId != run.RunId && !run.IsEnded)
        ? new(input.VolumeId, run.UnbegunState, null, null, 0, null)
        : new(input.VolumeId, entry.State, NullIfEmpty(entry.ReasonCode), NullIfEmpty(entry.Detail), entry.Attempts, entry.UpdatedAt);

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

/// <param name="Page">Counted from 0.</param>
public sealed record VolumePageView(int Page, int Pages, IReadOnlyList<VolumeView> Volumes);

/// <param name="Address">Where other nodes reach it.</param>
/// <param name="Reachable">False while its heartbeats are missed.</param>
public sealed record NodeView(string Address, IReadOnlyList<string> Roles, string Status, bool Reachable);

/// <param name="Leader">Address of the node that leads the membership, or null.</param>
/// <param name="Leases">Null while no coordinator answers.</param>
public sealed record ClusterView(string Self, string? Leader, IReadOnlyList<NodeView> Nodes, LeasesView? Leases);

/// <summary>What the encoders have in their hands.</summary>
/// <param name="Blocks">Blocks of directions that are out.</param>
/// <param name="OldestSeconds">Age of the one that is out longest.</param>
/// <param name="SecondsToDeadline">Until the first of them is taken back; null where none is out.</param>
/// <param name="HandedOut">Leases given out since this coordinator leads.</param>
/// <param name="Deaths">Nodes that died with blocks in their hands since then.</param>
/// <param name="Nodes">Those that encode.</param>
/// <param name="LongestOut">The first of the blocks by when they were handed out, some of them at most.</param>
public sealed record LeasesView(
    int Encoders,
    int FreeEncoders,
    int Blocks,
    double OldestSeconds,
    double? SecondsToDeadline,
    long HandedOut,
    long Deaths,
    IReadOnlyList<EncodingNodeView> Nodes,
    IReadOnlyList<BlockOutView> LongestOut)
{
    internal static LeasesView Of(SliceProtocol.LeasesDescribed leases) => new(
        leases.Encoders, leases.FreeEncoders, leases.Out, leases.OldestAge.TotalSeconds, leases.LeastMargin?.TotalSeconds, leases.HandedOut, leases.Deaths,
        [.. leases.Nodes.Select(node => new EncodingNodeView(node.Address, node.Encoders, node.Blocks, node.Refusals))],
        [.. leases.LongestOut.Select(block => new BlockOutView(
            block.RunId, block.VolumeId, block.Directions.First, block.Directions.Count, block.Address, block.HandedOutAt, block.DueAt))]);
}

/// <param name="Address">As in <see cref="NodeView"/>.</param>
/// <param name="Blocks">Blocks of directions in its hands.</param>
/// <param name="Refusals">Blocks that it gave back for want of something: the sources, the model, the device, the store.</param>
public sealed record EncodingNodeView(string Address, int Encoders, int Blocks, long Refusals);

/// <summary>A block of directions in the hands of a node.</summary>
/// <param name="First">Its first direction, counted from 0.</param>
/// <param name="Directions">How many it has.</param>
/// <param name="Address">As in <see cref="NodeView"/>.</param>
/// <param name="HandedOutAt">By the clock of the coordinator's node.</param>
/// <param name="DueAt">When it is taken back, by that clock.</param>
public sealed record BlockOutView(RunId RunId, VolumeId VolumeId, int First, int Directions, string Address, DateTimeOffset HandedOutAt, DateTimeOffset DueAt);

public sealed record PriorityView(int Priority)
{
    /// <exception cref="OrderRefusedException">There are no such priorities.</exception>
    internal int Checked() => Priority is >= RunOrder.LeastPriority and <= RunOrder.MostPriority ? Priority
        : throw new OrderRefusedException("order.invalid", $"A priority is a number from {RunOrder.LeastPriority} to {RunOrder.MostPriority}, not {Priority}.");
}

/// <summary>Something that happened to a run.</summary>
/// <param name="Progress">Where it stands, for the event <c>progress</c>.</param>
/// <param name="Volume">How a volume ended, for the event <c>volume</c>.</param>
public sealed record RunEventView(RunProgressView? Progress, ConcludedView? Volume);

public sealed record RunProgressView(int Volumes, int Concluded, double Fraction, long SlicesEncoded);

public sealed record ConcludedView(VolumeId VolumeId, VolumeState State, string? ReasonCode, string? Detail, bool Reused, double Seconds);
