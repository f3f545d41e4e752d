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

            Reject(_arrived.Dequeue(), unavailable.ReasonCode, unavailable.Detail, unavailable.Transient);
            Next();
        });
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

    /// <summary>Asks for the volume of the lease that came first, one at a time.</summary>
    private void Load() => _cache.Tell(new VolumeCacheActor.LoadVolume(_arrived.Peek().Lease.Task));

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
        var cutter = _leaseEncoder.Begin(hand.Lease.Task, loaded.Volume, hand.Lease.Directions, before, _nodeStopping);
        _encoding.Add((hand, cutter));
        _device.Tell(new DeviceActor.Encode(cutter, loaded.ReadTime));
        Next();
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
    private sealed record Hand(SliceProtocol.EncodeLease Lease, IActorRef Owner);

    private sealed record Ask : ILocalMessage;

    private sealed record Stored(Hand Hand, BlobRef Rows, long SlicesEncoded) : ILocalMessage;

    private sealed record NotStored(Hand Hand, Exception Error) : ILocalMessage;
}
