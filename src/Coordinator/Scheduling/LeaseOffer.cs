using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>A volume of a run: two runs may hold a volume of one name.</summary>
internal readonly record struct WorkId(RunId Run, VolumeId Volume)
{
    public static WorkId Of(VolumeTask task) => new(task.RunId, task.VolumeId);
}

/// <summary>The blocks of a volume that wait for an encoder.</summary>
/// <param name="addedAt">On the board's clock.</param>
internal sealed class LeaseOffer(VolumeTask task, TimeSpan addedAt)
{
    private readonly SortedList<int, DirectionRange> _waiting = [];
    private readonly SortedSet<int> _suspects = [];

    public WorkId Work { get; } = WorkId.Of(task);

    /// <summary>The latest task; it stands for all blocks.</summary>
    public VolumeTask Task { get; set; } = task;

    /// <summary>Slices of one direction, blank ones too.</summary>
    public int SlicesPerDirection { get; } = task.Plan().OffsetCount;

    /// <summary>True once a block was handed out.</summary>
    public bool Started { get; private set; }

    public TimeSpan AddedAt { get; } = addedAt;

    /// <summary>When a block was last handed out, on the board's clock; null where none was.</summary>
    public TimeSpan? HandedOutAt { get; set; }

    public int WaitingBlocks => _waiting.Count;

    /// <summary>What is left to hand out: slices times pixels, about.</summary>
    public double Left { get; private set; }

    /// <summary>Slices that wait or are in the hands of encoders.</summary>
    public double SlicesLeft => (Left / Task.Geometry.Shape.VoxelCount * SlicesPerDirection) + Out.Sum(lease => (double)lease.Slices);

    /// <summary>True where an encoder died of this volume, perhaps: it is encoded alone until the blocks in question are through.</summary>
    public bool IsSuspect => _suspects.Count > 0;

    /// <summary>True where any encoder may have the next blocks.</summary>
    public bool IsOpen => _waiting.Count > 0 && !IsSuspect;

    /// <summary>The node that died last, where one did.</summary>
    public string DiedOn { get; private set; } = "";

    /// <summary>Blocks that encoders have.</summary>
    public HashSet<LeaseOut> Out { get; } = [];

    /// <summary>The node that is kept for this volume alone.</summary>
    public EncoderNode? AloneOn { get; set; }

    /// <summary>The first suspect block that waits.</summary>
    public DirectionRange? NextSuspect => _suspects.Where(_waiting.ContainsKey).Select(first => (DirectionRange?)_waiting[first]).FirstOrDefault();

    public double WorkOf(DirectionRange directions) => (double)directions.Count * Task.Geometry.Shape.VoxelCount;

    public void Add(DirectionRange block)
    {
        if (_waiting.TryAdd(block.First, block))
        {
            Left += WorkOf(block);
        }
    }

    /// <summary>Replaces which blocks are suspect.</summary>
    public void SetSuspects(IEnumerable<int> firsts, string diedOn)
    {
        _suspects.Clear();
        Suspect(firsts, diedOn);
    }

    /// <summary>More blocks are suspect.</summary>
    public void Suspect(IEnumerable<int> firsts, string diedOn)
    {
        _suspects.UnionWith(firsts);
        DiedOn = diedOn;
    }

    /// <summary>A block's rows are stored: it need not be encoded, and is beyond suspicion.</summary>
    public void Done(int first)
    {
        _suspects.Remove(first);
        if (_waiting.TryGetValue(first, out var block))
        {
            Take(block);
        }
    }

    /// <summary>Takes the first blocks that follow on one another, at most so many.</summary>
    public DirectionRange Take(int blocks)
    {
        var range = Take(_waiting.Values[0]);
        for (; blocks > 1 && _waiting.Count > 0 && _waiting.Values[0] is var next && next.First == range.End; blocks--)
        {
            range = new DirectionRange(range.First, range.Count + Take(next).Count);
        }

        return range;
    }

    /// <summary>Takes all blocks that wait.</summary>
    public IReadOnlyList<DirectionRange> TakeAll() => [.. _waiting.Values.ToList().Select(Take)];

    /// <summary>Takes a block that waits.</summary>
    public DirectionRange Take(DirectionRange block)
    {
        _waiting.Remove(block.First);
        Left -= WorkOf(block);
        Started = true;
        return block;
    }

    /// <summary>The largest first, then by name.</summary>
    public static int Compare(LeaseOffer? a, LeaseOffer? b)
    {
        var bySize = b!.Left.CompareTo(a!.Left);
        return bySize != 0 ? bySize : string.CompareOrdinal(a.Work.Volume.Value, b.Work.Volume.Value);
    }
}
