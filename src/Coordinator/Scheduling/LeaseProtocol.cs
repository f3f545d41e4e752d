using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Between the lease desk and the other actors of its coordinator.</summary>
internal static class LeaseProtocol
{
    /// <summary>Blocks to be encoded; the sender gets the answers.</summary>
    /// <param name="Suspects">First directions of all the volume's open blocks that an encoder may have died of: they are encoded alone,
    /// and the others wait.</param>
    /// <param name="DiedOn">Node of the last death, or empty.</param>
    public sealed record LeasesOffered(VolumeTask Task, IReadOnlyList<DirectionRange> Ranges, IReadOnlyList<int> Suspects, string DiedOn) : ILocalMessage;

    public sealed record LeasesWithdrawn(WorkId Work) : ILocalMessage;

    /// <summary>An encoder has blocks from now on.</summary>
    public sealed record LeaseStarted(DirectionRange Directions, IActorRef Encoder) : ILocalMessage;

    /// <summary>A block is out of an encoder's hands, told by its volume.</summary>
    /// <param name="Done">True where its rows are stored; else it will be offered again, or its volume ends.</param>
    /// <param name="Elapsed">What encoding took, where that is known.</param>
    /// <param name="Refusal">Reason code, where the encoder's node lacks something that another may have.</param>
    public sealed record LeaseClosed(WorkId Work, DirectionRange Block, bool Done, TimeSpan? Elapsed, string? Refusal = null) : ILocalMessage;

    /// <summary>Every node has refused the volume; these blocks of it wait no longer.</summary>
    public sealed record LeasesRefused(IReadOnlyList<DirectionRange> Blocks, int Nodes) : ILocalMessage;

    /// <summary>Blocks came back undone without an answer; they may be offered again.</summary>
    /// <param name="Suspects">First directions of the blocks that may have killed the encoder, where it died.</param>
    /// <param name="From">The encoder; where it died, its node.</param>
    /// <param name="Deadline">What they were given.</param>
    public sealed record LeasesLost(
        IReadOnlyList<DirectionRange> Blocks, LeaseLoss Loss, IReadOnlyList<int> Suspects, string From, TimeSpan Deadline) : ILocalMessage;
}

/// <summary>Why a lease came back undone.</summary>
internal enum LeaseLoss
{
    /// <summary>Its encoder's node is leaving and gave it back.</summary>
    Returned,

    /// <summary>No answer came within its deadline.</summary>
    Overdue,

    /// <summary>Its encoder's node is gone without a word.</summary>
    Died,
}
