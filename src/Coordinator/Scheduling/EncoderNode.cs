using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>A node's encoders, which share a process and the volumes that it holds.</summary>
internal sealed class EncoderNode(string id)
{
    public string Id { get; } = id;

    /// <summary>The machine, as far as the address tells: a process that is started again there has another id.</summary>
    public string Host { get; } = HostOf(id);

    public List<EncoderSeat> Seats { get; } = [];

    /// <summary>Blocks in the hands of its encoders, by volume.</summary>
    public Dictionary<WorkId, int> InHand { get; } = [];

    /// <summary>Blocks that it gave back for want of something.</summary>
    public long Refusals { get; set; }

    /// <summary>The volume that has the node to itself; its encoders get nothing else.</summary>
    public LeaseOffer? KeptFor { get; set; }

    /// <summary>False after it was kept for one volume, until it has had other work.</summary>
    public bool Rested { get; set; } = true;

    /// <summary>Since when nothing was heard of it, as far as was looked.</summary>
    public TimeSpan? SilentSince { get; set; }

    /// <summary>True while an encoder of it may be at a block that nobody waits for any more, of which the process may die.</summary>
    public bool IsAtAbandonedWork => Seats.Exists(seat => seat.Abandoned is not null);

    public bool IsLeaving => Seats.All(seat => seat.Leaving);

    /// <summary>False where nothing is heard of it: it has nothing to do and asks for nothing.</summary>
    public bool IsHeardOf => InHand.Count > 0 || Seats.Any(seat => seat.Waiting is not null);

    /// <summary>An encoder's id begins with its node's: <c>address#uid/number</c>.</summary>
    public static string IdOf(string encoderId) => encoderId.LastIndexOf('/') is > 0 and var end ? encoderId[..end] : encoderId;

    public static string HostOf(string nodeId) => nodeId.LastIndexOf('#') is > 0 and var end ? nodeId[..end] : nodeId;

    public void Take(WorkId work) => InHand[work] = InHand.GetValueOrDefault(work) + 1;

    public void Close(WorkId work)
    {
        if (--InHand[work] == 0)
        {
            InHand.Remove(work);
        }
    }
}

/// <summary>An encoder, as the board sees it.</summary>
internal sealed class EncoderSeat(string id, EncoderNode node)
{
    public string Id { get; } = id;

    public EncoderNode Node { get; } = node;

    /// <summary>Volumes that its node holds, as it said when it asked last.</summary>
    public IReadOnlyList<VolumeId> Cached { get; set; } = [];

    /// <summary>Its place among the encoders that wait, where it does.</summary>
    public LinkedListNode<EncoderSeat>? Waiting { get; set; }

    /// <summary>Blocks in its hands, the first to come first.</summary>
    public List<LeaseOut> InHand { get; } = [];

    public bool Leaving { get; set; }

    /// <summary>What it had in its hands when some of it was given up, by the board alone: it may still be at that. Null where it is not.</summary>
    public IReadOnlyList<LeaseOut>? Abandoned { get; private set; }

    /// <summary>A block in its hands is no longer waited for, though the encoder does not know.</summary>
    public void Abandon() => Abandoned ??= [.. InHand];

    /// <summary>A block is done. Blocks are encoded in the order in which they came: all that came before is done with.</summary>
    public void Done(LeaseOut lease)
    {
        if (Abandoned?.Contains(lease) == false)
        {
            Abandoned = null;
        }
    }
}

/// <summary>A block that an encoder has.</summary>
/// <param name="since">When it was handed out.</param>
/// <param name="deadline">When it is overdue, on the same clock.</param>
/// <param name="handedOutAt">When it was handed out, by the wall clock: for people, not for deadlines.</param>
internal sealed class LeaseOut(LeaseOffer offer, DirectionRange block, EncoderSeat seat, TimeSpan since, TimeSpan deadline, DateTimeOffset handedOutAt)
{
    public LeaseOffer Offer { get; } = offer;

    public WorkId Work => Offer.Work;

    public DirectionRange Block { get; } = block;

    public EncoderSeat Seat { get; } = seat;

    public TimeSpan Since { get; } = since;

    public TimeSpan Deadline { get; } = deadline;

    public DateTimeOffset HandedOutAt { get; } = handedOutAt;

    public DateTimeOffset DueAt => HandedOutAt + (Deadline - Since);

    /// <summary>When its encoder first told what it has, and this was not among it; null while it is.</summary>
    public TimeSpan? MissedSince { get; set; }

    /// <summary>Slices of the block, blank ones too.</summary>
    public int Slices => Block.Count * Offer.SlicesPerDirection;
}
