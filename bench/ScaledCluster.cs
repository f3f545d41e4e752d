using ToNNO.Contracts;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Scheduling;
using ToNNO.SliceActors;

namespace ToNNO.Bench;

/// <summary>The lease board with slice pods of one encoder each, which a scaler starts and drains by the board's own backlog. In virtual
/// seconds.</summary>
/// <param name="rule">How many pods there are to be.</param>
/// <param name="startSeconds">From a pod that is wanted to its first question: a machine, the image, libtorch.</param>
/// <param name="slicesPerSecond">Of an encoder.</param>
internal sealed class ScaledCluster(ScalingRule rule, double startSeconds, double slicesPerSecond)
{
    /// <summary>A scrape and a rule's look at it.</summary>
    private const double MetricAge = 15;

    private const double CalmSeconds = 600;

    /// <summary>Volumes that may well change what was decided a moment ago.</summary>
    private const int Burst = 1000;

    private readonly PriorityQueue<Action, (double Time, long Order)> _events = new();
    private readonly Dictionary<RunId, int> _left = [];
    private readonly Dictionary<WorkId, int> _open = [];
    private readonly Queue<VolumeTask> _waiting = new();
    private readonly List<Pod> _pods = [];
    private readonly RunSettings _settings = SimulatedVolumes.Settings(400);
    private readonly LeaseTerms _terms = new(new CoordinatorOptions());
    private readonly double _drainSeconds = new SliceOptions().DrainDeadline.TotalSeconds;
    private LeaseBoard _board = null!;
    private long _order;
    private int _made;
    private int _runs;
    private int _wanted;
    private double _metric;
    private double _fellAt = double.NegativeInfinity;

    public double Now { get; private set; }

    public int Submitted { get; private set; }

    public int Finished { get; private set; }

    public int MostPods { get; private set; }

    /// <summary>Hours that pods were paid for, from when each was wanted.</summary>
    public double PodHours { get; private set; }

    public double BusyHours { get; private set; }

    /// <summary>Times that pods were added to others within ten minutes of some having been taken away, no burst between.</summary>
    public int Flaps { get; private set; }

    /// <summary>Blocks that a pod had begun and could not end before it had to go.</summary>
    public int Killed { get; private set; }

    /// <summary>Blocks that a pod gave back without having begun.</summary>
    public int Returned { get; private set; }

    /// <summary>Times that the pool shrank to the pods that stay.</summary>
    public int LeastTimes { get; private set; }

    /// <param name="bursts">When so many volumes are submitted, as a run of their own.</param>
    public void Run(IEnumerable<(double Time, int Volumes)> bursts)
    {
        _board = new LeaseBoard(_terms);
        foreach (var (time, volumes) in bursts)
        {
            Submitted += volumes;
            At(time, () => Submit(volumes));
        }

        for (; _wanted < rule.Least; _wanted++)
        {
            Start();
        }

        At(0, Scale);
        while (_events.TryDequeue(out var happen, out var when) && (Finished < Submitted || _wanted > rule.Least || _pods.Count > rule.Least))
        {
            Now = when.Time;
            happen();
        }

        PodHours += _pods.Sum(pod => Now - pod.WantedAt) / 3600;
    }

    private void At(double time, Action happen) => _events.Enqueue(happen, (time, _order++));

    private void Submit(int volumes)
    {
        var run = new RunId($"run-{_runs++}");
        _left[run] = volumes;
        _fellAt = volumes >= Burst ? double.NegativeInfinity : _fellAt;
        _board.Stand(run, 0, paused: false);
        _board.Expect(run, volumes);
        for (var volume = 0; volume < volumes; volume++)
        {
            _waiting.Enqueue(SimulatedVolumes.Task(run, _settings, volume));
        }

        Open();
    }

    /// <summary>Two volumes for each pod are in work.</summary>
    private void Open()
    {
        while (_open.Count < Math.Max(4, 2 * _pods.Count) && _waiting.TryDequeue(out var task))
        {
            var blocks = task.Leases().ToList();
            _open[WorkId.Of(task)] = blocks.Count;
            _board.Add(task, blocks, [], "");
        }

        HandOut();
    }

    /// <summary>A look of the scaler's, at a metric that is a scrape old.</summary>
    private void Scale()
    {
        var next = rule.Next(Now, _wanted, _metric);
        var backlog = _board.Backlog().TotalSeconds;
        At(Now + MetricAge, () => _metric = backlog);
        if (next > _wanted)
        {
            Flaps += _wanted > 0 && Now - _fellAt < CalmSeconds ? 1 : 0;
            for (; _wanted < next; _wanted++)
            {
                Start();
            }
        }
        else if (next < _wanted)
        {
            (_fellAt, LeastTimes) = (Now, LeastTimes + (next == rule.Least ? 1 : 0));
            foreach (var pod in _pods.Where(pod => !pod.Leaving).OrderByDescending(pod => pod.ReadyAt).Take(_wanted - next).ToList())
            {
                Drain(pod);
            }

            _wanted = next;
        }

        MostPods = Math.Max(MostPods, _wanted);
        At(Now + HorizontalAutoscaler.Period, Scale);
    }

    private void Start()
    {
        var pod = new Pod($"10.0.0.{_made}:4053#{_made++}/0", Now, Now + startSeconds);
        _pods.Add(pod);
        At(pod.ReadyAt, () => Ask(pod));
    }

    private void Ask(Pod pod)
    {
        if (!pod.Leaving && pod.Blocks.Count < 2)
        {
            _board.Request(pod.Id, []);
            Open();
        }
    }

    private void HandOut()
    {
        foreach (var grant in _board.Match(TimeSpan.FromSeconds(Now)))
        {
            var pod = _pods.Single(pod => pod.Id == grant.EncoderId);
            foreach (var block in grant.Task.Leases(grant.Directions))
            {
                pod.Blocks.Enqueue((grant.Task, block));
            }

            Encode(pod);
        }
    }

    private void Encode(Pod pod)
    {
        if (pod.Encoding || !pod.Blocks.TryPeek(out var next))
        {
            return;
        }

        var (task, block) = next;
        var slices = block.Count * task.Plan().OffsetCount;
        var seconds = slices / slicesPerSecond;
        pod.Encoding = true;
        At(Now + seconds, () =>
        {
            if (!_pods.Contains(pod))
            {
                return; // it had to go
            }

            pod.Encoding = false;
            pod.Blocks.Dequeue();
            BusyHours += seconds / 3600;
            _terms.Note(task.RunId, pod.Id, slices, TimeSpan.FromSeconds(seconds));
            _board.Close(WorkId.Of(task), block.First, done: true);
            Done(WorkId.Of(task));
            if (pod.Leaving)
            {
                Leave(pod);
                return;
            }

            Ask(pod);
            Encode(pod);
        });
    }

    private void Done(WorkId work)
    {
        if (--_open[work] > 0)
        {
            return;
        }

        _open.Remove(work);
        _board.Withdraw(work);
        _board.Expect(work.Run, --_left[work.Run]);
        Finished++;
        if (_left[work.Run] == 0)
        {
            _board.End(work.Run);
        }

        Open();
    }

    /// <summary>A pod is told to stop: it gives back what it has not begun, and ends the rest within its time.</summary>
    private void Drain(Pod pod)
    {
        pod.Leaving = true;
        _board.Leave(pod.Id);
        var kept = pod.Encoding ? 1 : 0;
        Returned += GiveBack(pod, pod.Blocks.Skip(kept));
        if (kept == 0)
        {
            Leave(pod);
            return;
        }

        At(Now + _drainSeconds, () =>
        {
            if (_pods.Contains(pod))
            {
                Killed += GiveBack(pod, pod.Blocks);
                Leave(pod);
            }
        });
    }

    private int GiveBack(Pod pod, IEnumerable<(VolumeTask Task, DirectionRange Block)> blocks)
    {
        var given = blocks.ToList();
        foreach (var (task, block) in given)
        {
            _board.Close(WorkId.Of(task), block.First, done: false);
            _board.Add(task, [block], [], "");
        }

        pod.Blocks = new(pod.Blocks.Except(given));
        HandOut();
        return given.Count;
    }

    private void Leave(Pod pod)
    {
        _pods.Remove(pod);
        _board.Forget(pod.Id);
        PodHours += (Now - pod.WantedAt) / 3600;
    }

    private sealed class Pod(string id, double wantedAt, double readyAt)
    {
        public string Id { get; } = id;

        public double WantedAt { get; } = wantedAt;

        public double ReadyAt { get; } = readyAt;

        /// <summary>In its hands, the one that is encoded first.</summary>
        public Queue<(VolumeTask Task, DirectionRange Block)> Blocks { get; set; } = new();

        public bool Encoding { get; set; }

        public bool Leaving { get; set; }
    }
}
