using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Claims;

/// <summary>Says again and again that the coordinator lives, one time after the other, and notices a store that does not answer.</summary>
internal sealed class RenewalActor : ReceiveActor, IWithTimers
{
    private readonly TimeSpan _every;
    private readonly CancellationTokenSource _stopping = new();
    private readonly StoreSilence _silence = new(Context.GetLogger());
    private bool _asked;

    public RenewalActor(RunStarter starter)
    {
        _every = starter.Options.ClaimRenewal;
        Receive<Renew>(_ =>
        {
            if (_asked)
            {
                _silence.Lasts(_every);
                return;
            }

            _asked = true;
            starter.RenewAsync(_stopping.Token).PipeTo(
                Self, success: () => new Answered(), failure: error => error is SupersededException ? new VolumeProtocol.Superseded() : new Answered());
        });
        Receive<Answered>(_ => // a store that fails now is told again soon
        {
            _asked = false;
            _silence.Ends();
        });
        Receive<VolumeProtocol.Superseded>(Context.Parent.Tell);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Renew), new Renew(), _every);

    protected override void PostStop()
    {
        CoordinatorTelemetry.StoreIsSilent(TimeSpan.Zero);
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private sealed record Renew : ILocalMessage;

    private sealed record Answered : ILocalMessage;
}
