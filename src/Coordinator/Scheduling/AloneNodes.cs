namespace ToNNO.Coordinator.Scheduling;

/// <summary>Nodes that are kept for one suspect volume each: emptied first, then given its suspect blocks one by one. Pure.</summary>
/// <remarks>A quarter of the nodes at most, and at least one. Where there is other work, a node has some between two suspects.</remarks>
internal sealed class AloneNodes
{
    /// <summary>An encoder without work asks every few seconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<EncoderNode> _kept = [];

    /// <summary>Keeps nodes for the suspects that have none: another machine than the one that died where there is one, the idlest first.</summary>
    /// <param name="refusals">What nodes will not encode.</param>
    /// <param name="otherWork">True where blocks wait that any encoder may have.</param>
    public void Keep(IEnumerable<RunQueue> runs, IReadOnlyCollection<EncoderNode> nodes, Refusals refusals, bool otherWork)
    {
        foreach (var offer in runs.Where(queue => !queue.Paused && queue.Suspects.Count > 0).OrderByDescending(queue => queue.Priority).SelectMany(queue => queue.Suspects))
        {
            if (_kept.Count >= Math.Max(1, nodes.Count / 4))
            {
                return;
            }

            if (offer.AloneOn is not null || offer.NextSuspect is null)
            {
                continue;
            }

            var diedOn = EncoderNode.HostOf(offer.DiedOn);
            var node = nodes
                .Where(node => node.KeptFor is null && !node.IsLeaving && node.IsHeardOf && !refusals.Has(offer, node) && (node.Rested || !otherWork))
                .OrderBy(node => node.IsAtAbandonedWork)
                .ThenBy(node => node.Host == diedOn)
                .ThenBy(node => node.InHand.Count)
                .FirstOrDefault();
            if (node is null)
            {
                continue;
            }

            (node.KeptFor, offer.AloneOn) = (offer, node);
            _kept.Add(node);
        }
    }

    /// <summary>Kept nodes that have nothing in their hands, and whose volume has a block that waits.</summary>
    public IReadOnlyList<(EncoderNode Node, LeaseOffer Offer)> Ready() =>
        [.. _kept.Where(node => node.InHand.Count == 0 && node.KeptFor!.NextSuspect is not null).Select(node => (node, node.KeptFor!))];

    /// <summary>Frees the nodes that are kept for volumes of paused runs, once these have nothing in work.</summary>
    public void ReleasePaused(IEnumerable<RunQueue> runs) =>
        Release(runs.Where(queue => queue.Paused).SelectMany(queue => queue.Suspects).Where(offer => offer.Out.Count == 0));

    /// <summary>Frees nodes that have nothing in their hands and ask for nothing: they are kept in vain.</summary>
    public void ReleaseSilent(TimeSpan now)
    {
        foreach (var node in _kept.ToList())
        {
            node.SilentSince = node.IsHeardOf ? null : node.SilentSince ?? now;
            if (now - node.SilentSince >= Patience)
            {
                Release(node);
            }
        }
    }

    /// <summary>Frees the nodes of volumes that no longer need one.</summary>
    public void Release(IEnumerable<LeaseOffer> offers)
    {
        foreach (var offer in offers)
        {
            if (offer.AloneOn is { } node)
            {
                Release(node);
            }
        }
    }

    public void Release(EncoderNode node)
    {
        if (_kept.Remove(node))
        {
            node.KeptFor!.AloneOn = null;
            (node.KeptFor, node.Rested, node.SilentSince) = (null, false, null);
        }
    }
}
