using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Does what needs a store for its parent, one thing after the other: what is written last is what was told last. Where the store is not
/// to be reached, it tries again after a pause, a number of times, before the next is begun; where nothing answers, it waits no longer than the
/// deadline.</summary>
internal sealed class StoreWorkActor : ReceiveActor, IWithTimers, IWithUnboundedStash
{
    private const int MostDoublings = 5;

    private readonly CoordinatorOptions _options;
    private readonly string _stage;
    private readonly string? _trace;
    private CancellationTokenSource _trying = new();
    private int _failures;
    private int _tries;

    /// <param name="stage">Of the volume, in the reason code where nothing answers: <c>ledger.silent</c>.</param>
    /// <param name="trace">The span that tries which failed are noted with.</param>
    public StoreWorkActor(CoordinatorOptions options, string stage, string? trace)
    {
        (_options, _stage, _trace) = (options, stage, trace);
        Idle();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    protected override void PostStop()
    {
        _trying.Cancel();
        _trying.Dispose();
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
        Receive<Done>(done => done.Try == _tries, done => End(done.Answer));
        Receive<Missed>(missed => missed.Try == _tries, missed =>
        {
            if (missed.Error is BlobStoreException { Error: BlobStoreError.Unavailable } store && ++_failures < _options.MaximumStoreFailures)
            {
                VolumeSpan.Retried(store.Code, _trace);
                Timers.Cancel(nameof(Overdue));
                Timers.StartSingleTimer(nameof(Again), new Again(), _options.StoreRetryPause * Math.Pow(2, Math.Min(_failures - 1, MostDoublings)));
                return;
            }

            End(new Failed(work, missed.Error));
        });
        Receive<Again>(_ => Try(work));
        Receive<Overdue>(_ => End(new Failed(work, Silent())));
        Receive<Done>(_ => { }); // too late
        Receive<Missed>(_ => { });
    }

    private void Try(Work work)
    {
        _trying.Dispose();
        _trying = new CancellationTokenSource();
        var (number, cancel) = (++_tries, _trying.Token);
        Timers.StartSingleTimer(nameof(Overdue), new Overdue(), _options.StoreDeadline);
        Task.Run(() => work.DoAsync(cancel), cancel).PipeTo(Self, success: answer => new Done(number, answer), failure: error => new Missed(number, error));
    }

    private BlobStoreException Silent() => new(
        BlobStoreError.Unavailable,
        $"Neither the source nor the store has answered {((ExtendedActorSystem)Context.System).Provider.DefaultAddress} for {_options.StoreDeadline} ({_stage}). Look at both, and submit the run again.")
    {
        Code = $"{_stage}.silent",
    };

    private void End(object answer)
    {
        _tries++;
        _trying.Cancel();
        Timers.Cancel(nameof(Overdue));
        Context.Parent.Tell(answer);
        Become(Idle);
        Stash.Unstash();
    }

    /// <param name="DoAsync">Done whole again where the store fails on the way. What it gives is told to the parent.</param>
    public sealed record Work(Func<CancellationToken, Task<object>> DoAsync) : ILocalMessage;

    /// <summary>It could not be done, however often.</summary>
    public sealed record Failed(Work Of, Exception Error) : ILocalMessage;

    private sealed record Done(int Try, object Answer) : ILocalMessage;

    private sealed record Missed(int Try, Exception Error) : ILocalMessage;

    private sealed record Overdue : ILocalMessage;

    private sealed record Again : ILocalMessage;
}
