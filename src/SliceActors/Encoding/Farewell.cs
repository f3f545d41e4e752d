using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.SliceActors.Encoding;

/// <summary>How an encoder leaves: it gives back what it has not begun, and goes when the rest is stored and the coordinator knows.</summary>
internal sealed class Farewell
{
    private readonly string _encoderId;
    private readonly IActorRef _coordinator;
    private readonly LeasesInHand _leases;
    private readonly ITimerScheduler _timers;
    private readonly SliceOptions _options;
    private bool _known;

    /// <param name="timers">The encoder's; it gets <see cref="DrainOverdue"/> and <see cref="Unanswered"/>.</param>
    public Farewell(string encoderId, IActorRef coordinator, LeasesInHand leases, ITimerScheduler timers, SliceOptions options)
    {
        (_encoderId, _coordinator, _leases, _timers, _options) = (encoderId, coordinator, leases, timers, options);
        timers.CancelAll();
        timers.StartSingleTimer(nameof(DrainOverdue), new DrainOverdue(), options.DrainDeadline);
        GiveBack(begunToo: false);
    }

    /// <summary>True where nothing is left to do.</summary>
    public bool IsOver => _known && _leases.IsEmpty;

    /// <param name="begunToo">Also what is encoded or stored now.</param>
    public void GiveBack(bool begunToo)
    {
        _known = false;
        _coordinator.Tell(new SliceProtocol.EncoderLeaving(_encoderId, _leases.GiveBack(begunToo)));
        _timers.StartSingleTimer(nameof(Unanswered), new Unanswered(), _options.FarewellDeadline);
    }

    /// <summary>The coordinator knows, or there is none that answers.</summary>
    public void Known()
    {
        _known = true;
        _timers.Cancel(nameof(Unanswered));
    }

    /// <summary>What is begun has had its time.</summary>
    public sealed record DrainOverdue : ILocalMessage;

    /// <summary>The coordinator does not answer.</summary>
    public sealed record Unanswered : ILocalMessage;
}
