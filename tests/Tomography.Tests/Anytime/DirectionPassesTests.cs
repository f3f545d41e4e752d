using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;

namespace ToNNO.Tomography.Tests.Anytime;

public class DirectionPassesTests
{
    [Fact]
    public void Ends_AnyCount_RiseByAQuarterOrMoreInWholeBlocksAndEndWithTheSet()
    {
        for (var count = 1; count < 3000; count++)
        {
            var ends = DirectionPasses.Ends(count);

            Assert.Equal(count, ends[^1]);
            Assert.All(ends.SkipLast(1), end => Assert.Equal(0, end % Backprojector.BlockSize));
            Assert.All(ends.Zip(ends.Skip(1)), pair => Assert.InRange(pair.Second / (double)pair.First, 1.25, 2));
            Assert.Equal(count < 1.25 * DirectionPasses.Coarse ? count : DirectionPasses.Coarse, ends[0]);
        }
    }

    [Fact]
    public void Ends_Four_Hundred_AreThoseOfTheManual() =>
        Assert.Equal([32, 48, 64, 96, 128, 192, 256, 400], DirectionPasses.Ends(400));
}
