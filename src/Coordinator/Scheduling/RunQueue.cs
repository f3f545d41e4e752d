using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>The volumes of one run that have blocks to hand out, in order.</summary>
internal sealed class RunQueue(RunId run)
{
    private static readonly Comparer<LeaseOffer> _largestFirst = Comparer<LeaseOffer>.Create(LeaseOffer.Compare);
    private readonly Dictionary<VolumeId, LeaseOffer> _offers = [];
    private readonly SortedSet<LeaseOffer> _fresh = new(_largestFirst);
    private readonly SortedSet<LeaseOffer> _begun = new(_largestFirst);
    private readonly HashSet<LeaseOffer> _suspects = [];
    private int _seen;
    private double _seenSlices;

    public RunId Run { get; } = run;

    /// <summary>The higher goes first.</summary>
    public int Priority { get; set; }

    public bool Paused { get; set; }

    /// <summary>Work handed out, by which runs of one priority take turns.</summary>
    public double Served { get; set; }

    /// <summary>Volumes that have not ended, those too that are not offered yet.</summary>
    public int Unended { get; set; }

    /// <summary>Slices that are not encoded; volumes that are not offered yet count as those that were, on average.</summary>
    public double SlicesLeft => _offers.Values.Sum(offer => offer.SlicesLeft) + (_seen == 0 ? 0 : Math.Max(0, Unended - _offers.Count) * _seenSlices / _seen);

    /// <summary>Blocks that any encoder may have.</summary>
    public int WaitingBlocks { get; private set; }

    public bool HasWork => !Paused && (_fresh.Count > 0 || _begun.Count > 0);

    public IReadOnlyCollection<LeaseOffer> Offers => _offers.Values;

    /// <summary>Volumes that are to be encoded alone.</summary>
    public IReadOnlyCollection<LeaseOffer> Suspects => _suspects;

    public LeaseOffer? Find(VolumeId volume) => _offers.GetValueOrDefault(volume);

    public LeaseOffer FindOrAdd(VolumeTask task, TimeSpan now)
    {
        if (!_offers.TryGetValue(task.VolumeId, out var offer))
        {
            _offers[task.VolumeId] = offer = new LeaseOffer(task, now);
            _seen++;
            _seenSlices += (double)task.Settings.Directions * offer.SlicesPerDirection;
        }

        return offer;
    }

    /// <summary>A volume that nobody works on, the largest; else the one with most left; none that the node has refused.</summary>
    public LeaseOffer? Next(EncoderNode node, Refusals refusals)
    {
        if (Paused)
        {
            return null;
        }

        return refusals.None ? _fresh.Min ?? _begun.Min : _fresh.Concat(_begun).FirstOrDefault(offer => !refusals.Has(offer, node));
    }

    /// <summary>Changes a volume, and puts it where it then belongs.</summary>
    public void Change(LeaseOffer offer, Action<LeaseOffer> change)
    {
        if (offer.IsOpen)
        {
            WaitingBlocks -= offer.WaitingBlocks;
            (offer.Started ? _begun : _fresh).Remove(offer);
        }

        change(offer);
        if (offer.IsOpen)
        {
            WaitingBlocks += offer.WaitingBlocks;
            (offer.Started ? _begun : _fresh).Add(offer);
        }

        if (offer.IsSuspect)
        {
            _suspects.Add(offer);
        }
        else
        {
            _suspects.Remove(offer);
        }
    }

    public LeaseOffer? Remove(VolumeId volume)
    {
        if (!_offers.Remove(volume, out var offer))
        {
            return null;
        }

        if (offer.IsOpen)
        {
            WaitingBlocks -= offer.WaitingBlocks;
            (offer.Started ? _begun : _fresh).Remove(offer);
        }

        _suspects.Remove(offer);
        return offer;
    }
}
