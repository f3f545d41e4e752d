using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.SliceActors.Caching;
using ToNNO.Storage;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Keeps one device busy: asks for leases one ahead, has them cut and encoded, and stores their rows.</summary>
/// <remarks>A lease is read, cut, encoded and stored, each while its neighbours are at another stage. The device is a child.</remarks>
internal sealed class EncoderActor : ReceiveActor, IWithTimers
{
    /// <summary>The one that is encoded and one ahead.</summary>
    private const int MostUnencoded = 2;

    /// <summary>A store that fails to keep up holds the encoder back.</summary>
    private const int MostStoring = 2;

    private readonly string _encoderId;
    private readonly IActorRef _coordinator;
    private readonly IActorRef _cache;
    private readonly IBlobStore _store;
    private readonly LeaseEncoder _leaseEncoder;
    private readonly IActorRef _device;
    private readonly TimeSpan _askAgainAfter;
    private readonly CancellationToken _nodeStopping;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<Hand> _arrived = [];
    private readonly List<(Hand Hand, LeaseCutter Cutter)> _encoding = [];
    private readonly List<Hand> _storing = [];
    private IReadOnlyList<VolumeId> _held = [];
    private bool _asked;

    /// <param name="device">Makes the child that encodes.</param>
    /// <param name="nodeStopping">Cancelled when the node begins to stop: a lease may take longer than that may.</param>
    public EncoderActor(
        string encoderId, IActorRef coordinator, IActorRef cache, IBlobStore store, LeaseEncoder leaseEncoder, Props device, SliceOptions options, CancellationToken nodeStopping)
    {
        (_encoderId, _coordinator, _cache, _store, _leaseEncoder, _askAgainAfter) = (encoderId, coordinator, cache, store, leaseEncoder, options.AskAgainAfter);
        _nodeStopping = nodeStopping;
        _device = Context.ActorOf(device, "device");
        Receive<Ask>(_ =>
        {
            _asked = false; // perhaps unheard
            AskForLease();
        });
        Receive<SliceProtocol.EncodeLease>(lease =>
        {
            _asked = false;
            _arrived.Enqueue(new Hand(lease, Sender));
            if (_arrived.Count == 1)
            {
                Load();
            }
        });
        Receive<VolumeCacheActor.VolumeLoaded>(Cut);
        Receive<VolumeCacheActor.VolumeUnavailable>(unavailable =>
        {
            if (!Awaits(unavailable.Task))
            {
                return;
            }

            Refuse(_arrived.Peek(), unavailable.ReasonCode, unavailable.Detail, unavailable.Transient);
        });
        Receive<GuideRead>(read =>
        {
            if (read.Logits is null)
            {
                Refuse(read.Hand, "guide.corrupt", $"The guide at {read.Hand.Lease.Task.Guide?.Path} is damaged; run again.", transient: false);
                return;
            }

            read.Hand.Guide = read.Logits;
            Load();
        });
        Receive<GuideUnread>(unread => Refuse(
            unread.Hand,
            (unread.Error as BlobStoreException)?.Code ?? "guide.unread",
            unread.Error.Message,
            transient: true));
        Receive<DeviceActor.Encoded>(Store);
        Receive<DeviceActor.Refused>(refused =>
        {
            if (Take(refused.Cutter) is { } hand)
            {
                Reject(hand, refused.Code, refused.Detail, refused.Transient);
                AskForLease();
            }
        });
        Receive<DeviceActor.Stopped>(_ => Context.Stop(Self)); // the leases go back with the encoder, which takes no other
        Receive<Stored>(stored =>
        {
            _storing.Remove(stored.Hand);
            var lease = stored.Hand.Lease;
            stored.Hand.Owner.Tell(new SliceProtocol.LeaseEncoded(lease.Task.VolumeId, lease.Directions, stored.Rows, _encoderId, stored.SlicesEncoded));
            AskForLease();
        });
        Receive<NotStored>(failed =>
        {
            if (failed.Error is not BlobStoreException store)
            {
                throw new InvalidOperationException($"Storing rows of volume {failed.Hand.Lease.Task.VolumeId} failed.", failed.Error);
            }

            _storing.Remove(failed.Hand);
            Reject(failed.Hand, store.Code, store.Message, transient: true);
            AskForLease();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Ask), new Ask(), TimeSpan.Zero, _askAgainAfter);

    protected override void PreRestart(Exception reason, object message)
    {
        foreach (var hand in _arrived.Concat(_encoding.Select(work => work.Hand)).Concat(_storing))
        {
            Reject(hand, "internal.failure", "Encoding failed unexpectedly; the log says where. Please report it.", transient: true);
        }

        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _stopping.Cancel();
        _encoding.ForEach(work => work.Cutter.Dispose());
        _stopping.Dispose();
    }

    private void AskForLease()
    {
        if (!_asked && _arrived.Count + _encoding.Count < MostUnencoded && _storing.Count < MostStoring)
        {
            _asked = true;
            _coordinator.Tell(new SliceProtocol.RequestLease(_encoderId, _held));
        }
    }

    /// <summary>Gets the guide of the lease that came first, where it has one, then its volume; one lease at a time.</summary>
    private void Load()
    {
        var hand = _arrived.Peek();
        var (task, directions) = (hand.Lease.Task, hand.Lease.Directions);
        if (task.Guide is not { } guide || hand.Guide is not null)
        {
            _cache.Tell(new VolumeCacheActor.LoadVolume(task));
            return;
        }

        var (pass, offsets) = (task.Passes().Single(pass => pass.First <= directions.First && directions.End <= pass.End), task.Plan().OffsetCount);
        _store.ReadAsync(guide.Path, _stopping.Token).PipeTo(
            Self,
            success: blob => new GuideRead(
                hand, RowsBlob.TryParse(blob.Bytes.Span, pass, offsets)?.Logits[((directions.First - pass.First) * offsets)..((directions.End - pass.First) * offsets)]),
            failure: error => new GuideUnread(hand, error));
    }

    /// <summary>False for an answer to a question that an earlier life of this actor put.</summary>
    private bool Awaits(VolumeTask task) =>
        _arrived.TryPeek(out var hand) && hand.Lease.Task.VolumeId == task.VolumeId && hand.Lease.Task.SourceSha256 == task.SourceSha256;

    private void Cut(VolumeCacheActor.VolumeLoaded loaded)
    {
        _held = loaded.Held;
        if (!Awaits(loaded.Task))
        {
            return;
        }

        var hand = _arrived.Dequeue();
        var before = _encoding.Count > 0 ? _encoding[^1].Cutter : null;
        var cutter = _leaseEncoder.Begin(hand.Lease.Task, loaded.Volume, hand.Lease.Directions, hand.Guide, before, _nodeStopping);
        _encoding.Add((hand, cutter));
        _device.Tell(new DeviceActor.Encode(cutter, loaded.ReadTime));
        Next();
    }

    /// <summary>Gives back the lease that came first.</summary>
    private void Refuse(Hand hand, string code, string detail, bool transient)
    {
        if (_arrived.TryPeek(out var first) && first == hand)
        {
            Reject(_arrived.Dequeue(), code, detail, transient);
            Next();
        }
    }

    private void Next()
    {
        if (_arrived.Count > 0)
        {
            Load();
        }

        AskForLease();
    }

    private void Store(DeviceActor.Encoded encoded)
    {
        if (Take(encoded.Cutter) is not { } hand)
        {
            return;
        }

        _storing.Add(hand);
        var path = hand.Lease.Task.RowsPath(hand.Lease.Directions);
        var slices = encoded.Rows.Cost.SlicesEncoded;
        _store.WriteAsync(path, encoded.Rows.ToBytes(), WriteCondition.Always, _stopping.Token).PipeTo(
            Self, success: etag => new Stored(hand, new BlobRef(path, etag.Value), slices), failure: error => new NotStored(hand, error));
        AskForLease();
    }

    /// <summary>The lease that was encoded, its cutter done with; null where it was given up with an earlier life of this actor.</summary>
    private Hand? Take(LeaseCutter cutter)
    {
        var at = _encoding.FindIndex(work => work.Cutter == cutter);
        if (at < 0)
        {
            return null;
        }

        var hand = _encoding[at].Hand;
        _encoding.RemoveAt(at);
        cutter.Dispose();
        return hand;
    }

    private static void Reject(Hand hand, string code, string detail, bool transient) =>
        hand.Owner.Tell(new SliceProtocol.LeaseRejected(hand.Lease.Task.VolumeId, hand.Lease.Directions, code, detail, transient));

    /// <summary>A lease and who gave it.</summary>
    private sealed class Hand(SliceProtocol.EncodeLease lease, IActorRef owner)
    {
        public SliceProtocol.EncodeLease Lease { get; } = lease;

        public IActorRef Owner { get; } = owner;

        /// <summary>The lease's part of its pass's guide, once it is read.</summary>
        public float[]? Guide { get; set; }
    }

    private sealed record GuideRead(Hand Hand, float[]? Logits) : ILocalMessage;

    private sealed record GuideUnread(Hand Hand, Exception Error) : ILocalMessage;

    private sealed record Ask : ILocalMessage;

    private sealed record Stored(Hand Hand, BlobRef Rows, long SlicesEncoded) : ILocalMessage;

    private sealed record NotStored(Hand Hand, Exception Error) : ILocalMessage;
}
