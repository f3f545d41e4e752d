using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Which free encoder gets which range of directions. Pure: no clock, no actors.</summary>
/// <remarks>An encoder first gets a volume that its node holds; else one that nobody works on, so that each volume is read on
/// few nodes while there are volumes enough; else it joins the volume with most left to do, so that the last one is done by all.</remarks>
internal sealed class LeaseBoard
{
    private readonly Dictionary<VolumeId, Offer> _offers = [];
    private readonly Dictionary<string, IReadOnlyList<VolumeId>> _free = [];
    private readonly Queue<string> _order = [];

    /// <summary>A lease that was handed out.</summary>
    public sealed record Grant(string EncoderId, VolumeTask Task, DirectionRange Directions);

    /// <summary>Adds ranges of a volume to be encoded; adding one again is harmless. The latest task stands for all of them.</summary>
    public void Add(VolumeTask task, IEnumerable<DirectionRange> ranges)
    {
        if (!_offers.TryGetValue(task.VolumeId, out var offer))
        {
            _offers[task.VolumeId] = offer = new Offer(task);
        }

        offer.Task = task;

        foreach (var range in ranges)
        {
            offer.Pending[range.First] = range;
        }
    }

    /// <summary>Forgets a volume.</summary>
    public void Withdraw(VolumeId volume) => _offers.Remove(volume);

    /// <summary>Notes that an encoder is free; noting it again renews what it holds.</summary>
    public void Request(string encoderId, IReadOnlyList<VolumeId> cachedVolumes)
    {
        if (!_free.ContainsKey(encoderId))
        {
            _order.Enqueue(encoderId);
        }

        _free[encoderId] = cachedVolumes;
    }

    /// <summary>Forgets an encoder that is gone.</summary>
    public void Forget(string encoderId) => _free.Remove(encoderId);

    /// <summary>Hands out leases until encoders or work run out, the encoder that waits longest first.</summary>
    public IReadOnlyList<Grant> Match()
    {
        var grants = new List<Grant>();
        while (_order.TryPeek(out var encoder))
        {
            if (!_free.TryGetValue(encoder, out var cached))
            {
                _order.Dequeue(); // forgotten
                continue;
            }

            if (Best(cached) is not { } offer)
            {
                break;
            }

            _order.Dequeue();
            _free.Remove(encoder);
            var first = offer.Pending.GetKeyAtIndex(0);
            grants.Add(new Grant(encoder, offer.Task, offer.Pending[first]));
            offer.Pending.Remove(first);
            offer.Started = true;
        }

        return grants;
    }

    private Offer? Best(IReadOnlyList<VolumeId> cached)
    {
        var open = _offers.Values.Where(offer => offer.Pending.Count > 0).ToList();
        return Largest(open.Where(offer => cached.Contains(offer.Task.VolumeId)))
            ?? Largest(open.Where(offer => !offer.Started))
            ?? Largest(open);
    }

    private static Offer? Largest(IEnumerable<Offer> offers) => offers
        .OrderByDescending(offer => (long)offer.Pending.Count * offer.Task.LeaseDirections * offer.Task.Geometry.Shape.VoxelCount)
        .ThenBy(offer => offer.Task.VolumeId.Value, StringComparer.Ordinal)
        .FirstOrDefault();

    private sealed class Offer(VolumeTask task)
    {
        public VolumeTask Task { get; set; } = task;

        public SortedList<int, DirectionRange> Pending { get; } = [];

        public bool Started { get; set; }
    }
}
