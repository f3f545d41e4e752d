using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.SliceActors.Encoding;

/// <summary>A lease and who gave it.</summary>
internal sealed class Hand(SliceProtocol.EncodeLease lease, IActorRef owner)
{
    public SliceProtocol.EncodeLease Lease { get; } = lease;

    public IActorRef Owner { get; } = owner;

    /// <summary>The lease's part of its pass's guide, once it is read.</summary>
    public float[]? Guide { get; set; }

    /// <summary>The guide that is to be read first, or null.</summary>
    public BlobRef? UnreadGuide => Guide is null ? Lease.Task.Guide : null;

    public void Reject(string code, string detail, bool transient) =>
        Owner.Tell(new SliceProtocol.LeaseRejected(Lease.Task.VolumeId, Lease.Directions, code, detail, transient));
}

/// <summary>An encoder's leases by stage: read, then cut and encoded, then stored, each while its neighbours are at another.</summary>
internal sealed class LeasesInHand
{
    /// <summary>The one that is encoded and one ahead.</summary>
    private const int MostUnencoded = 2;

    /// <summary>A store that fails to keep up holds the encoder back.</summary>
    private const int MostStoring = 2;

    private readonly Queue<Hand> _arrived = [];
    private readonly List<(Hand Hand, LeaseCutter Cutter)> _encoding = [];
    private readonly List<Hand> _storing = [];

    public bool RoomForMore => _arrived.Count + _encoding.Count < MostUnencoded && _storing.Count < MostStoring;

    /// <summary>The lease whose volume is to be read: the first that arrived.</summary>
    public Hand? Reading => _arrived.TryPeek(out var first) ? first : null;

    /// <summary>The cutter that ends before another may begin, or null.</summary>
    public LeaseCutter? LastCutter => _encoding.Count > 0 ? _encoding[^1].Cutter : null;

    /// <summary>The lease that waits for a volume; null for an answer to a question that an earlier life of the actor put.</summary>
    public Hand? Awaiting(VolumeTask task) =>
        Reading is { } hand && hand.Lease.Task.VolumeId == task.VolumeId && hand.Lease.Task.SourceSha256 == task.SourceSha256 ? hand : null;

    /// <summary>Gives back all leases that no one has been told the end of, for another try.</summary>
    public void RejectAll(string code, string detail)
    {
        foreach (var hand in _arrived.Concat(_encoding.Select(work => work.Hand)).Concat(_storing))
        {
            hand.Reject(code, detail, transient: true);
        }
    }

    /// <summary>Ends the cutters of all leases.</summary>
    public void StopCutting()
    {
        foreach (var (_, cutter) in _encoding)
        {
            cutter.Dispose();
        }
    }

    /// <returns>True where its volume is to be read now.</returns>
    public bool Arrive(Hand hand)
    {
        _arrived.Enqueue(hand);
        return _arrived.Count == 1;
    }

    /// <summary>The lease under <see cref="Reading"/> is cut and encoded now.</summary>
    public void Encode(LeaseCutter cutter) => _encoding.Add((_arrived.Dequeue(), cutter));

    /// <summary>Gives the lease up, where it is the one under <see cref="Reading"/>.</summary>
    public bool GiveUp(Hand hand) => Reading == hand && _arrived.TryDequeue(out _);

    /// <summary>The lease that was encoded, its cutter done with; null where it was given up with an earlier life of the actor.</summary>
    public Hand? Encoded(LeaseCutter cutter)
    {
        var at = _encoding.FindIndex(work => work.Cutter == cutter);
        if (at < 0)
        {
            return null;
        }

        var hand = _encoding[at].Hand;
        _encoding.RemoveAt(at);
        cutter.Dispose();
        return hand;
    }

    public void Store(Hand hand) => _storing.Add(hand);

    public void Stored(Hand hand) => _storing.Remove(hand);
}
