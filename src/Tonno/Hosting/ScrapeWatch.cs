namespace ToNNO.Tonno.Hosting;

/// <summary>When somebody last asked for the metrics, so that a node which ends by itself can wait until it has told of that.</summary>
internal sealed class ScrapeWatch(TimeProvider time)
{
    /// <summary>Between two scrapes, at most: twice what is usual.</summary>
    private static readonly TimeSpan _mostBetween = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long? _last;

    public void Scraped()
    {
        lock (_lock)
        {
            _last = time.GetTimestamp();
            _next.SetResult();
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Ends with the next scrape; at once where nobody scrapes, and in any case when it is overdue.</summary>
    public async Task NextAsync(CancellationToken cancel)
    {
        Task next;
        lock (_lock)
        {
            if (_last is not { } last || time.GetElapsedTime(last) > _mostBetween)
            {
                return;
            }

            next = _next.Task;
        }

        await next.WaitAsync(_mostBetween, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
