using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>The blocks in the hands of encoders, and which of them are back too late or were never there. Pure.</summary>
internal sealed class LeasesOut
{
    /// <summary>Longer than a message takes.</summary>
    private static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(10);

    private readonly Dictionary<(WorkId Work, int First), LeaseOut> _out = [];

    public IReadOnlyCollection<LeaseOut> All => _out.Values;

    public LeaseOut? Find(WorkId work, int first) => _out.GetValueOrDefault((work, first));

    public void Add(LeaseOut lease)
    {
        _out[(lease.Work, lease.Block.First)] = lease;
        lease.Offer.Out.Add(lease);
        lease.Seat.InHand.Add(lease);
        lease.Seat.Node.Take(lease.Work);
    }

    public void Drop(LeaseOut lease)
    {
        _out.Remove((lease.Work, lease.Block.First));
        lease.Offer.Out.Remove(lease);
        lease.Seat.InHand.Remove(lease);
        lease.Seat.Node.Close(lease.Work);
    }

    /// <summary>Those that are out for longer than they may be.</summary>
    public IReadOnlyList<LeaseOut> Overdue(TimeSpan now) => [.. _out.Values.Where(lease => lease.Deadline <= now)];

    /// <summary>Blocks that an encoder should have and does not, asked twice with time between: they, or their answers, were lost on their way.</summary>
    /// <param name="inHand">What it says that it has.</param>
    public static IReadOnlyList<LeaseOut> Missed(EncoderSeat seat, IReadOnlyList<ReturnedLease> inHand, TimeSpan now)
    {
        var told = inHand.Select(lease => (new WorkId(lease.RunId, lease.VolumeId), lease.Directions.First)).ToHashSet();
        foreach (var lease in seat.InHand)
        {
            lease.MissedSince = told.Contains((lease.Work, lease.Block.First)) ? null : lease.MissedSince ?? now;
        }

        return [.. seat.InHand.Where(lease => now - lease.MissedSince >= LostAfter)];
    }
}
