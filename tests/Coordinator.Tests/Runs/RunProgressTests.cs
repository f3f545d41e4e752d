using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Runs;

public class RunProgressTests
{
    private static readonly VolumeId _a = new("a");
    private static readonly VolumeId _b = new("b");

    [Fact]
    public void Of_NoVolumes_IsFinished() => Assert.True(RunProgress.Of([]).Finished);

    [Fact]
    public void Started_OneOfTwo_CountsAsRunningUntilConcluded()
    {
        var progress = RunProgress.Of([_a, _b]).Started();
        Assert.Equal((1, (int?)1), (progress.Running, progress.NextWaiting));
        progress = progress.Concluded(_a);
        Assert.Equal((0, 1, false), (progress.Running, progress.ConcludedVolumes, progress.Finished));
        Assert.False(progress.IsOpen(_a));
        progress = progress.Started().Concluded(_b);
        Assert.True(progress.Finished);
        Assert.Null(progress.NextWaiting);
    }

    [Fact]
    public void ToMessage_VolumesInWork_CountByTheirLeases()
    {
        var progress = RunProgress.Of([_a, _b]).Started().Started()
            .Advanced(new VolumeProtocol.VolumeAdvanced(_a, 3, 1, 10))
            .Advanced(new VolumeProtocol.VolumeAdvanced(_a, 3, 3, 20))
            .Advanced(new VolumeProtocol.VolumeAdvanced(_b, 2, 1, 5));
        // Publishing counts as one lease more.
        Assert.Equal(((3 / 4.0) + (1 / 3.0)) / 2, progress.ToMessage(new("r")).Fraction, 12);
        Assert.Equal((1 + (1 / 3.0)) / 2, progress.Concluded(_a).ToMessage(new("r")).Fraction, 12);
        Assert.Equal((2, 1, 35), (progress.ToMessage(new("r")).Volumes, progress.Concluded(_a).ToMessage(new("r")).Concluded, progress.ToMessage(new("r")).SlicesEncoded));
    }
}
