using Akka.Actor;

namespace ToNNO.Contracts;

/// <summary>A message that may cross nodes: it has a row in <see cref="Wire.Codecs"/>.</summary>
public interface IWireMessage
{
    /// <summary>The span that it belongs to (W3C Trace Context), or null where nobody traces: what a span is lost at is a mailbox.</summary>
    string? TraceParent { get; }
}

/// <inheritdoc cref="IWireMessage"/>
public abstract record WireMessage : IWireMessage
{
    /// <inheritdoc/>
    public string? TraceParent { get; init; }
}

/// <summary>A message that stays in its actor system.</summary>
public interface ILocalMessage : INoSerializationVerificationNeeded;

/// <summary>How a volume's work ended, or where it stands.</summary>
public enum VolumeState
{
    Unspecified = 0,
    Scheduled = 1,
    InProcess = 2,
    Completed = 3,

    /// <summary>Completed, with something that its user should know.</summary>
    Warning = 4,
    Failed = 5,
    Canceled = 6,

    /// <summary>Set aside: the input or the encoder cannot give a result, and a retry would end the same way.</summary>
    Quarantined = 7,
}

/// <summary>Between a client and the coordinator.</summary>
public static class RunProtocol
{
    /// <summary>Starts the run that a document in the store describes: <see cref="RunDocument"/>.</summary>
    public sealed record SubmitRun(RunId RunId, BlobRef Manifest) : WireMessage;

    public sealed record RunAccepted(RunId RunId, int VolumeCount) : WireMessage;

    public sealed record RunRejected(RunId RunId, string ReasonCode, string Detail) : WireMessage;

    /// <summary>Asks for the run's events from now on.</summary>
    public sealed record WatchRun(RunId RunId) : WireMessage;

    /// <summary>Work done so far.</summary>
    /// <param name="Fraction">Share of the run that is done, 0 to 1, volumes in work counted by their leases and their publishing.</param>
    public sealed record RunProgressed(RunId RunId, int Volumes, int Concluded, double Fraction, long SlicesEncoded) : WireMessage;

    /// <summary>A volume is done with. <paramref name="Reused"/> where an earlier run's verified result stood.</summary>
    public sealed record VolumeConcluded(
        RunId RunId, VolumeId VolumeId, VolumeState State, string ReasonCode, string Detail, bool Reused, TimeSpan Elapsed) : WireMessage;

    public sealed record RunFinished(RunId RunId) : WireMessage;

    /// <summary>Asks where a run stands; the answer is <see cref="RunDescribed"/> or <see cref="RunRejected"/>.</summary>
    public sealed record DescribeRun(RunId RunId) : WireMessage;

    /// <summary>Changes how a run goes on; answered like <see cref="DescribeRun"/>. Repeating it is harmless.</summary>
    /// <param name="Priority">The new one, for <see cref="RunControl.Prioritize"/>.</param>
    public sealed record ControlRun(RunId RunId, RunControl Control, int Priority) : WireMessage;

    /// <param name="InWork">Volumes that are inspected, encoded or published now.</param>
    /// <param name="Fraction">As in <see cref="RunProgressed"/>.</param>
    /// <param name="SlicesEncoded">Since the coordinator took the run up.</param>
    /// <param name="Awaited">Volumes whose turn it is, but for other runs, which are at them.</param>
    public sealed record RunDescribed(
        RunId RunId, RunState State, int Priority, DateTimeOffset SubmittedAt, int Volumes, RunCounts Counts, int InWork, double Fraction, long SlicesEncoded, int Awaited = 0) : WireMessage;
}

/// <summary>What may be done to a run.</summary>
public enum RunControl
{
    Unspecified = 0,
    Pause = 1,
    Resume = 2,
    Cancel = 3,
    Prioritize = 4,
}

/// <summary>Between the coordinator and all nodes.</summary>
public static class StoreProtocol
{
    /// <summary>Asks the coordinator which store it works on.</summary>
    public sealed record DescribeStore : WireMessage;

    /// <param name="Mark">The store's mark.</param>
    public sealed record StoreDescribed(string Mark) : WireMessage;
}

/// <summary>Between the coordinator and the slice encoders, which pull.</summary>
public static class SliceProtocol
{
    /// <summary>A free encoder asks for work; the answer comes when there is some. Repeating it is harmless.</summary>
    /// <param name="CachedVolumes">Volumes that the encoder's node holds in memory.</param>
    /// <param name="InHand">What it has to encode or to store, so that a lease or an answer that was lost on its way is noticed; null where the
    /// encoder does not tell.</param>
    public sealed record RequestLease(string EncoderId, IReadOnlyList<VolumeId> CachedVolumes, IReadOnlyList<ReturnedLease>? InHand = null) : WireMessage;

    /// <summary>The encoder's node is leaving: it wants nothing more, and its end is no fault of what it has in its hands.</summary>
    /// <param name="Returned">What it will not encode.</param>
    public sealed record EncoderLeaving(string EncoderId, IReadOnlyList<ReturnedLease> Returned) : WireMessage;

    /// <summary>The coordinator knows that an encoder is leaving, and what it gave back.</summary>
    public sealed record EncoderMayLeave(string EncoderId) : WireMessage;

    /// <summary>Hands a range of directions to an encoder: one or more whole blocks, each answered by itself. Replies go to the sender,
    /// the volume's actor.</summary>
    public sealed record EncodeLease(VolumeTask Task, DirectionRange Directions) : WireMessage;

    /// <summary>The rows of a block are in the store.</summary>
    /// <param name="Elapsed">What encoding it took on the device, where the encoder tells.</param>
    public sealed record LeaseEncoded(
        VolumeId VolumeId, DirectionRange Directions, BlobRef Rows, string EncoderId, long SlicesEncoded, TimeSpan? Elapsed = null) : WireMessage;

    /// <summary>A block comes back undone.</summary>
    /// <param name="Transient">True where another try may succeed, on this node too.</param>
    /// <param name="OfNode">True where the encoder's node, as far as it can tell, will never do it, but another may.</param>
    public sealed record LeaseRejected(
        VolumeId VolumeId, DirectionRange Directions, string ReasonCode, string Detail, bool Transient, bool OfNode = false) : WireMessage;

    /// <summary>Asks the coordinator how its leases stand.</summary>
    public sealed record DescribeLeases : WireMessage;

    /// <param name="Out">Blocks in the hands of encoders.</param>
    /// <param name="OldestAge">Age of the one that is out longest.</param>
    /// <param name="LeastMargin">Time until the first of them is overdue; negative where one is. Null where none is out.</param>
    /// <param name="Deaths">Nodes that died with leases in their hands, since this coordinator leads.</param>
    /// <param name="Nodes">Those that encode; empty where the coordinator does not tell.</param>
    /// <param name="LongestOut">The first of them by when they were handed out, at most <see cref="MostLongestOut"/>.</param>
    public sealed record LeasesDescribed(
        int Encoders,
        int FreeEncoders,
        int Out,
        TimeSpan OldestAge,
        TimeSpan? LeastMargin,
        long HandedOut,
        long Deaths,
        IReadOnlyList<EncodingNode> Nodes,
        IReadOnlyList<BlockOut> LongestOut) : WireMessage
    {
        public const int MostLongestOut = 16;
    }

    /// <summary>A block in an encoder's hands.</summary>
    /// <param name="Address">Of the encoder's node.</param>
    /// <param name="HandedOutAt">By the wall clock of the coordinator's node: whoever reads it judges the age by a clock of its own.</param>
    /// <param name="DueAt">When it is taken back, by that clock.</param>
    public sealed record BlockOut(RunId RunId, VolumeId VolumeId, DirectionRange Directions, string Address, DateTimeOffset HandedOutAt, DateTimeOffset DueAt);

    /// <summary>A node of role slice, as the coordinator knows it.</summary>
    /// <param name="Blocks">Blocks in the hands of its encoders.</param>
    /// <param name="Refusals">Blocks that it gave back for want of something: the sources, the model, the device, the store.</param>
    public sealed record EncodingNode(string Address, int Encoders, int Blocks, long Refusals);

    /// <summary>Nothing more of a volume will be encoded: who holds it in memory need not any longer.</summary>
    public sealed record ReleaseVolume(VolumeId VolumeId) : WireMessage;
}

/// <summary>Between a volume's actor and the reducers, which are cluster-sharded.</summary>
public static class ReconProtocol
{
    /// <summary>A message to one slab or to a volume's publisher.</summary>
    public interface ISharded : IWireMessage
    {
        /// <summary>Names the entity: run/volume/slab or run/volume.</summary>
        string EntityId { get; }
    }

    /// <summary>Adds a lease's rows to a slab. Leases must come in order.</summary>
    public sealed record ApplyRows(VolumeTask Task, int Slab, DirectionRange Directions, BlobRef Rows) : WireMessage, ISharded
    {
        public string EntityId => $"{Task.RunId}/{Task.VolumeId}/{Slab}";
    }

    /// <summary>The slab stands at <paramref name="NextDirection"/>: it has applied all before, and takes none but that one next.</summary>
    public sealed record RowsApplied(VolumeId VolumeId, int Slab, int NextDirection) : WireMessage;

    public sealed record SlabCompleted(VolumeId VolumeId, int Slab, BlobRef Voxels, TimeSpan Elapsed) : WireMessage;

    public sealed record SlabFailed(VolumeId VolumeId, int Slab, string ReasonCode, string Detail, bool Transient) : WireMessage;

    /// <summary>Makes the results of a volume whose slabs are all complete.</summary>
    /// <param name="PassChanges">What each pass changed, NaN for the first; empty where the volume was taken in one.</param>
    public sealed record PublishHeatmap(
        VolumeTask Task, IReadOnlyList<BlobRef> Slabs, TimeSpan BackprojectionTime, TimeSpan Elapsed, IReadOnlyList<double> PassChanges) : WireMessage, ISharded
    {
        public string EntityId => $"{Task.RunId}/{Task.VolumeId}";
    }

    /// <param name="Warning">What the result's user should know, or empty.</param>
    public sealed record HeatmapPublished(VolumeId VolumeId, BlobRef Result, string Warning) : WireMessage;

    public sealed record PublishFailed(VolumeId VolumeId, string ReasonCode, string Detail, bool Transient) : WireMessage;
}
