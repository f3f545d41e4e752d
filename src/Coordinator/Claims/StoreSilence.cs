using Akka.Event;

namespace ToNNO.Coordinator.Claims;

/// <summary>How long the store has not answered the coordinator, neither well nor badly; told once it is long.</summary>
internal sealed class StoreSilence(ILoggingAdapter log)
{
    private static readonly TimeSpan _toldAfter = TimeSpan.FromSeconds(30);

    private TimeSpan _lasted;

    public bool IsLong => _lasted >= _toldAfter;

    public void Lasts(TimeSpan longer)
    {
        var told = IsLong;
        _lasted += longer;
        CoordinatorTelemetry.StoreIsSilent(_lasted);
        if (IsLong && !told)
        {
            log.Error("The store has not answered for {Seconds} s: nothing can be recorded. Look at the store, and at this node's way to it", _lasted.TotalSeconds);
        }
    }

    public void Ends()
    {
        if (IsLong)
        {
            log.Info("The store answers again, after {Seconds} s", _lasted.TotalSeconds);
        }

        _lasted = TimeSpan.Zero;
        CoordinatorTelemetry.StoreIsSilent(_lasted);
    }
}
