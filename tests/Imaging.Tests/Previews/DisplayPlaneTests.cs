using ToNNO.Imaging.Previews;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Previews;

public class DisplayPlaneTests
{
    [Fact]
    public void Of_NiftiDefaultOrder_PutsPatientRightLeftAndHeadUp()
    {
        var planes = DisplayPlane.Of(new(new(10, 20, 30), AffineTransform.Scaling(1, 2, 3)));

        Assert.Equal(["Axial R-L A-P", "Coronal R-L S-I", "Sagittal A-P S-I"], planes.Select(Letters));
        Assert.Equal([(0, 1, 2), (0, 2, 1), (1, 2, 0)], planes.Select(
            plane => (plane.Columns.IndexAxis, plane.Rows.IndexAxis, plane.Normal.IndexAxis)));
        Assert.All(planes, plane => Assert.True(plane.Columns.Reversed && plane.Rows.Reversed));
        Assert.Equal((10, 40), (planes[0].Columns.ExtentMm, planes[0].Rows.ExtentMm));
    }

    [Fact]
    public void Of_EveryAxisOrder_KeepsTheLettersAndTurnsTheAxes()
    {
        foreach (var (geometry, order) in AxisOrders.All(new(4, 5, 6), new(1, 2, 3)))
        {
            var planes = DisplayPlane.Of(geometry);
            Assert.Equal(["Axial R-L A-P", "Coronal R-L S-I", "Sagittal A-P S-I"], planes.Select(Letters));
            Assert.Equal([order[2], order[1], order[0]], planes.Select(plane => plane.Normal.IndexAxis));
            Assert.All(planes, plane => Assert.Equal(
                StepAlong(geometry, plane.Columns) > 0, plane.Columns.Reversed));
        }
    }

    [Fact]
    public void Of_ObliqueWhereTwoAxesAreNearestToOne_GivesEachItsOwn()
    {
        // i and j both lean to x; j the less, so it must take y.
        var affine = new AffineTransform(new(1, 0.1, 0), new(0.9, -0.8, 0), new(0, 0, 1), default);
        var planes = DisplayPlane.Of(new(new(4, 5, 6), affine));

        Assert.Equal((0, 1), (planes[0].Columns.IndexAxis, planes[0].Rows.IndexAxis));
        Assert.True(planes[0].Columns.Reversed);
        Assert.False(planes[0].Rows.Reversed);
    }

    [Fact]
    public void Cut_CoronalPlane_ReadsTheVoxelsThatItShows()
    {
        var shape = new VolumeShape(2, 3, 4);
        var coronal = DisplayPlane.Of(new(shape, AffineTransform.Scaling(1, 1, 1)))[1];
        var samples = Enumerable.Range(0, 24).Select(index => (float)index).ToArray();

        // Top left is the right (i = 1) of the head (k = 3), at j = 1.
        var plane = VolumeGlimpse.Of(samples, shape, new HeatmapPeak(0, 1, 0, 1, true)).Cut(coronal);
        Assert.Equal(1 + (2 * (1 + (3 * 3))), plane[0]);
        Assert.Equal(0 + (2 * (1 + (3 * 0))), plane[^1]);
    }

    private static string Letters(DisplayPlane plane) =>
        $"{plane.Plane} {plane.Columns.StartLetter}-{plane.Columns.EndLetter} {plane.Rows.StartLetter}-{plane.Rows.EndLetter}";

    private static double StepAlong(VolumeGeometry geometry, DisplayAxis axis)
    {
        var step = axis.IndexAxis switch { 0 => geometry.Affine.I, 1 => geometry.Affine.J, _ => geometry.Affine.K };
        return axis.StartLetter switch { 'R' => step.X, 'A' => step.Y, _ => step.Z };
    }
}
