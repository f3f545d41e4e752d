using ToNNO.Encoders.Training;

namespace ToNNO.Encoders.Tests.Training;

public sealed class RocCurveTests
{
    [Fact]
    public void Auc_KnownOrders_AreExact()
    {
        Assert.Equal(1, RocCurve.Auc([1, 2, 3, 4], [false, false, true, true]));
        Assert.Equal(0, RocCurve.Auc([4, 3, 2, 1], [false, false, true, true]));
        Assert.Equal(0.5, RocCurve.Auc([7, 7, 7], [false, true, false]));
        Assert.Equal(0.75, RocCurve.Auc([0.1f, 0.4f, 0.35f, 0.8f], [false, false, true, true]));
    }

    [Fact]
    public void Auc_RandomWithTies_AgreesWithPairCount()
    {
        var random = new Random(3);
        for (var trial = 0; trial < 50; trial++)
        {
            var scores = Enumerable.Range(0, 40).Select(_ => (float)random.Next(12)).ToArray();
            var positive = scores.Select((_, i) => i == 0 || (i != 1 && random.Next(2) == 0)).ToArray();
            var pairs = from p in Enumerable.Range(0, 40)
                        where positive[p]
                        from n in Enumerable.Range(0, 40)
                        where !positive[n]
                        select scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0;
            Assert.Equal(pairs.Average(), RocCurve.Auc(scores, positive), 1e-12);
        }
    }

    [Fact]
    public void Auc_WithoutBothGroups_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => RocCurve.Auc([1, 2], [true, true]));
        Assert.Throws<ArgumentException>(() => RocCurve.Auc([1, float.NaN], [true, false]));
        Assert.Throws<ArgumentException>(() => RocCurve.Auc([1], [true, false]));
    }
}
