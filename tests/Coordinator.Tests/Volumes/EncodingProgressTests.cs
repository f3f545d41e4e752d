using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Volumes;

public class EncodingProgressTests
{
    private static readonly DirectionRange _first = new(0, 16);
    private static readonly DirectionRange _second = new(16, 16);
    private readonly EncodingProgress _progress = EncodingProgress.Of([_first, _second], maximumAttempts: 3);

    [Fact]
    public void Encoded_EveryLease_Complete()
    {
        var (one, _) = _progress.Encoded(_first);
        Assert.False(one.Complete);
        var (two, _) = one.Encoded(_second);
        Assert.True(two.Complete);
    }

    [Fact]
    public void Encoded_SecondAnswer_IsNoNews()
    {
        var (once, news) = _progress.Encoded(_first);
        Assert.True(news);
        var (twice, again) = once.Encoded(_first);
        Assert.False(again);
        Assert.Equal(once.Open, twice.Open);
    }

    [Fact]
    public void Returned_AsOftenAsAllowed_ThenNotAgain()
    {
        var (once, first) = _progress.Returned(_first);
        var (twice, second) = once.Returned(_first);
        var (thrice, third) = twice.Returned(_first);
        Assert.Equal((true, true, false), (first, second, third));
        Assert.True(thrice.Returned(_second).Again, "another lease has tries of its own");
    }
}
