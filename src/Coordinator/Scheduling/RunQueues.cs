using System.Diagnostics.CodeAnalysis;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>The runs that have something to encode, and whose turn it is: by priority, those of one priority by the work handed out. Pure.</summary>
internal sealed class RunQueues
{
    private readonly Dictionary<RunId, RunQueue> _runs = [];

    /// <summary>By priority, the work handed out of the run whose turn it was last.</summary>
    private readonly Dictionary<int, double> _turns = [];

    public IReadOnlyCollection<RunQueue> All => _runs.Values;

    /// <summary>True where blocks wait that any encoder may have.</summary>
    public bool HaveWork => _runs.Values.Any(queue => queue.HasWork);

    /// <summary>Volumes of all runs.</summary>
    public int Offers => _runs.Values.Sum(queue => queue.Offers.Count);

    private IEnumerable<RunQueue> NotPaused => _runs.Values.Where(queue => !queue.Paused);

    public bool TryFind(RunId run, [NotNullWhen(true)] out RunQueue? queue) => _runs.TryGetValue(run, out queue);

    public RunQueue FindOrAdd(RunId run)
    {
        if (!_runs.TryGetValue(run, out var queue))
        {
            _runs[run] = queue = new RunQueue(run);
        }

        return queue;
    }

    /// <summary>A run to which work is to be added: who had nothing to do has saved up nothing.</summary>
    public RunQueue Join(RunId run)
    {
        var queue = FindOrAdd(run);
        if (!queue.HasWork)
        {
            queue.Served = Math.Max(queue.Served, _turns.GetValueOrDefault(queue.Priority));
        }

        return queue;
    }

    public bool Remove(RunId run, [NotNullWhen(true)] out RunQueue? queue) => _runs.Remove(run, out queue);

    /// <summary>What a single encoder would take over all that is left of runs that are not paused, as fast as encoders were at each.</summary>
    public TimeSpan Backlog(LeaseTerms terms) => TimeSpan.FromSeconds(NotPaused.Sum(queue => queue.SlicesLeft / terms.Speed(queue.Run)));

    /// <summary>Of volumes that wait to be begun, in runs that are not paused, the longest time since it was added.</summary>
    public TimeSpan QueueAge(TimeSpan now) =>
        NotPaused.SelectMany(queue => queue.Offers).Where(offer => offer is { HandedOutAt: null, WaitingBlocks: > 0 }).Select(offer => (TimeSpan?)(now - offer.AddedAt)).Max() ?? TimeSpan.Zero;

    /// <summary>Of volumes that are begun, in runs that are not paused, the longest time since a block of one was handed out.</summary>
    public TimeSpan LongestSilence(TimeSpan now) => NotPaused.SelectMany(queue => queue.Offers).Select(offer => now - offer.HandedOutAt).Max() ?? TimeSpan.Zero;

    /// <summary>The run and the volume for an encoder, or null where none has work.</summary>
    /// <param name="encoders">Of all nodes.</param>
    /// <param name="refusals">What nodes will not encode.</param>
    /// <remarks>A run may be ahead of others by about a lease for each encoder, so that encoders need not change between volumes at each.</remarks>
    public (RunQueue Queue, LeaseOffer Offer)? Choose(EncoderSeat seat, int encoders, Refusals refusals)
    {
        (RunQueue Queue, LeaseOffer Offer)? next = null;
        foreach (var queue in _runs.Values)
        {
            if ((next is not { Queue: var best } || queue.Priority > best.Priority || (queue.Priority == best.Priority && queue.Served < best.Served))
                && queue.Next(seat.Node, refusals) is { } offer)
            {
                next = (queue, offer);
            }
        }

        if (next is not { Queue: var turn })
        {
            return null;
        }

        (RunQueue Queue, LeaseOffer Offer)? held = null;
        foreach (var queue in _runs.Values)
        {
            if (!queue.HasWork || queue.Priority != turn.Priority)
            {
                continue;
            }

            foreach (var volume in seat.Node.InHand.Keys.Where(work => work.Run == queue.Run).Select(work => work.Volume).Concat(seat.Cached))
            {
                if (queue.Find(volume) is { } offer && offer.IsOpen && !refusals.Has(offer, seat.Node) && (held is not { Offer: var best } || offer.Left > best.Left)
                    && queue.Served <= turn.Served + (encoders * offer.WorkOf(new DirectionRange(0, offer.Task.LeaseDirections))))
                {
                    held = (queue, offer);
                }
            }
        }

        _turns[turn.Priority] = Math.Max(_turns.GetValueOrDefault(turn.Priority), turn.Served);
        return held ?? next;
    }
}
