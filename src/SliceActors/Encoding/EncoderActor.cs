using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors.Caching;
using ToNNO.Storage;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Serves one device: asks for a lease, cuts and encodes it, stores its rows, asks again.</summary>
/// <remarks>Encoding is synchronous and holds the actor's thread: it runs on a dispatcher of its own.</remarks>
internal sealed class EncoderActor : ReceiveActor, IWithTimers, IWithStash
{
    private readonly string _encoderId;
    private readonly IActorRef _coordinator;
    private readonly IActorRef _cache;
    private readonly IBlobStore _store;
    private readonly EncoderPool _pool;
    private readonly LeaseEncoder _leaseEncoder;
    private readonly TimeSpan _askAgainAfter;
    private readonly CancellationToken _nodeStopping;
    private readonly CancellationTokenSource _stopping = new();
    private IReadOnlyList<VolumeId> _held = [];
    private (SliceProtocol.EncodeLease Lease, IActorRef Owner)? _inHand;

    /// <param name="nodeStopping">Cancelled when the node begins to stop: a lease may take longer than that may.</param>
    public EncoderActor(string encoderId, IActorRef coordinator, IActorRef cache, IBlobStore store, EncoderPool pool, SliceOptions options, CancellationToken nodeStopping)
    {
        (_encoderId, _coordinator, _cache, _store, _pool, _askAgainAfter) = (encoderId, coordinator, cache, store, pool, options.AskAgainAfter);
        _nodeStopping = nodeStopping;
        _leaseEncoder = new LeaseEncoder(options.BatchPixels);
        Free();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    protected override void PreRestart(Exception reason, object message)
    {
        if (_inHand is var (lease, owner))
        {
            owner.Tell(new SliceProtocol.LeaseRejected(
                lease.Task.VolumeId, lease.Directions, "internal.failure", "Encoding failed unexpectedly; the log says where. Please report it.", Transient: true));
        }

        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void Free()
    {
        _inHand = null;
        Receive<Ask>(_ => _coordinator.Tell(new SliceProtocol.RequestLease(_encoderId, _held)));
        Receive<SliceProtocol.EncodeLease>(lease =>
        {
            Timers.CancelAll();
            _inHand = (lease, Sender);
            Fetch(lease, Sender);
        });
        Receive<VolumeCacheActor.VolumeLoaded>(_ => { });
        Receive<VolumeCacheActor.VolumeUnavailable>(_ => { });
        Timers.StartPeriodicTimer(nameof(Ask), new Ask(), TimeSpan.Zero, _askAgainAfter);
        Stash?.UnstashAll();
    }

    /// <summary>Gets the guide of the pass, where it has one, then the volume.</summary>
    private void Fetch(SliceProtocol.EncodeLease lease, IActorRef owner)
    {
        if (lease.Task.Guide is not { } guide)
        {
            Load(lease, owner, []);
            return;
        }

        var (pass, offsets) = (lease.Task.Passes().First(pass => pass.First <= lease.Directions.First && lease.Directions.End <= pass.End), lease.Task.Plan().OffsetCount);
        _store.ReadAsync(guide.Path, _stopping.Token).PipeTo(
            Self,
            success: blob => new GuideRead(RowsBlob.TryParse(blob.Bytes.Span, pass, offsets)?.Logits[((lease.Directions.First - pass.First) * offsets)..((lease.Directions.End - pass.First) * offsets)]),
            failure: error => new NotStored(error));
        Become(() =>
        {
            Receive<GuideRead>(read =>
            {
                if (read.Logits is { } logits)
                {
                    Load(lease, owner, logits);
                    return;
                }

                Reject(lease, owner, "guide.corrupt", $"The guide at {guide.Path} is damaged; run again.", transient: false);
            });
            ReceiveNotStored(lease, owner);
            StashLeases();
        });
    }

    private void Load(SliceProtocol.EncodeLease lease, IActorRef owner, float[] guide)
    {
        _cache.Tell(new VolumeCacheActor.LoadVolume(lease.Task));
        Become(() => Loading(lease, owner, guide));
    }

    private void Loading(SliceProtocol.EncodeLease lease, IActorRef owner, float[] guide)
    {
        Receive<VolumeCacheActor.VolumeLoaded>(loaded =>
        {
            _held = loaded.Held;
            Encode(lease, owner, loaded, guide);
        });
        Receive<VolumeCacheActor.VolumeUnavailable>(unavailable =>
            Reject(lease, owner, unavailable.ReasonCode, unavailable.Detail, unavailable.Transient));
        StashLeases();
    }

    private void Encode(SliceProtocol.EncodeLease lease, IActorRef owner, VolumeCacheActor.VolumeLoaded loaded, float[] guide)
    {
        RowsBlob rows;
        try
        {
            rows = _leaseEncoder.Encode(lease.Task, loaded.Volume, lease.Directions, guide, _pool.Get(lease.Task.Settings), loaded.ReadTime, _nodeStopping);
        }
        catch (OperationCanceledException) when (_nodeStopping.IsCancellationRequested)
        {
            Context.Stop(Self); // the lease goes back with the encoder, which takes no other
            return;
        }
        catch (EncoderException refused)
        {
            Reject(lease, owner, refused.Code, refused.Message, transient: false);
            return;
        }

        var path = lease.Task.RowsPath(lease.Directions);
        _store.WriteAsync(path, rows.ToBytes(), WriteCondition.Always, _stopping.Token).PipeTo(
            Self, success: etag => new Stored(new BlobRef(path, etag.Value)), failure: error => new NotStored(error));
        Become(() => Storing(lease, owner, rows.Cost.SlicesEncoded));
    }

    private void Storing(SliceProtocol.EncodeLease lease, IActorRef owner, long slicesEncoded)
    {
        Receive<Stored>(stored =>
        {
            owner.Tell(new SliceProtocol.LeaseEncoded(lease.Task.VolumeId, lease.Directions, stored.Rows, _encoderId, slicesEncoded));
            Become(Free);
        });
        ReceiveNotStored(lease, owner);
        StashLeases();
    }

    private void ReceiveNotStored(SliceProtocol.EncodeLease lease, IActorRef owner) => Receive<NotStored>(failed =>
    {
        if (failed.Error is not BlobStoreException store)
        {
            throw new InvalidOperationException($"Storing rows of volume {lease.Task.VolumeId} failed.", failed.Error);
        }

        Reject(lease, owner, store.Code, store.Message, transient: true);
    });

    private void Reject(SliceProtocol.EncodeLease lease, IActorRef owner, string code, string detail, bool transient)
    {
        owner.Tell(new SliceProtocol.LeaseRejected(lease.Task.VolumeId, lease.Directions, code, detail, transient));
        Become(Free);
    }

    private void StashLeases()
    {
        Receive<SliceProtocol.EncodeLease>(_ => Stash.Stash());
        Receive<Ask>(_ => { });
    }

    private sealed record Ask : ILocalMessage;

    private sealed record GuideRead(float[]? Logits) : ILocalMessage;

    private sealed record Stored(BlobRef Rows) : ILocalMessage;

    private sealed record NotStored(Exception Error) : ILocalMessage;
}
