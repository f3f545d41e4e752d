using ToNNO.Contracts;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Scheduling;

namespace ToNNO.Bench;

/// <summary>Admission and lease board, nodes with caches and encoders of different speeds, and volumes that take time to read, in virtual seconds.</summary>
internal sealed class SimulatedCluster
{
    private const int CachedVolumes = 8;
    private const double BytesPerSecond = 200e6;
    private const double AnswerSeconds = 2e-3;
    private static readonly RunId _large = new("large");
    private static readonly RunId _small = new("small");
    private readonly PriorityQueue<Action, (double Time, long Order)> _events = new();
    private readonly Dictionary<string, Encoder> _encoders = new(StringComparer.Ordinal);
    private readonly Dictionary<WorkId, Work> _open = [];
    private readonly Dictionary<WorkId, Work> _waiting = [];
    private readonly Random _random = new(1);
    private readonly RunSettings _settings = SimulatedVolumes.Settings(400);
    private readonly LeaseTerms _terms = new(new CoordinatorOptions());
    private readonly LeaseBoard _board;
    private readonly Admission<WorkId> _admission;
    private long _order;
    private int _next;
    private int _smallLeft;
    private int _nodes;
    private double? _smallBegan;
    private double _busy;
    private double _lastBegan;
    private double _busyWhenLastBegan;

    public SimulatedCluster(int encoders, int volumes)
    {
        (Encoders, Volumes) = (encoders, volumes);
        _board = new LeaseBoard(_terms);
        _admission = new Admission<WorkId>(long.MaxValue, Math.Max(4, 2 * encoders));
    }

    public int Encoders { get; }

    public int Volumes { get; }

    public int EncodersPerNode { get; init; } = 4;

    /// <summary>Volumes of a second run, submitted when a quarter of the first is done.</summary>
    public int SmallRun { get; init; }

    /// <summary>The large run has 0.</summary>
    public int SmallPriority { get; init; }

    public TimeSpan? DeathEvery { get; init; }

    public double Now { get; private set; }

    public int Finished { get; private set; }

    public long Downloads { get; private set; }

    public long Leases { get; private set; }

    /// <summary>Blocks that were encoded.</summary>
    public long Blocks { get; private set; }

    public int Deaths { get; private set; }

    /// <summary>Volumes that gave way to a run of higher priority.</summary>
    public int GivenWay { get; private set; }

    public double? SmallRunSeconds { get; private set; }

    public double Busy => _busy / (Encoders * Now);

    /// <summary>Without the end, when there is not enough work for all.</summary>
    public double? BusyUntilLastBegan => _lastBegan > 0 ? _busyWhenLastBegan / (Encoders * _lastBegan) : null;

    public void Run()
    {
        while (_encoders.Count < Encoders)
        {
            Join(Math.Min(EncodersPerNode, Encoders - _encoders.Count));
        }

        _smallLeft = SmallRun;
        Open();
        if (DeathEvery is { } every)
        {
            At(every.TotalSeconds, () => Die(every.TotalSeconds));
        }

        HandOut();
        while (_events.TryDequeue(out var happen, out var when) && (_open.Count > 0 || _smallLeft > 0))
        {
            Now = when.Time;
            happen();
        }
    }

    private void At(double time, Action happen) => _events.Enqueue(happen, (time, _order++));

    private void Join(int encoders)
    {
        var node = new Node();
        for (var at = 0; at < encoders; at++)
        {
            var encoder = new Encoder($"node-{_nodes}#1/{at}", node, slicesPerSecond: 5000 * (0.7 + (0.6 * _random.NextDouble())));
            _encoders[encoder.Id] = encoder;
            node.Encoders.Add(encoder);
            Ask(encoder);
        }

        _nodes++;
    }

    /// <summary>Lets volumes into work, two for each encoder; of the large run as many wait as encoders.</summary>
    private void Open()
    {
        while (_waiting.Count < Math.Max(4, Encoders) && _next < Volumes)
        {
            Request(new Work(SimulatedVolumes.Task(_large, _settings, _next++)));
        }

        if (SmallRun > 0 && _smallBegan is null && Finished >= Volumes / 4)
        {
            _smallBegan = Now;
            _board.Stand(_small, SmallPriority, paused: false);
            for (var volume = 0; volume < SmallRun; volume++)
            {
                Request(new Work(SimulatedVolumes.Task(_small, _settings, volume)));
            }
        }

        Admit();
        while (_admission.MustGiveWay(Rank) is { Count: > 0 } leaving)
        {
            foreach (var id in leaving)
            {
                GivenWay++;
                _open.Remove(id, out var work);
                _board.Withdraw(id);
                _admission.Release(id);
                Request(work!);
            }

            Admit();
        }
    }

    private int? Rank(RunId run) => run == _small ? SmallPriority : 0;

    private void Request(Work work)
    {
        var id = WorkId.Of(work.Task);
        _waiting[id] = work;
        _admission.Request(id, id.Run, sizeBytes: 1);
    }

    private void Admit()
    {
        foreach (var id in _admission.Admit(Rank))
        {
            _waiting.Remove(id, out var work);
            _open[id] = work!;
            _board.Add(work!.Task, work.Task.Leases().Where(block => work.Left.Contains(block.First)), work.Suspects, "");
            (_lastBegan, _busyWhenLastBegan) = id.Run == _large ? (Now, _busy) : (_lastBegan, _busyWhenLastBegan);
        }
    }

    /// <summary>Asks one block ahead.</summary>
    private void Ask(Encoder encoder)
    {
        if (encoder.Asked || encoder.Unencoded > 1)
        {
            return;
        }

        encoder.Asked = true;
        At(Now + AnswerSeconds, () =>
        {
            if (_encoders.ContainsKey(encoder.Id))
            {
                _board.Request(encoder.Id, [.. encoder.Node.Cached.Select(work => work.Volume)]);
                HandOut();
            }
        });
    }

    private void HandOut()
    {
        foreach (var grant in _board.Match(TimeSpan.FromSeconds(Now)))
        {
            Leases++;
            var encoder = _encoders[grant.EncoderId];
            encoder.Asked = false;
            foreach (var block in grant.Task.Leases(grant.Directions))
            {
                Encode(encoder, grant.Task, block);
            }

            Ask(encoder);
        }
    }

    /// <summary>Puts a block at the end of what an encoder has: it is encoded when those before are, and its volume is read.</summary>
    private void Encode(Encoder encoder, VolumeTask task, DirectionRange block)
    {
        var slices = block.Count * task.Plan().OffsetCount;
        var begin = Math.Max(encoder.FreeAt, Load(encoder.Node, task));
        var seconds = slices / encoder.SlicesPerSecond;
        encoder.FreeAt = begin + seconds;
        encoder.Unencoded++;
        At(encoder.FreeAt, () =>
        {
            if (!_encoders.ContainsKey(encoder.Id))
            {
                return; // it died meanwhile
            }

            Blocks++;
            _busy += seconds;
            _terms.Note(task.RunId, encoder.Id, slices, TimeSpan.FromSeconds(seconds));
            encoder.Unencoded--;
            _board.Close(WorkId.Of(task), block.First, done: true);
            Ask(encoder);
            Done(WorkId.Of(task), block.First);
            HandOut();
        });
    }

    /// <returns>When the node has the volume.</returns>
    private double Load(Node node, VolumeTask task)
    {
        var work = WorkId.Of(task);
        if (!node.LoadedAt.TryGetValue(work, out var loaded))
        {
            Downloads++;
            var begin = Math.Max(Now, node.ReaderFreeAt);
            node.LoadedAt[work] = node.ReaderFreeAt = loaded = begin + (task.Geometry.Shape.VoxelCount * sizeof(short) / BytesPerSecond);
            node.Cached.Add(work);
            if (node.Cached.Count > CachedVolumes)
            {
                node.LoadedAt.Remove(node.Cached[0]);
                node.Cached.RemoveAt(0);
            }
        }
        else
        {
            node.Cached.Remove(work);
            node.Cached.Add(work);
        }

        return loaded;
    }

    private void Done(WorkId id, int first)
    {
        if (!_open.TryGetValue(id, out var work))
        {
            return; // it gave way, and nobody hears of the block
        }

        work.Suspects.Remove(first);
        work.Left.Remove(first);
        if (work.Left.Count > 0)
        {
            return;
        }

        _open.Remove(id);
        _board.Withdraw(id);
        _admission.Release(id);
        if (id.Run == _small)
        {
            _smallLeft--;
            SmallRunSeconds = _smallLeft == 0 ? Now - _smallBegan : null;
        }
        else
        {
            Finished++;
        }

        Open();
    }

    /// <summary>A node dies with all that its encoders have; another comes in its place half a minute later.</summary>
    private void Die(double every)
    {
        Deaths++;
        var victim = _encoders.Values.ElementAt(_random.Next(_encoders.Count)).Node;
        victim.Encoders.ForEach(encoder => _encoders.Remove(encoder.Id));
        foreach (var part in _board.Forget(victim.Encoders[0].Id).GroupBy(lost => lost.Lease.Work))
        {
            var work = _open[part.Key];
            work.Suspects.UnionWith(part.Where(lost => lost.Suspect).Select(lost => lost.Lease.Block.First));
            _board.Add(work.Task, part.Select(lost => lost.Lease.Block), work.Suspects, EncoderNode.IdOf(victim.Encoders[0].Id));
        }

        HandOut();
        At(Now + 30, () => Join(victim.Encoders.Count));
        At(Now + every, () => Die(every));
    }

    private sealed class Node
    {
        public List<Encoder> Encoders { get; } = [];

        public Dictionary<WorkId, double> LoadedAt { get; } = [];

        /// <summary>The least recently used first.</summary>
        public List<WorkId> Cached { get; } = [];

        public double ReaderFreeAt { get; set; }
    }

    private sealed class Encoder(string id, Node node, double slicesPerSecond)
    {
        public string Id { get; } = id;

        public Node Node { get; } = node;

        public double SlicesPerSecond { get; } = slicesPerSecond;

        public double FreeAt { get; set; }

        public int Unencoded { get; set; }

        public bool Asked { get; set; }
    }

    private sealed class Work(VolumeTask task)
    {
        public VolumeTask Task { get; } = task;

        /// <summary>First directions of the blocks that are not encoded.</summary>
        public HashSet<int> Left { get; } = [.. task.Leases().Select(block => block.First)];

        public HashSet<int> Suspects { get; } = [];
    }
}
