using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.ReconActors.Publishing;
using ToNNO.Tests.Support;

namespace ToNNO.ReconActors.Tests.Publishing;

public sealed class PublisherActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private readonly TestProbe _shard;
    private readonly TestProbe _volume;
    private readonly IActorRef _publisher;
    private readonly TaskCompletionSource<ReconProtocol.HeatmapPublished> _publication = new();
    private readonly HeardSpans _spans = new();
    private int _calls;

    public PublisherActorSpecs()
    {
        (_shard, _volume) = (CreateTestProbe(), CreateTestProbe());
        Func<ReconProtocol.PublishHeatmap, CancellationToken, Task<ReconProtocol.HeatmapPublished>> publish = (_, _) =>
        {
            Interlocked.Increment(ref _calls);
            return _publication.Task;
        };
        _publisher = _shard.ChildActorOf(Props.Create(() => new PublisherActor(publish, new ReconOptions())), new OneForOneStrategy(_ => Directive.Restart));
    }

    [Fact]
    public void Publish_AskedAgainWhileAtIt_PublishesOnceAndAnswersOnce()
    {
        Ask();
        Ask();
        Settle(_publisher);
        var published = new ReconProtocol.HeatmapPublished(_task.VolumeId, SmallWork.Blob("a/result.json"), "");
        _publication.SetResult(published);
        Assert.Equal(published with { TraceParent = _spans.TraceParent }, _volume.ExpectMsg<ReconProtocol.HeatmapPublished>());
        _shard.ExpectMsg<Passivate>();
        ExpectNothing(_volume, _publisher);
        Assert.Equal(1, _calls);
    }

    [Theory]
    [InlineData("refused", "source.changed", false)]
    [InlineData("store", "store.unavailable", true)]
    [InlineData("bug", "internal.failure", true)]
    public void Publish_Fails_AnsweredWithTheCode(string how, string code, bool transient)
    {
        Ask();
        _publication.SetException(how switch
        {
            "refused" => new ImagingException(RejectReason.SourceChanged, "It was changed."),
            "store" => ScriptedStore.Unavailable(),
            _ => new InvalidCastException("a bug"),
        });
        var failed = _volume.ExpectMsg<ReconProtocol.PublishFailed>();
        Assert.Equal((code, transient), (failed.ReasonCode, failed.Transient));
        var span = Assert.Single(_spans.Ended);
        Assert.Equal(("publish", ActivityStatusCode.Error, code), (span.OperationName, span.Status, span.StatusDescription));
    }

    protected override void Dispose(bool disposing)
    {
        _spans.Dispose();
        base.Dispose(disposing);
    }

    private void Ask() => _publisher.Tell(new ReconProtocol.PublishHeatmap(_task, [], TimeSpan.Zero, TimeSpan.Zero, []) { TraceParent = _spans.TraceParent }, _volume.Ref);
}
