using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.SliceActors.Encoding;

/// <summary>A block of a lease and who gave it.</summary>
internal sealed class Hand(SliceProtocol.EncodeLease lease, IActorRef owner)
{
    public SliceProtocol.EncodeLease Lease { get; } = lease;

    public IActorRef Owner { get; } = owner;

    /// <summary>From the block's arrival to the end of its work here.</summary>
    public Activity? Span { get; } = SliceTelemetry.Source.Begin("lease", lease.TraceParent, ActivityKind.Consumer)
        ?.SetTag("tonno.run.id", lease.Task.RunId.Value).SetTag("tonno.volume.id", lease.Task.VolumeId.Value).SetTag("tonno.directions.first", lease.Directions.First).SetTag("tonno.directions.count", lease.Directions.Count);

    /// <summary>The span that the block's stages are under.</summary>
    public string? TraceParent => Span?.Id ?? Lease.TraceParent;

    /// <summary>The lease's part of its pass's guide, once it is read.</summary>
    public float[]? Guide { get; set; }

    /// <summary>True once the coordinator was told that this node will not encode it.</summary>
    public bool IsGivenBack { get; set; }

    /// <summary>The guide that is to be read first, or null.</summary>
    public BlobRef? UnreadGuide => Guide is null ? Lease.Task.Guide : null;

    public void Reject(string code, string detail, Blame blame)
    {
        Owner.Tell(new SliceProtocol.LeaseRejected(Lease.Task.VolumeId, Lease.Directions, code, detail, Transient: blame == Blame.Passing, OfNode: blame == Blame.Node) { TraceParent = TraceParent });
        Span.Fail(code);
    }
}

/// <summary>The blocks of an encoder's leases by stage: read, then cut and encoded, then stored, each while its neighbours are at another.</summary>
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

    /// <summary>The block whose volume is to be read: the first that arrived, unless one is encoded and one cut.</summary>
    public Hand? Reading => _encoding.Count < MostUnencoded && _arrived.TryPeek(out var first) ? first : null;

    /// <summary>True where nothing is left to be encoded or stored.</summary>
    public bool IsEmpty => Kept.All(hand => hand.IsGivenBack);

    private IEnumerable<Hand> Kept => _storing.Concat(_encoding.Select(work => work.Hand)).Concat(_arrived);

    /// <summary>The cutter that ends before another may begin, or null.</summary>
    public LeaseCutter? LastCutter => _encoding.Count > 0 ? _encoding[^1].Cutter : null;

    /// <summary>The lease that waits for a volume; null for an answer to a question that an earlier life of the actor put.</summary>
    public Hand? Awaiting(VolumeTask task) =>
        Reading is { } hand && hand.Lease.Task.VolumeId == task.VolumeId && hand.Lease.Task.SourceSha256 == task.SourceSha256 ? hand : null;

    /// <summary>Rejects all blocks that no one has been told the end of, for another try.</summary>
    public void RejectAll(string code, string detail)
    {
        foreach (var hand in Kept.Where(hand => !hand.IsGivenBack))
        {
            hand.Reject(code, detail, Blame.Passing);
        }
    }

    /// <summary>Gives blocks back, as the node leaves.</summary>
    /// <param name="begunToo">Also those that are encoded or stored.</param>
    public IReadOnlyList<ReturnedLease> GiveBack(bool begunToo)
    {
        foreach (var (_, cutter) in _encoding.Skip(begunToo ? 0 : 1))
        {
            cutter.GiveBack();
        }

        var given = (begunToo ? Kept : _encoding.Skip(1).Select(work => work.Hand).Concat(_arrived)).Where(hand => !hand.IsGivenBack).ToList();
        given.ForEach(hand =>
        {
            hand.IsGivenBack = true;
            hand.Span.Fail("node.stopping");
        });
        _arrived.Clear();
        return [.. given.Select(ToldOf)];
    }

    /// <summary>All blocks, as the coordinator is told of them.</summary>
    public IReadOnlyList<ReturnedLease> Told() => [.. Kept.Select(ToldOf)];

    private static ReturnedLease ToldOf(Hand hand) => new(hand.Lease.Task.RunId, hand.Lease.Task.VolumeId, hand.Lease.Directions);

    /// <summary>Ends the cutters of all leases.</summary>
    public void StopCutting()
    {
        foreach (var (_, cutter) in _encoding)
        {
            cutter.Dispose();
        }
    }

    /// <summary>Takes a lease apart into its blocks.</summary>
    public void Arrive(SliceProtocol.EncodeLease lease, IActorRef owner)
    {
        foreach (var block in lease.Task.Leases(lease.Directions))
        {
            _arrived.Enqueue(new Hand(lease with { Directions = block }, owner));
        }
    }

    /// <summary>The lease under <see cref="Reading"/> is cut and encoded now.</summary>
    public void Encode(LeaseCutter cutter) => _encoding.Add((_arrived.Dequeue(), cutter));

    /// <summary>Gives the lease up, where it is the one under <see cref="Reading"/>.</summary>
    public bool GiveUp(Hand hand) => _arrived.TryPeek(out var first) && first == hand && _arrived.TryDequeue(out _);

    /// <summary>The lease that was encoded, its cutter done with; null where it was given up with an earlier life of the actor, or given back.</summary>
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
        return hand.IsGivenBack ? null : hand;
    }

    public void Store(Hand hand) => _storing.Add(hand);

    public void Stored(Hand hand) => _storing.Remove(hand);
}
