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
        Assert.Equal(new RunProtocol.RunProgressed(new("r"), 2, 0, 0.75, 35), progress.ToMessage(new("r")));
        Assert.Equal(new RunProtocol.RunProgressed(new("r"), 2, 1, 0.75, 35), progress.Concluded(_a).ToMessage(new("r")));
    }
}
