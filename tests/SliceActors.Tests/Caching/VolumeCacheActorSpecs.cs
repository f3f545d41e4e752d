using System.Collections.Concurrent;
using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.SliceActors.Caching;
using ToNNO.SliceActors.Encoding;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors.Tests.Caching;

public sealed class VolumeCacheActorSpecs : VirtualTimeSpecs
{
    private const int VolumeBytes = 8 * 8 * 8 * sizeof(float);
    private readonly ConcurrentDictionary<VolumeId, TaskCompletionSource<Volume>> _loads = [];
    private readonly ConcurrentQueue<VolumeId> _asked = [];
    private readonly TestProbe _encoder;
    private readonly TestProbe _other;
    private readonly IActorRef _cache;

    public VolumeCacheActorSpecs()
    {
        (_encoder, _other) = (CreateTestProbe(), CreateTestProbe());
        Func<VolumeTask, CancellationToken, Task<IReadOnlyList<Volume>>> load = async (task, _) =>
        {
            _asked.Enqueue(task.VolumeId);
            return [await Load(task.VolumeId.Value).Task];
        };
        _cache = Sys.ActorOf(Props.Create(() => new VolumeCacheActor(2 * VolumeBytes, load)));
    }

    [Fact]
    public void Load_TwoEncodersAtOnce_ReadOnceAndItsTimeCountedOnce()
    {
        Ask("a", _encoder);
        Ask("a", _other);
        Settle(_cache);
        Answer("a");
        var (first, second) = (_encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>(), _other.ExpectMsg<VolumeCacheActor.VolumeLoaded>());
        Assert.Same(first.Channels, second.Channels);
        Assert.Equal(TimeSpan.Zero, second.ReadTime);
        Ask("a", _encoder);
        Assert.Same(first.Channels, _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>().Channels);
        Assert.Single(_asked);
    }

    [Fact]
    public void Load_CacheFull_LeastRecentlyUsedGoes()
    {
        foreach (var id in new[] { "a", "b", "a", "c" })
        {
            Ask(id, _encoder);
            Answer(id);
            _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
        }

        Ask("a", _encoder);
        Assert.Equal(["a", "c"], _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>().Held.Select(id => id.Value));
    }

    [Fact]
    public void Released_Volume_IsNotHeldAnyLonger()
    {
        foreach (var id in new[] { "a", "b" })
        {
            Ask(id, _encoder);
            Answer(id);
            _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
        }

        _cache.Tell(new SliceProtocol.ReleaseVolume(new("a")));
        _cache.Tell(new SliceProtocol.ReleaseVolume(new("never heard of")));
        Ask("b", _encoder);
        Assert.Equal(["b"], _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>().Held.Select(id => id.Value));
    }

    [Fact]
    public void Load_StoreOfTheSourceFails_WaitersHearThatItMayPass()
    {
        Ask("a", _encoder);
        Settle(_cache);
        Load("a").SetException(new BlobStoreException(BlobStoreError.Unavailable, "busy"));
        var failed = _encoder.ExpectMsg<VolumeCacheActor.VolumeUnavailable>();
        Assert.Equal(("store.unavailable", Blame.Passing), (failed.ReasonCode, failed.Blame));
    }

    [Theory]
    [InlineData(RejectReason.SourceChanged, "source.changed", (int)Blame.Node)]
    [InlineData(RejectReason.VolumeNonFinite, "volume.non_finite", (int)Blame.Volume)]
    [InlineData(RejectReason.FileMissing, "file.missing", (int)Blame.Passing)]
    [InlineData(RejectReason.FileUnreadable, "file.unreadable", (int)Blame.Passing)]
    public void Load_Refused_AllWaitersHearTheCodeAndTheNextAskReadsAgain(RejectReason reason, string code, int blame)
    {
        Ask("a", _encoder);
        Ask("a", _other);
        Settle(_cache);
        Load("a").SetException(new ImagingException(reason, "detail"));
        foreach (var probe in new[] { _encoder, _other })
        {
            var refused = probe.ExpectMsg<VolumeCacheActor.VolumeUnavailable>();
            Assert.Equal((code, (Blame)blame), (refused.ReasonCode, refused.Blame));
        }

        _loads.Clear();
        Ask("a", _encoder);
        Answer("a");
        _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
    }

    [Fact]
    public void Load_UnexpectedFailure_AllWaitersHearItAndTheCacheGoesOn()
    {
        Ask("a", _encoder);
        Ask("b", _other);
        Settle(_cache);
        Load("a").SetException(new InvalidCastException("a bug"));
        foreach (var probe in new[] { _encoder, _other })
        {
            var failed = probe.ExpectMsg<VolumeCacheActor.VolumeUnavailable>();
            Assert.Equal(("internal.failure", Blame.Passing), (failed.ReasonCode, failed.Blame));
        }

        Answer("b");
        Ask("b", _other);
        _other.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
    }

    [Fact]
    public void Load_SameFileOtherContent_IsNotTakenForTheOneThatWaits()
    {
        Ask("a", _encoder);
        Settle(_cache);
        _cache.Tell(new VolumeCacheActor.LoadVolume(SmallWork.Task("a") with { SourceSha256 = "other" }), _other.Ref);
        Settle(_cache);
        Answer("a");
        _encoder.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
        _other.ExpectMsg<VolumeCacheActor.VolumeLoaded>();
        Assert.Equal(2, _asked.Count);
    }

    private void Ask(string id, TestProbe encoder) => _cache.Tell(new VolumeCacheActor.LoadVolume(SmallWork.Task(id)), encoder.Ref);

    private TaskCompletionSource<Volume> Load(string id) => _loads.GetOrAdd(new(id), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private void Answer(string id) => Load(id).TrySetResult(new Volume(SmallWork.Task(id).Geometry, new float[8 * 8 * 8]));
}
