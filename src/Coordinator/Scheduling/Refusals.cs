namespace ToNNO.Coordinator.Scheduling;

/// <summary>Which nodes will not encode which volumes: they lack the source, the model, the device, or cannot reach the store. Pure.</summary>
/// <remarks>A node is asked for a volume that it has refused only when all have, and that for a while: so one that can do nothing harms no
/// volume, also where the others are just being started anew, or a new coordinator has not heard of them yet.</remarks>
internal sealed class Refusals
{
    private readonly Dictionary<LeaseOffer, ByNodes> _offers = [];
    private readonly Dictionary<EncoderNode, int> _counts = [];

    public bool None => _offers.Count == 0;

    public bool Has(LeaseOffer offer, EncoderNode node) => _offers.TryGetValue(offer, out var by) && by.Nodes.Contains(node);

    public void Add(LeaseOffer offer, EncoderNode node)
    {
        if (!_offers.TryGetValue(offer, out var by))
        {
            _offers[offer] = by = new ByNodes();
        }

        if (by.Nodes.Add(node))
        {
            _counts[node] = CountOf(node) + 1;
        }
    }

    /// <summary>Of how many volumes a node will encode nothing.</summary>
    public int CountOf(EncoderNode node) => _counts.GetValueOrDefault(node);

    /// <summary>Volumes that all of these nodes have refused, and that for as long, as far as was looked.</summary>
    public IReadOnlyList<LeaseOffer> ByAll(IReadOnlyCollection<EncoderNode> nodes, TimeSpan now, TimeSpan forAsLong)
    {
        foreach (var by in _offers.Values)
        {
            by.AllSince = nodes.Count > 0 && nodes.All(by.Nodes.Contains) ? by.AllSince ?? now : null;
        }

        return [.. _offers.Where(pair => now - pair.Value.AllSince >= forAsLong).Select(pair => pair.Key)];
    }

    public void Forget(LeaseOffer offer)
    {
        if (_offers.Remove(offer, out var by))
        {
            foreach (var node in by.Nodes)
            {
                _counts[node]--;
            }
        }
    }

    public void Forget(EncoderNode node)
    {
        _counts.Remove(node);
        foreach (var by in _offers.Values)
        {
            by.Nodes.Remove(node);
        }
    }

    private sealed class ByNodes
    {
        public HashSet<EncoderNode> Nodes { get; } = [];

        public TimeSpan? AllSince { get; set; }
    }
}
