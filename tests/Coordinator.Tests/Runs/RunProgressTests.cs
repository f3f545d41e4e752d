using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Runs;

public class RunProgressTests
{
    private static readonly VolumeId _a = new("a");
    private static readonly VolumeId _b = new("b");

    [Fact]
    public void Of_NoVolumes_IsFinished() => Assert.True(RunProgress.Of(0).Finished);

    [Fact]
    public void Started_OneOfTwo_IsInWorkUntilConcluded()
    {
        var progress = RunProgress.Of(2).Started(_a);
        Assert.True(progress.IsInWork(_a));
        progress = progress.Concluded(_a, VolumeState.Warning, reused: true);
        Assert.Equal((false, 1, false), (progress.IsInWork(_a), progress.Counts.Total, progress.Finished));
        progress = progress.Started(_b).Concluded(_b, VolumeState.Quarantined, reused: false);
        Assert.True(progress.Finished);
        Assert.Equal(new RunCounts(1, 1, 1, 0, 1, 0), progress.Counts);
    }

    [Fact]
    public void Found_EndedBefore_CountWithoutHavingBeenInWork() =>
        Assert.Equal(
            new RunCounts(2, 0, 1, 1, 0, 0),
            RunProgress.Of(3).Concluded(new("a"), VolumeState.Completed, reused: false).Found(new RunCounts(1, 0, 1, 1, 0, 0)).Counts);

    [Fact]
    public void ToMessage_VolumesInWork_CountByTheirLeases()
    {
        var progress = RunProgress.Of(2).Started(_a).Started(_b)
            .Advanced(new VolumeProtocol.VolumeAdvanced(_a, 3, 1, 10))
            .Advanced(new VolumeProtocol.VolumeAdvanced(_a, 3, 3, 20))
            .Advanced(new VolumeProtocol.VolumeAdvanced(_b, 2, 1, 5));
        // Publishing counts as one lease more.
        Assert.Equal(((3 / 4.0) + (1 / 3.0)) / 2, progress.ToMessage(new("r")).Fraction, 12);
        var concluded = progress.Concluded(_a, VolumeState.Completed, reused: false).ToMessage(new("r"));
        Assert.Equal((1 + (1 / 3.0)) / 2, concluded.Fraction, 12);
        Assert.Equal((2, 1, 35), (concluded.Volumes, concluded.Concluded, concluded.SlicesEncoded));
    }
}
