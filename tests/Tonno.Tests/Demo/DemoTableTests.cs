using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

public class DemoTableTests
{
    [Fact]
    public void Format_Cases_AreInColumns()
    {
        var volume = new Volume(new(new(2, 2, 2), AffineTransform.Scaling(1, 1, 1)), new float[8]);
        DemoCase Case(string id, double dice, bool peak, double seconds) => new(id, dice, 0.9, 0.25, peak, TimeSpan.FromSeconds(seconds))
        {
            PreviewPng = default,
            Image = volume,
            Heatmap = default,
            Threshold = new(0.5, OfPeak: true),
        };
        DemoCase[] cases = [Case("a", 0.5, true, 1), Case("long-name", double.NaN, false, 20)];
        Assert.Equal(
            """
            case       Dice  own best  centre blob  peak in tumour  seconds
            ---------------------------------------------------------------
            a          0.50      0.90         0.25             yes      1.0
            long-name     -      0.90         0.25              no     20.0
            ---------------------------------------------------------------
            mean       0.50      0.90         0.25          1 of 2     10.5

            """.ReplaceLineEndings(),
            DemoTable.Format(cases, DemoMeans.Of(cases)));
    }
}
