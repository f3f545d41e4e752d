using Akka.Actor;
using Akka.TestKit.Xunit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class VolumeTurnsTests : TestKit
{
    private readonly VolumeTurns _turns = new();
    private readonly Dictionary<string, int> _ranks = [];
    private readonly Dictionary<string, IActorRef> _actors = [];

    [Fact]
    public void Leave_SeveralWait_TheHighestThenTheFirst()
    {
        Assert.True(Come("a", 1));
        Assert.False(Come("b", 0));
        Assert.False(Come("c", 1));
        Assert.False(Come("d", 1));
        Assert.Equal(["c", "d", "b", null], new[] { Leave("a"), Leave("c"), Leave("d"), Leave("b") });
        Assert.True(_turns.NobodyCame);
    }

    [Fact]
    public void Leave_OneThatWaits_NobodysTurnChanges()
    {
        Come("a", 0);
        Come("b", 1);
        Come("c", 0);
        Assert.Null(Leave("b"));
        Assert.False(_turns.NobodyCame);
        Assert.Equal("c", Leave("a"));
    }

    [Fact]
    public void MustGiveWay_OnlyWhileAHigherRunWaits()
    {
        Come("a", 1);
        Assert.Null(MustGiveWay());
        Come("b", 1);
        Assert.Null(MustGiveWay());
        _ranks["b"] = 2;
        Assert.Equal("a", MustGiveWay());
        _ranks["a"] = 3;
        Assert.Null(MustGiveWay());
        _ranks["a"] = 0;
        Leave("b");
        Assert.Null(MustGiveWay());
    }

    private bool Come(string run, int rank)
    {
        (_ranks[run], _actors[run]) = (rank, CreateTestProbe());
        return _turns.Come(_actors[run], new RunId(run));
    }

    private string? Leave(string run) => NameOf(_turns.Leave(_actors[run], Rank));

    private string? MustGiveWay() => NameOf(_turns.MustGiveWay(Rank));

    private int Rank(RunId run) => _ranks[run.Value];

    private string? NameOf(IActorRef? actor) => _actors.FirstOrDefault(pair => pair.Value.Equals(actor)).Key;
}
