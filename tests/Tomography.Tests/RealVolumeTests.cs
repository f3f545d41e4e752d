using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Tests;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests;

public class RealVolumeTests
{
    [Fact]
    public void Reconstruct_SumOfPixelsOfAMagneticResonanceVolume_CorrelatesInsideTheBall()
    {
        // Voxels of .98 x .98 x 3.27 mm, and tissue up to the faces of the box. 2048 directions at the default spacing are
        // .43 of the ball's Nyquist number, 4755, which gives r = .990 in more than twice the time.
        var path = SharedData.Path("ibsi-sts/nifti/STS_025/MR_T1_image.nii.gz");
        var volume = NiftiReader.Read(path, 1 << 26, TestContext.Current.CancellationToken).Volume;
        var plan = SamplingPlan.For(volume.Geometry, DirectionSet.Create(DirectionSetKind.Rings, 2048));

        var correlation = Phantom.CorrelationInBall(volume, Phantom.Invert(volume, plan));

        var found = $"r = {correlation:F4} with {plan.Directions.Count} directions of {plan.OffsetCount} slices";
        TestContext.Current.TestOutputHelper?.WriteLine(found);
        Assert.True(correlation > 0.98, found);
    }
}
