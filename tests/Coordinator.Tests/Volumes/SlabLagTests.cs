using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class SlabLagTests
{
    [Fact]
    public void Applied_RowsStoredInOrder_LagFromTheirStoring()
    {
        var lag = new SlabLag(2);
        lag.Stored(new(0, 16), At(1));
        lag.Stored(new(16, 16), At(5));
        Assert.Equal([At(2)], lag.Applied(0, 16, At(3)));
        Assert.Equal([At(3)], lag.Applied(0, 32, At(8)));
        Assert.Equal([At(8), At(4)], lag.Applied(1, 32, At(9)));
    }

    /// <summary>What waits for rows before it waits for an encoder, not for a slab.</summary>
    [Fact]
    public void Applied_RowsStoredOutOfOrder_LagFromWhenThoseBeforeAreStored()
    {
        var lag = new SlabLag(1);
        lag.Stored(new(16, 16), At(1));
        lag.Stored(new(32, 16), At(2));
        Assert.Empty(lag.Applied(0, 0, At(3)));
        lag.Stored(new(0, 16), At(100));
        Assert.Equal([At(1), At(1), At(1)], lag.Applied(0, 48, At(101)));
    }

    [Fact]
    public void Applied_SlabThatWasLost_CountsNothingTwice()
    {
        var lag = new SlabLag(1);
        lag.Stored(new(0, 16), At(0));
        lag.Stored(new(16, 16), At(0));
        Assert.Single(lag.Applied(0, 16, At(1)));
        Assert.Empty(lag.Applied(0, 0, At(2)));
        Assert.Empty(lag.Applied(0, 16, At(3)));
        Assert.Equal([At(4)], lag.Applied(0, 32, At(4)));
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
