using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.SliceActors.Caching;
using ToNNO.Storage;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Keeps one device busy: asks for leases one ahead, has them cut and encoded, and stores their rows.</summary>
/// <remarks>The device is a child.</remarks>
internal sealed class EncoderActor : ReceiveActor, IWithTimers
{
    private readonly string _encoderId;
    private readonly IActorRef _coordinator;
    private readonly IActorRef _cache;
    private readonly IBlobStore _store;
    private readonly LeaseEncoder _leaseEncoder;
    private readonly IActorRef _device;
    private readonly TimeSpan _askAgainAfter;
    private readonly CancellationToken _nodeStopping;
    private readonly CancellationTokenSource _stopping = new();
    private readonly LeasesInHand _leases = new();
    private IReadOnlyList<VolumeId> _held = [];
    private bool _asked;
    private Hand? _loading;
    private Farewell? _farewell;

    /// <param name="device">Makes the child that encodes.</param>
    /// <param name="nodeStopping">Cancelled when the node must stop at once: a lease may take longer than that may.</param>
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
            _leases.Arrive(lease, Sender);
            _farewell?.GiveBack(begunToo: false);
            Load();
        });
        Receive<SliceProtocol.ReleaseVolume>(_cache.Tell);
        Receive<VolumeCacheActor.VolumeLoaded>(Cut);
        Receive<VolumeCacheActor.VolumeUnavailable>(unavailable =>
        {
            if (_leases.Awaiting(unavailable.Task) is { } hand)
            {
                Refuse(hand, unavailable.ReasonCode, unavailable.Detail, unavailable.Blame);
            }
        });
        Receive<GuideRead>(read =>
        {
            if (read.Logits is null)
            {
                Refuse(read.Hand, "guide.corrupt", $"The guide at {read.Hand.Lease.Task.Guide?.Path} is damaged; run again.", Blame.Volume);
                return;
            }

            read.Hand.Guide = read.Logits;
            _loading = null;
            Load();
        });
        Receive<GuideUnread>(unread => Refuse(
            unread.Hand,
            (unread.Error as BlobStoreException)?.Code ?? "guide.unread",
            unread.Error.Message,
            Blame.Passing));
        Receive<DeviceActor.Encoded>(Store);
        Receive<DeviceActor.Refused>(refused =>
        {
            if (_leases.Encoded(refused.Cutter) is { } hand)
            {
                hand.Reject(refused.Code, refused.Detail, refused.Blame);
                Next();
            }
        });
        Receive<DeviceActor.Stopped>(_ =>
        {
            if (_farewell is null)
            {
                Context.Stop(Self); // the leases go back with the encoder, which takes no other
            }
        });
        Receive<Stored>(stored =>
        {
            _leases.Stored(stored.Hand);
            var lease = stored.Hand.Lease;
            stored.Hand.Owner.Tell(new SliceProtocol.LeaseEncoded(
                lease.Task.VolumeId, lease.Directions, stored.Rows, _encoderId, stored.SlicesEncoded, stored.Elapsed)
            { TraceParent = stored.Hand.TraceParent });
            stored.Hand.Span?.Dispose();
            SliceTelemetry.Stored(stored.SlicesEncoded);
            AskForLease();
        });
        Receive<NotStored>(failed =>
        {
            if (failed.Error is not BlobStoreException store)
            {
                throw new InvalidOperationException($"Storing rows of volume {failed.Hand.Lease.Task.VolumeId} failed; trace {Spans.TraceIdOf(failed.Hand.Lease.Task.TraceParent)}", failed.Error);
            }

            _leases.Stored(failed.Hand);
            failed.Hand.Reject(store.Code, store.Message, Blame.Passing);
            AskForLease();
        });
        Receive<Drain>(_ => _farewell ??= new Farewell(encoderId, coordinator, _leases, Timers, options));
        Receive<Farewell.DrainOverdue>(_ => _farewell?.GiveBack(begunToo: true));
        Receive<Farewell.Unanswered>(_ => MayLeave());
        Receive<SliceProtocol.EncoderMayLeave>(_ => MayLeave());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Ask), new Ask(), TimeSpan.Zero, _askAgainAfter);

    protected override void PreRestart(Exception reason, object message)
    {
        _leases.RejectAll("internal.failure", "Encoding failed unexpectedly; the log says where. Please report it.");
        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _stopping.Cancel();
        _leases.StopCutting();
        _stopping.Dispose();
    }

    private void AskForLease()
    {
        if (_farewell is { } farewell)
        {
            if (farewell.IsOver)
            {
                Context.Stop(Self);
            }
        }
        else if (!_asked && _leases.RoomForMore)
        {
            _asked = true;
            _coordinator.Tell(new SliceProtocol.RequestLease(_encoderId, _held, _leases.Told()));
        }
    }

    /// <summary>Gets the guide of the block that comes next, where it has one, then its volume; one block at a time.</summary>
    private void Load()
    {
        if (_loading is not null || _leases.Reading is not { } hand)
        {
            return;
        }

        _loading = hand;
        if (hand.UnreadGuide is not { } guide)
        {
            _cache.Tell(new VolumeCacheActor.LoadVolume(hand.Lease.Task));
            return;
        }

        _store.ReadGuideAsync(hand.Lease, guide, _stopping.Token).PipeTo(
            Self, success: logits => new GuideRead(hand, logits), failure: error => new GuideUnread(hand, error));
    }

    private void Cut(VolumeCacheActor.VolumeLoaded loaded)
    {
        _held = loaded.Held;
        if (_leases.Awaiting(loaded.Task) is not { } hand)
        {
            return;
        }

        _loading = null;
        if (loaded.ReadTime > TimeSpan.Zero)
        {
            SliceTelemetry.Read(loaded.ReadTime, hand.TraceParent);
        }

        var task = hand.Lease.Task with { TraceParent = hand.TraceParent };
        var cutter = _leaseEncoder.Begin(task, loaded.Channels, hand.Lease.Directions, hand.Guide, _leases.LastCutter, _nodeStopping);
        _leases.Encode(cutter);
        _device.Tell(new DeviceActor.Encode(cutter, loaded.ReadTime));
        Next();
    }

    /// <summary>Gives back the lease that is being read.</summary>
    private void Refuse(Hand hand, string code, string detail, Blame blame)
    {
        if (_leases.GiveUp(hand))
        {
            _loading = null;
            hand.Reject(code, detail, blame);
            Next();
        }
    }

    private void Next()
    {
        Load();
        AskForLease();
    }

    private void MayLeave()
    {
        _farewell?.Known();
        AskForLease();
    }

    private void Store(DeviceActor.Encoded encoded)
    {
        if (_leases.Encoded(encoded.Cutter) is not { } hand)
        {
            return;
        }

        _leases.Store(hand);
        var slices = encoded.Lease.Rows.Cost.SlicesEncoded;
        StoreAsync(hand, encoded.Lease).PipeTo(
            Self, success: rows => new Stored(hand, rows, slices, encoded.Elapsed), failure: error => new NotStored(hand, error));
        Next();
    }

    private async Task<BlobRef> StoreAsync(Hand hand, EncodedLease lease)
    {
        using var timing = SliceTelemetry.Stage("store", hand.TraceParent);
        return await _store.WriteLeaseAsync(hand.Lease.Task, lease, _stopping.Token).ConfigureAwait(false);
    }

    private sealed record GuideRead(Hand Hand, float[]? Logits) : ILocalMessage;

    private sealed record GuideUnread(Hand Hand, Exception Error) : ILocalMessage;

    private sealed record Ask : ILocalMessage;

    /// <summary>The node leaves: no more leases.</summary>
    public sealed record Drain : ILocalMessage;

    private sealed record Stored(Hand Hand, BlobRef Rows, long SlicesEncoded, TimeSpan Elapsed) : ILocalMessage;

    private sealed record NotStored(Hand Hand, Exception Error) : ILocalMessage;
}
