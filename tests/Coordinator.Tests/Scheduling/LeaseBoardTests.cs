using CsCheck;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class LeaseBoardTests
{
    private readonly LeaseBoard _board = new();

    [Fact]
    public void Match_EncoderHoldsAVolume_GetsThatVolumeBeforeALargerOne()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Assert.Equal("small", VolumeOf(Request("e", "small")));
    }

    [Fact]
    public void Match_NothingHeld_LargestThatNobodyWorksOnFirst()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Assert.Equal("large", VolumeOf(Request("e1")));
        Assert.Equal("small", VolumeOf(Request("e2")));
    }

    [Fact]
    public void Match_AllVolumesStarted_JoinsTheOneWithMostLeft()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Request("e1");
        Request("e2");
        Assert.Equal("large", VolumeOf(Request("e3")));
    }

    [Fact]
    public void Match_RequestRepeated_OneLease()
    {
        _board.Request("e", []);
        _board.Request("e", []);
        Offer("a");
        Assert.Single(_board.Match());
        Assert.Empty(_board.Match());
    }

    [Fact]
    public void Match_SeveralEncoders_LongestWaitingFirst()
    {
        _board.Request("e2", []);
        _board.Request("e1", []);
        _board.Add(SmallWork.Task(), [new(0, 16)]);
        Assert.Equal("e2", Assert.Single(_board.Match()).EncoderId);
    }

    [Fact]
    public void Forget_EncoderGone_GetsNothingAndBlocksNobody()
    {
        _board.Request("gone", []);
        _board.Request("here", []);
        _board.Forget("gone");
        Offer("a");
        Assert.Equal("here", Assert.Single(_board.Match()).EncoderId);
    }

    [Fact]
    public void Withdraw_VolumeDoneWith_NoneOfItsLeases()
    {
        Offer("a");
        _board.Withdraw(new("a"));
        Assert.Null(Request("e"));
    }

    [Fact]
    public void Add_RangeThatWaitsAlready_GrantedOnce()
    {
        var task = SmallWork.Task();
        _board.Add(task, [new(0, 16)]);
        _board.Add(task, [new(0, 16)]);
        Assert.NotNull(Request("e1"));
        Assert.Null(Request("e2"));
    }

    /// <summary>Random offers, requests, disappearances and withdrawals: a range goes to one encoder, and only to a free one.</summary>
    [Fact]
    public void Match_RandomHistory_EveryRangeOnceAndOnlyToFreeEncoders() => Gen.Int[0, 9].Array[1, 80].Sample(steps =>
    {
        var board = new LeaseBoard();
        var random = new Random(steps.Aggregate(17, (seed, step) => unchecked((seed * 31) + step)));
        var (free, open, granted) = (new HashSet<string>(), new HashSet<(string, int)>(), new HashSet<(string, int)>());
        var offered = 0;

        void Match()
        {
            foreach (var grant in board.Match())
            {
                var range = (grant.Task.VolumeId.Value, grant.Directions.First);
                Assert.True(free.Remove(grant.EncoderId), $"{grant.EncoderId} was not free");
                Assert.True(open.Remove(range), $"{range} was not open");
                Assert.True(granted.Add(range), $"{range} was granted before");
            }

            Assert.True(free.Count == 0 || open.Count == 0, "an encoder idles beside open work");
        }

        foreach (var step in steps)
        {
            var (encoder, volume) = ($"e{random.Next(4)}", $"v{random.Next(4)}");
            switch (step)
            {
                case < 3:
                    var first = 16 * offered++;
                    board.Add(SmallWork.Task(volume), [new(first, 16)]);
                    open.Add((volume, first));
                    break;
                case < 7:
                    board.Request(encoder, [new(volume)]);
                    free.Add(encoder);
                    break;
                case 7:
                    board.Forget(encoder);
                    free.Remove(encoder);
                    break;
                case 8:
                    board.Withdraw(new(volume));
                    open.RemoveWhere(range => range.Item1 == volume);
                    break;
            }

            Match();
        }

        for (var encoder = 0; open.Count > 0; encoder++)
        {
            board.Request($"last{encoder}", []);
            free.Add($"last{encoder}");
            Match();
        }
    });

    private void Offer(string id, int edge = 8)
    {
        var task = SmallWork.Task(id, edge);
        _board.Add(task, SmallWork.Leases(task));
    }

    private LeaseBoard.Grant? Request(string encoder, params string[] cached)
    {
        _board.Request(encoder, [.. cached.Select(id => new VolumeId(id))]);
        return _board.Match().SingleOrDefault();
    }

    private static string? VolumeOf(LeaseBoard.Grant? grant) => grant?.Task.VolumeId.Value;
}
