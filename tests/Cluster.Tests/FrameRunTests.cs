using ToNNO.Imaging.Nifti;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

/// <summary><c>tonno run --frame</c> over files of several frames.</summary>
public sealed class FrameRunTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_FrameOf4D_HeatmapOfThatFrameOnTheFilesGrid()
    {
        var (first, second) = (Workplace.Volume(1), Workplace.Volume(5));
        short[] dim = [4, (short)first.Shape.I, (short)first.Shape.J, (short)first.Shape.K, 2, 1, 1, 1];
        _work.Write("v.nii", [.. (first with { Dim = dim }).Plain(), .. second.Plain()[NiftiBytes.HeaderBytes..]]);
        _work.Write("alone.nii", second.Plain());
        string[] command = ["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "16"];
        var refused = await TonnoProcess.RunAsync(command);
        Assert.StartsWith("volume.not_3d: v: ", Assert.Single(refused.Errors), StringComparison.Ordinal);

        var outcome = await TonnoProcess.RunAsync([.. command, "--frame", "1"]);
        Assert.StartsWith("volume.frame_missing: alone-frame1: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.Equal(["alone", "v-frame1"], _work.Done());
        var (alone, frame) = (Heatmap("alone"), Heatmap("v-frame1"));
        Assert.Equal(alone.Volume.Samples.AsFloats(), frame.Volume.Samples.AsFloats());
        Assert.Equal((4, alone.Header.SForm), (frame.Header.Rank, frame.Header.SForm));

        var other = await TonnoProcess.RunAsync([.. command, "--frame", "0"]);
        Assert.True(other.ExitCode == 0, other.ToString());
        Assert.Equal(["alone", "alone-frame0", "v-frame0", "v-frame1"], _work.Done());
    }

    private NiftiVolume Heatmap(string id) =>
        NiftiReader.Read(Path.Combine(_work.Out, id, "heatmap.nii.gz"), long.MaxValue, TestContext.Current.CancellationToken);
}
