using System.Collections.Immutable;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Which leases of a volume are open, out and done. Pure.</summary>
internal sealed record EncodingProgress(
    ImmutableHashSet<DirectionRange> Open, ImmutableDictionary<DirectionRange, int> Attempts, int MaximumAttempts)
{
    public bool Complete => Open.IsEmpty;

    public static EncodingProgress Of(IEnumerable<DirectionRange> leases, int maximumAttempts) =>
        new([.. leases], ImmutableDictionary<DirectionRange, int>.Empty, maximumAttempts);

    /// <summary>More leases are to be encoded.</summary>
    public EncodingProgress Opened(IEnumerable<DirectionRange> leases) => this with { Open = Open.Union(leases) };

    /// <summary>A lease's rows arrived. News is false for a second answer to the same lease.</summary>
    public (EncodingProgress Next, bool News) Encoded(DirectionRange lease) => (this with { Open = Open.Remove(lease) }, Open.Contains(lease));

    /// <summary>A lease came back undone. Again is true while it may be offered once more.</summary>
    public (EncodingProgress Next, bool Again) Returned(DirectionRange lease)
    {
        var attempts = Attempts.GetValueOrDefault(lease) + 1;
        return (this with { Attempts = Attempts.SetItem(lease, attempts) }, attempts < MaximumAttempts);
    }
}
