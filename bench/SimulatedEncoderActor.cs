using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Bench;

/// <summary>What all simulated encoders did.</summary>
internal sealed class EncoderTally
{
    private long _blocks;
    private long _leases;
    private long _idleTicks;

    public long Blocks => Interlocked.Read(ref _blocks);

    public long Leases => Interlocked.Read(ref _leases);

    /// <summary>Time that encoders had nothing to encode after their first block, all together.</summary>
    public TimeSpan Idle => TimeSpan.FromTicks(Interlocked.Read(ref _idleTicks));

    public void AddBlock() => Interlocked.Increment(ref _blocks);

    public void AddLease() => Interlocked.Increment(ref _leases);

    public void AddIdle(TimeSpan time) => Interlocked.Add(ref _idleTicks, time.Ticks);
}

/// <summary>Asks for leases one block ahead, as an encoder does, and answers each block after a while without having encoded anything.</summary>
internal sealed class SimulatedEncoderActor : ReceiveActor, IWithTimers
{
    private readonly Queue<(SliceProtocol.EncodeLease Lease, IActorRef Owner)> _blocks = [];
    private readonly string _id;
    private readonly IActorRef _coordinator;
    private readonly TimeSpan _blockTime;
    private VolumeId[] _held = [];
    private bool _asked;
    private long? _idleSince;

    public SimulatedEncoderActor(string id, IActorRef coordinator, TimeSpan blockTime, EncoderTally tally)
    {
        (_id, _coordinator, _blockTime) = (id, coordinator, blockTime);
        Receive<SliceProtocol.EncodeLease>(lease =>
        {
            tally.AddLease();
            _asked = false;
            var idle = _blocks.Count == 0;
            foreach (var block in lease.Task.Leases(lease.Directions))
            {
                _blocks.Enqueue((lease with { Directions = block }, Sender));
            }

            if (idle)
            {
                tally.AddIdle(_idleSince is { } since ? Stopwatch.GetElapsedTime(since) : TimeSpan.Zero);
                Begin();
            }

            Ask();
        });
        Receive<Encoded>(_ =>
        {
            var ((task, directions), owner) = _blocks.Dequeue();
            _held = [task.VolumeId];
            tally.AddBlock();
            owner.Tell(new SliceProtocol.LeaseEncoded(task.VolumeId, directions, new BlobRef("rows", "0"), _id, 0, _blockTime));
            Ask();
            if (_blocks.Count > 0)
            {
                Begin();
            }
            else
            {
                _idleSince = Stopwatch.GetTimestamp();
            }
        });
        Receive<AskAgain>(_ =>
        {
            _asked = false;
            Ask();
        });
        Receive<SliceProtocol.ReleaseVolume>(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(AskAgain), new AskAgain(), TimeSpan.Zero, TimeSpan.FromSeconds(5));

    private void Ask()
    {
        if (!_asked && _blocks.Count < 2)
        {
            _asked = true;
            _coordinator.Tell(new SliceProtocol.RequestLease(_id, _held, [.. _blocks.Select(block => new ReturnedLease(block.Lease.Task.RunId, block.Lease.Task.VolumeId, block.Lease.Directions))]));
        }
    }

    private void Begin() => Timers.StartSingleTimer(nameof(Encoded), new Encoded(), _blockTime);

    private sealed record Encoded : ILocalMessage;

    private sealed record AskAgain : ILocalMessage;
}
