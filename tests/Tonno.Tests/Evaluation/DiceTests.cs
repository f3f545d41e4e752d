using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public class DiceTests
{
    [Fact]
    public void Of_ClosedForms()
    {
        Assert.Equal(1, Dice.Of([0, 1, 1], [0, 1, 255]));
        Assert.Equal(0, Dice.Of([1, 0, 0], [0, 1, 1]));
        Assert.Equal(2.0 / 5, Dice.Of([1, 1, 0, 0], [0, 1, 1, 1]));
        Assert.Equal(0, Dice.Of([0, 0], [0, 1]));
        Assert.Equal(double.NaN, Dice.Of([0, 0], [0, 0]));
    }

    [Fact]
    public void Of_TwoIntervals_OverlapOverMeanLength()
    {
        // [0, 60) and [20, 100): 40 shared, 60 + 80 in all.
        var a = Enumerable.Range(0, 200).Select(x => (byte)(x < 60 ? 1 : 0)).ToArray();
        var b = Enumerable.Range(0, 200).Select(x => (byte)(x is >= 20 and < 100 ? 1 : 0)).ToArray();
        Assert.Equal(80.0 / 140, Dice.Of(a, b), 1e-15);
    }

    [Fact]
    public void Above_Bound_IsTheMaskOfPositiveValuesFromTheBoundOn()
    {
        byte[] reference = [1, 1, 0, 0];
        Assert.Equal(1, Dice.Above([3, 2, 1, 0], 2, reference));
        Assert.Equal(2.0 / 3, Dice.Above([3, 2, 1, 0], 2.5, reference));
        Assert.Equal(0.8, Dice.Above([3, 2, 1, 0], -1, reference), 1e-15); // 0 is never inside
    }

    [Fact]
    public void Of_OtherLength_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => Dice.Of([1], [1, 1]));
}
