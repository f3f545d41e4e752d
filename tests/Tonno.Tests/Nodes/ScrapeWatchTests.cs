using Microsoft.Extensions.Time.Testing;
using ToNNO.Tonno.Hosting;

namespace ToNNO.Tonno.Tests.Nodes;

public sealed class ScrapeWatchTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ScrapeWatch _watch;

    public ScrapeWatchTests() => _watch = new ScrapeWatch(_time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Next_NobodyScrapes_AtOnce()
    {
        Assert.True(_watch.NextAsync(Cancel).IsCompleted);
        _watch.Scraped();
        _time.Advance(TimeSpan.FromSeconds(31)); // and not any more
        Assert.True(_watch.NextAsync(Cancel).IsCompleted);
    }

    [Fact]
    public async Task Next_Scraped_WaitsForTheNextScrape()
    {
        _watch.Scraped();
        _time.Advance(TimeSpan.FromSeconds(14));
        var next = _watch.NextAsync(Cancel);
        Assert.False(next.IsCompleted);
        _watch.Scraped();
        await next;
    }

    [Fact]
    public async Task Next_ScraperIsGone_NotForLonger()
    {
        _watch.Scraped();
        var next = _watch.NextAsync(Cancel);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await next;
    }
}
