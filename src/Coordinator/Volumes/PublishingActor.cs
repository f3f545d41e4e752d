using Akka.Actor;
using ToNNO.Contracts;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Has a volume's slabs published: asks again while its publisher is silent or fails for a while, a number of times.</summary>
internal sealed class PublishingActor : ReceiveActor, IWithTimers
{
    private readonly ReconProtocol.PublishHeatmap _publish;
    private readonly IActorRef _publisherRegion;
    private readonly CoordinatorOptions _options;
    private int _attempts;
    private int _silences;
    private IActorRef? _publisher;
    private string? _failed;
    private bool _canceled;

    public PublishingActor(ReconProtocol.PublishHeatmap publish, IActorRef publisherRegion, CoordinatorOptions options)
    {
        (_publish, _publisherRegion, _options) = (publish, publisherRegion, options);
        var volume = publish.Task.VolumeId;
        Receive<ReconProtocol.HeatmapPublished>(Context.Parent.Tell);
        Receive<Overdue>(_ =>
        {
            if (_canceled)
            {
                Context.Parent.Tell(Canceled);
                return;
            }

            if (++_silences >= options.MaximumSilences)
            {
                Context.Parent.Tell(new StageFailed(
                    "recon.silent",
                    $"The publisher of volume {volume} left {_silences} questions in a row unanswered, over {_silences * options.ReducerDeadline}; {Reducers.LastHeard(_publisher, Context.System)}. Check the recon nodes and run again.",
                    VolumeState.Failed));
                return;
            }

            VolumeSpan.Retried(_failed ?? "recon.asked_again", publish.TraceParent);
            _failed = null;
            Ask();
        });
        Receive<ReconProtocol.PublishFailed>(failed =>
        {
            (_silences, _publisher, _failed) = (0, Sender, failed.ReasonCode);
            _attempts++;
            if (!failed.Transient || _attempts >= options.MostTries(failed.ReasonCode) || _canceled)
            {
                Context.Parent.Tell(_canceled ? Canceled : new StageFailed(failed.ReasonCode, failed.Detail, failed.Transient ? VolumeState.Failed : VolumeState.Quarantined));
            }
        });
        Receive<Cancel>(_ => _canceled = true); // a result that stands already is no less a result
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Ask();

    private void Ask()
    {
        Timers.StartSingleTimer(nameof(Overdue), new Overdue(), _options.ReducerDeadline);
        _publisherRegion.Tell(_publish);
    }

    private sealed record Overdue : ILocalMessage;
}
