namespace ToNNO.Coordinator.Scheduling;

/// <summary>Which nodes will not encode which volumes: they lack the source, the model, the device, or cannot reach the store. Pure.</summary>
/// <remarks>A node is asked for a volume that it has refused only when all have, so that one that can do nothing harms no volume.</remarks>
internal sealed class Refusals
{
    private readonly Dictionary<LeaseOffer, HashSet<EncoderNode>> _nodes = [];

    public bool None => _nodes.Count == 0;

    public bool Has(LeaseOffer offer, EncoderNode node) => _nodes.TryGetValue(offer, out var nodes) && nodes.Contains(node);

    public void Add(LeaseOffer offer, EncoderNode node)
    {
        if (!_nodes.TryGetValue(offer, out var nodes))
        {
            _nodes[offer] = nodes = [];
        }

        nodes.Add(node);
    }

    /// <summary>Volumes that all of these nodes have refused, where there are any.</summary>
    public IReadOnlyList<LeaseOffer> ByAll(IReadOnlyCollection<EncoderNode> nodes) =>
        nodes.Count == 0 ? [] : [.. _nodes.Where(pair => nodes.All(pair.Value.Contains)).Select(pair => pair.Key)];

    public void Forget(LeaseOffer offer) => _nodes.Remove(offer);

    public void Forget(EncoderNode node)
    {
        foreach (var nodes in _nodes.Values)
        {
            nodes.Remove(node);
        }
    }
}
