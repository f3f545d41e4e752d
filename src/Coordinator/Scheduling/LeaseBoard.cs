using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Which free encoder gets which directions of which volume. Pure: no actors, and time is told.</summary>
/// <remarks>
/// Runs come by priority, those of one priority in turn by the work handed out. Of a run, an encoder gets a volume that its node holds;
/// else one that nobody works on, the largest first, so that each volume is read on few nodes while there are volumes enough; else it
/// joins the volume with most left to do, so that the last one is done by all.
/// A volume that an encoder may have died of is encoded alone: on a node that does nothing else meanwhile; see <see cref="AloneNodes"/>.
/// </remarks>
internal sealed class LeaseBoard(LeaseTerms terms)
{
    /// <summary>Blocks that an encoder has begun when it dies, at most: one stored, one encoded, one cut.</summary>
    private const int BegunBlocks = 3;

    private readonly RunQueues _runs = new();
    private readonly EncoderRoster _encoders = new();
    private readonly LeasesOut _out = new();
    private readonly AloneNodes _alone = new();
    private readonly Refusals _refusals = new();

    /// <summary>A lease that was handed out: one or more whole blocks.</summary>
    public sealed record Grant(string EncoderId, VolumeTask Task, DirectionRange Directions, bool Alone);

    /// <summary>A block that went with its encoder.</summary>
    /// <param name="Suspect">It may be what killed the encoder.</param>
    public sealed record LostLease(LeaseOut Lease, bool Suspect);

    /// <summary>What waits of a volume that every node has refused.</summary>
    public sealed record RefusedWork(WorkId Work, IReadOnlyList<DirectionRange> Blocks, int Nodes);

    /// <summary>Blocks in the hands of encoders.</summary>
    public IReadOnlyCollection<LeaseOut> Out => _out.All;

    public IReadOnlyCollection<EncoderNode> Nodes => _encoders.Nodes;

    public int Encoders => _encoders.Count;

    public int FreeEncoders => _encoders.FreeCount;

    /// <summary>Sets a run's priority, and whether it is paused: then none of its blocks is handed out.</summary>
    public void Stand(RunId run, int priority, bool paused)
    {
        var queue = _runs.FindOrAdd(run);
        (queue.Priority, queue.Paused) = (priority, paused);
    }

    /// <summary>Sets how many volumes of a run have not ended, those too that are not offered yet.</summary>
    public void Expect(RunId run, int volumes) => _runs.FindOrAdd(run).Unended = volumes;

    /// <inheritdoc cref="RunQueues.Backlog"/>
    public TimeSpan Backlog() => _runs.Backlog(terms);

    /// <inheritdoc cref="RunQueues.QueueAge"/>
    public TimeSpan QueueAge(TimeSpan now) => _runs.QueueAge(now);

    /// <inheritdoc cref="RunQueues.LongestSilence"/>
    public TimeSpan LongestSilence(TimeSpan now) => _runs.LongestSilence(now);

    /// <summary>Forgets a run.</summary>
    public void End(RunId run)
    {
        if (_runs.Remove(run, out var queue))
        {
            foreach (var offer in queue.Offers)
            {
                Forget(offer);
            }
        }

        terms.Forget(run);
    }

    /// <summary>Adds blocks of a volume to be encoded; adding one again is harmless. The latest task stands for all of them.</summary>
    /// <param name="suspects">First directions of all the volume's blocks that an encoder may have died of.</param>
    /// <param name="diedOn">The node that died last.</param>
    /// <param name="now">On the clock of <see cref="Match"/>.</param>
    public void Add(VolumeTask task, IEnumerable<DirectionRange> blocks, IEnumerable<int> suspects, string diedOn, TimeSpan now = default)
    {
        var queue = _runs.Join(task.RunId);
        var offer = queue.FindOrAdd(task, now);
        queue.Change(offer, changed =>
        {
            changed.Task = task;
            changed.SetSuspects(suspects, diedOn);
            foreach (var block in blocks.Where(block => _out.Find(offer.Work, block.First) is null))
            {
                changed.Add(block);
            }
        });
    }

    /// <summary>Forgets a volume.</summary>
    public void Withdraw(WorkId work)
    {
        if (_runs.TryFind(work.Run, out var queue) && queue.Remove(work.Volume) is { } offer)
        {
            Forget(offer);
        }
    }

    /// <summary>Notes that an encoder is free; noting it again renews what its node holds.</summary>
    public void Request(string encoderId, IReadOnlyList<VolumeId> cachedVolumes) => _encoders.Wait(encoderId, cachedVolumes);

    /// <inheritdoc cref="LeasesOut.Missed"/>
    public IReadOnlyList<LeaseOut> Missed(string encoderId, IReadOnlyList<ReturnedLease> inHand, TimeSpan now) =>
        _encoders.TryFind(encoderId, out var seat) ? LeasesOut.Missed(seat, inHand, now) : [];

    /// <summary>An encoder is leaving: it gets nothing more.</summary>
    public void Leave(string encoderId)
    {
        if (_encoders.TryFind(encoderId, out var seat))
        {
            seat.Leaving = true;
            _encoders.Busy(seat);
            if (seat.Node.IsLeaving)
            {
                _alone.Release(seat.Node);
            }
        }
    }

    /// <summary>Forgets an encoder that is gone. Where it did not say that it leaves, its node is dead, and all its encoders with it; the
    /// volumes in their hands are suspect, unless it may have died of what was no longer waited for.</summary>
    /// <returns>What they had in their hands, each encoder's in order.</returns>
    public IReadOnlyList<LostLease> Forget(string encoderId)
    {
        if (!_encoders.TryFind(encoderId, out var gone))
        {
            return [];
        }

        var (lost, blames) = (new List<LostLease>(), !gone.Leaving && !gone.Node.IsAtAbandonedWork);
        foreach (var seat in gone.Leaving ? [gone] : gone.Node.Seats.ToList())
        {
            var ofVolumes = new Dictionary<WorkId, int>();
            foreach (var lease in seat.InHand)
            {
                var before = ofVolumes[lease.Work] = ofVolumes.GetValueOrDefault(lease.Work) + 1;
                lost.Add(new LostLease(lease, Suspect: blames && before <= BegunBlocks));
            }

            _encoders.Remove(seat);
            terms.Forget(seat.Id);
        }

        foreach (var (lease, suspect) in lost)
        {
            _out.Drop(lease);
            if (suspect && _runs.TryFind(lease.Work.Run, out var queue))
            {
                queue.Change(lease.Offer, changed => changed.Suspect([lease.Block.First], gone.Node.Id));
            }
        }

        if (gone.Node.Seats.Count == 0)
        {
            _alone.Release(gone.Node);
            _refusals.Forget(gone.Node);
        }

        return lost;
    }

    /// <summary>A block is out of an encoder's hands.</summary>
    /// <param name="done">True where its rows are stored.</param>
    /// <returns>The lease, or null where none was out.</returns>
    public LeaseOut? Close(WorkId work, int first, bool done)
    {
        var lease = _out.Find(work, first);
        if (lease is not null)
        {
            _out.Drop(lease);
            if (done)
            {
                lease.Seat.Done(lease);
            }
        }

        if (done && _runs.TryFind(work.Run, out var queue) && queue.Find(work.Volume) is { } offer)
        {
            var suspect = offer.IsSuspect;
            queue.Change(offer, changed => changed.Done(first));
            if (suspect && !offer.IsSuspect)
            {
                _alone.Release([offer]);
            }
        }

        return lease;
    }

    /// <summary>An encoder gave a block back for want of something that another node may have: its node gets nothing of the volume.</summary>
    public void Refuse(LeaseOut lease)
    {
        var node = lease.Seat.Node;
        node.Refusals++;
        _refusals.Add(lease.Offer, node);
        if (lease.Offer.AloneOn == node)
        {
            _alone.Release(node);
        }
    }

    /// <summary>Takes back what waits of volumes that every node has refused for long enough. Added again, it is everybody's once more.</summary>
    public IReadOnlyList<RefusedWork> TakeRefused(TimeSpan now)
    {
        if (_refusals.None)
        {
            return [];
        }

        var (taken, nodes) = (new List<RefusedWork>(), _encoders.Nodes.Where(node => !node.IsLeaving).ToList());
        foreach (var offer in _refusals.ByAll(nodes, now, terms.RefusalPause).Where(offer => offer.WaitingBlocks > 0))
        {
            var blocks = new List<DirectionRange>();
            _runs.FindOrAdd(offer.Work.Run).Change(offer, changed => blocks.AddRange(changed.TakeAll()));
            _alone.Release([offer]);
            _refusals.Forget(offer);
            taken.Add(new RefusedWork(offer.Work, blocks, nodes.Count));
        }

        return taken;
    }

    /// <summary>The block, where it is out.</summary>
    public LeaseOut? Find(WorkId work, int first) => _out.Find(work, first);

    /// <summary>Leases that are out for longer than they may be. Each is to be closed; a node that fell silent is kept for nobody.</summary>
    public IReadOnlyList<LeaseOut> Overdue(TimeSpan now)
    {
        var overdue = _out.Overdue(now);
        foreach (var lease in overdue)
        {
            _alone.Release(lease.Seat.Node);
            lease.Seat.Abandon();
        }

        _alone.ReleaseSilent(now);
        return overdue;
    }

    /// <summary>Hands out leases until encoders or work run out, the encoder that waits longest first.</summary>
    /// <param name="now">On any clock that does not go back.</param>
    /// <param name="at">By the wall clock, where anybody is to be told.</param>
    public IReadOnlyList<Grant> Match(TimeSpan now, DateTimeOffset at = default)
    {
        if (_encoders.FreeCount == 0)
        {
            return [];
        }

        var grants = new List<Grant>();
        _alone.ReleasePaused(_runs.All);
        _alone.Keep(_runs.All, _encoders.Nodes, _refusals, _runs.HaveWork);
        foreach (var (node, offer) in _alone.Ready())
        {
            if (node.Seats.FirstOrDefault(seat => seat.Waiting is not null) is { } seat && _runs.TryFind(offer.Work.Run, out var run))
            {
                var block = offer.NextSuspect!.Value;
                grants.Add(Hand(seat, run, offer, now, at, alone: true, changed => changed.Take(block)));
            }
        }

        foreach (var seat in _encoders.Free)
        {
            if (seat.Node.KeptFor is not null || (!_refusals.None && _refusals.CountOf(seat.Node) >= _runs.Offers))
            {
                continue; // kept for another, or of no use for anything that is there, which need not be searched
            }

            if (_runs.Choose(seat, _encoders.Count, _refusals) is not var (queue, offer))
            {
                if (_refusals.None)
                {
                    break; // nor is there work for anyone else
                }

                continue;
            }

            var blocks = Math.Clamp(Math.Min(terms.Blocks(offer, seat.Id), queue.WaitingBlocks / (2 * _encoders.Count)), 1, offer.WaitingBlocks);
            grants.Add(Hand(seat, queue, offer, now, at, alone: false, changed => changed.Take(blocks)));
            seat.Node.Rested = true;
        }

        return grants;
    }

    private Grant Hand(EncoderSeat seat, RunQueue queue, LeaseOffer offer, TimeSpan now, DateTimeOffset at, bool alone, Func<LeaseOffer, DirectionRange> take)
    {
        _encoders.Busy(seat);
        var directions = default(DirectionRange);
        queue.Change(offer, changed => directions = take(changed));
        queue.Served += offer.WorkOf(directions);
        offer.HandedOutAt = now;
        var slices = seat.InHand.Sum(lease => (long)lease.Slices) + ((long)directions.Count * offer.SlicesPerDirection);
        var deadline = now + terms.Deadline(queue.Run, seat.Id, slices);
        foreach (var block in offer.Task.Leases(directions))
        {
            _out.Add(new LeaseOut(offer, block, seat, now, deadline, at));
        }

        return new Grant(seat.Id, offer.Task, directions, alone);
    }

    private void Forget(LeaseOffer offer)
    {
        _alone.Release([offer]);
        _refusals.Forget(offer);
        foreach (var lease in offer.Out.ToList())
        {
            lease.Seat.Abandon();
            _out.Drop(lease);
        }
    }
}
