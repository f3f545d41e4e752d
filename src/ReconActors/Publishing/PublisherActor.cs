using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Publishes the result of one volume.</summary>
internal sealed class PublisherActor : ReceiveActor
{
    private readonly CancellationTokenSource _stopping = new();
    private bool _busy;

    /// <param name="publish">Makes and publishes the result; <see cref="ResultPublisher.PublishAsync"/>.</param>
    public PublisherActor(Func<ReconProtocol.PublishHeatmap, CancellationToken, Task<ReconProtocol.HeatmapPublished>> publish, ReconOptions options)
    {
        Context.SetReceiveTimeout(options.PassivateAfter);

        Receive<ReconProtocol.PublishHeatmap>(request =>
        {
            if (_busy)
            {
                return; // asked again while at it
            }

            _busy = true;
            var replyTo = Sender;
            Task.Run(() => TracedAsync(publish, request), _stopping.Token).PipeTo(
                Self, success: published => new Done(published, replyTo), failure: error => new Failed(request, error, replyTo));
        });
        Receive<Done>(done =>
        {
            done.ReplyTo.Tell(done.Published);
            Passivate();
        });
        Receive<Failed>(failed =>
        {
            var (volume, trace) = (failed.Request.Task.VolumeId, failed.Request.TraceParent);
            failed.ReplyTo.Tell(failed.Error switch
            {
                ImagingException refused => new ReconProtocol.PublishFailed(volume, CodeOf(refused), refused.Message, refused.IsOutOfReach) { TraceParent = trace },
                BlobStoreException store => new ReconProtocol.PublishFailed(volume, CodeOf(store), store.Message, Transient: true) { TraceParent = trace },
                OperationCanceledException stopping => new ReconProtocol.PublishFailed(volume, CodeOf(stopping), "The node is stopping.", Transient: true) { TraceParent = trace },
                _ => throw new InvalidOperationException($"Publishing volume {volume} failed; trace {Spans.TraceIdOf(failed.Request.TraceParent)}", failed.Error),
            });
            Passivate();
        });
        Receive<ReceiveTimeout>(_ => Passivate());
    }

    protected override void PreRestart(Exception reason, object message)
    {
        if (message is Failed failed)
        {
            Context.GetLogger().Error("Publishing volume {VolumeId} failed unexpectedly; trace {TraceId}", failed.Request.Task.VolumeId, Spans.TraceIdOf(failed.Request.TraceParent));
            failed.ReplyTo.Tell(new ReconProtocol.PublishFailed(
                failed.Request.Task.VolumeId, "internal.failure", "Publishing failed unexpectedly; the log says where. Please report it.", Transient: true)
            { TraceParent = failed.Request.TraceParent });
        }

        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private async Task<ReconProtocol.HeatmapPublished> TracedAsync(
        Func<ReconProtocol.PublishHeatmap, CancellationToken, Task<ReconProtocol.HeatmapPublished>> publish, ReconProtocol.PublishHeatmap request)
    {
        var begun = Stopwatch.GetTimestamp();
        using var span = ReconTelemetry.Source.Begin("publish", request.TraceParent, ActivityKind.Consumer)
            ?.SetTag("tonno.run.id", request.Task.RunId.Value).SetTag("tonno.volume.id", request.Task.VolumeId.Value);
        try
        {
            var published = await publish(request, _stopping.Token).ConfigureAwait(false);
            ReconTelemetry.Published(Stopwatch.GetElapsedTime(begun));
            return published with { TraceParent = request.TraceParent };
        }
        catch (Exception error)
        {
            span.Fail(CodeOf(error));
            throw;
        }
    }

    private static string CodeOf(Exception error) => error switch
    {
        ImagingException refused => refused.Code,
        BlobStoreException store => store.Code,
        OperationCanceledException => "node.stopping",
        _ => "internal.failure",
    };

    private static void Passivate() => Context.Parent.Tell(new Passivate(PoisonPill.Instance));

    private sealed record Done(ReconProtocol.HeatmapPublished Published, IActorRef ReplyTo) : ILocalMessage;

    private sealed record Failed(ReconProtocol.PublishHeatmap Request, Exception Error, IActorRef ReplyTo) : ILocalMessage;
}
