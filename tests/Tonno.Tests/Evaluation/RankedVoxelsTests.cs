using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public class RankedVoxelsTests
{
    [Fact]
    public void Dice_RandomValues_IsThatOfTheMaskAtEveryBound()
    {
        foreach (var (values, reference) in Trials())
        {
            var voxels = new RankedVoxels(values, reference);
            foreach (var bound in values.Select(value => (double)value).Concat(values.Select(value => value + 0.5)).Append(double.NegativeInfinity).Append(double.PositiveInfinity))
            {
                Assert.Equal(Dice.Above(values, bound, reference), voxels.Dice(bound));
                Assert.Equal(values.Count(value => value > 0 && value >= bound), voxels.At(bound).Mask);
            }

            Assert.Equal(values.Max(), voxels.Peak);
            Assert.Equal(reference.Count(voxel => voxel != 0), voxels.ReferenceCount);
        }
    }

    [Fact]
    public void Dice_BoundBetweenFloats_CutsAsTheDoubleDoes()
    {
        var (value, bound) = (0.1f, (double)0.1f);
        var voxels = new RankedVoxels([value, value / 2], [1, 0]);
        Assert.Equal(1, voxels.Dice(bound));
        Assert.Equal(0, voxels.Dice(Math.BitIncrement(bound)));
    }

    [Fact]
    public void BestDice_RandomValues_IsTheBestOfAllBounds()
    {
        foreach (var (values, reference) in Trials())
        {
            var (best, bound) = new RankedVoxels(values, reference).BestDice();
            Assert.Equal(values.Where(value => value > 0).Select(value => Dice.Above(values, value, reference)).DefaultIfEmpty(0).Max(), best);
            Assert.Equal(best, Dice.Above(values, bound, reference));
        }
    }

    [Fact]
    public void BestDice_NothingPositive_IsZero() => Assert.Equal(0, new RankedVoxels([-1, 0], [1, 0]).BestDice().Dice);

    /// <summary>Against a sum over thresholds, each with its mask counted anew.</summary>
    [Fact]
    public void AveragePrecision_RandomValues_IsTheSumOverThresholds()
    {
        foreach (var (values, reference) in Trials())
        {
            var (expected, recallBefore) = (0.0, 0.0);
            foreach (var bound in values.Distinct().OrderDescending())
            {
                var taken = values.Zip(reference).Where(pair => pair.First >= bound).ToList();
                var inside = taken.Count(pair => pair.Second != 0);
                var recall = (double)inside / reference.Count(voxel => voxel != 0);
                expected += (recall - recallBefore) * inside / taken.Count;
                recallBefore = recall;
            }

            Assert.Equal(expected, new RankedVoxels(values, reference).AveragePrecision(), 1e-12);
        }
    }

    [Fact]
    public void AveragePrecision_ClosedForms()
    {
        Assert.Equal(1, new RankedVoxels([4, 3, 2, 1], [1, 1, 0, 0]).AveragePrecision());
        Assert.Equal(0.5, new RankedVoxels([2, 2, 2, 2], [1, 0, 1, 0]).AveragePrecision()); // tells nothing: the share of lesion
        Assert.Equal(((1.0 / 2) + (2.0 / 4)) / 2, new RankedVoxels([4, 3, 2, 1], [0, 1, 0, 1]).AveragePrecision());
    }

    [Fact]
    public void BalancedAccuracy_ClosedForms()
    {
        var voxels = new RankedVoxels([5, 4, 3, 2, 1], [1, 0, 1, 0, 0]);
        Assert.Equal((0.5 + 1) / 2, voxels.BalancedAccuracy(5));
        Assert.Equal((1 + (2.0 / 3)) / 2, voxels.BalancedAccuracy(3), 1e-15);
        Assert.Equal(0.5, voxels.BalancedAccuracy(6));
        Assert.Equal(1, new RankedVoxels([1, 2], [1, 1]).BalancedAccuracy(0.5));
    }

    [Fact]
    public void EmptyReference_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new RankedVoxels([1, 2], [0, 0]));

    private static IEnumerable<(float[] Values, byte[] Reference)> Trials()
    {
        var random = new Random(3);
        for (var trial = 0; trial < 50; trial++)
        {
            var values = Enumerable.Range(0, 40).Select(_ => (float)random.Next(-5, 10)).ToArray(); // many are equal
            var reference = Array.ConvertAll(values, value => (byte)(random.Next(10) < value ? 1 : 0));
            reference[0] = 1;
            yield return (values, reference);
        }
    }
}
