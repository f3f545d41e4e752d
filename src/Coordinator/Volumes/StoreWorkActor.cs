using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Does what needs a store for its parent, one thing after the other: what is written last is what was told last. Where the store is not
/// to be reached, it tries again after a pause, a number of times, before the next is begun.</summary>
internal sealed class StoreWorkActor : ReceiveActor, IWithTimers, IWithUnboundedStash
{
    private const int MostDoublings = 5;

    private readonly CoordinatorOptions _options;
    private readonly string? _trace;
    private readonly CancellationTokenSource _stopping = new();
    private int _failures;

    /// <param name="trace">The span that tries which failed are noted with.</param>
    public StoreWorkActor(CoordinatorOptions options, string? trace)
    {
        (_options, _trace) = (options, trace);
        Idle();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    protected override void PostStop()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void Idle() => Receive<Work>(work =>
    {
        _failures = 0;
        Become(() => Busy(work));
        Try(work);
    });

    private void Busy(Work work)
    {
        Receive<Work>(_ => Stash.Stash());
        Receive<Done>(done => End(done.Answer));
        Receive<Missed>(missed =>
        {
            if (missed.Error is BlobStoreException { Error: BlobStoreError.Unavailable } store && ++_failures < _options.MaximumStoreFailures)
            {
                CoordinatorTelemetry.Retried(store.Code, _trace);
                Timers.StartSingleTimer(nameof(Again), new Again(), _options.StoreRetryPause * Math.Pow(2, Math.Min(_failures - 1, MostDoublings)));
                return;
            }

            End(new Failed(work, missed.Error));
        });
        Receive<Again>(_ => Try(work));
    }

    private void Try(Work work) => Task.Run(() => work.DoAsync(_stopping.Token), _stopping.Token)
        .PipeTo(Self, success: answer => new Done(answer), failure: error => new Missed(error));

    private void End(object answer)
    {
        Context.Parent.Tell(answer);
        Become(Idle);
        Stash.Unstash();
    }

    /// <param name="DoAsync">Done whole again where the store fails on the way. What it gives is told to the parent.</param>
    public sealed record Work(Func<CancellationToken, Task<object>> DoAsync) : ILocalMessage;

    /// <summary>It could not be done, however often.</summary>
    public sealed record Failed(Work Of, Exception Error) : ILocalMessage;

    private sealed record Done(object Answer) : ILocalMessage;

    private sealed record Missed(Exception Error) : ILocalMessage;

    private sealed record Again : ILocalMessage;
}
