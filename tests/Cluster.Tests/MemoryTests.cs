using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

public sealed class MemoryTests : IDisposable
{
    private const int Volumes = 40;

    /// <summary>The heap fills up first. If what a volume takes while it is worked on (volume, slabs and heatmap: 3 MB)
    /// stayed, the last third would have 80 MB more.</summary>
    private const long MarginMb = 60;

    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_FortyVolumesWithATorchModel_MemoryStaysFlat()
    {
        for (var index = 0; index < Volumes; index++)
        {
            var volume = new NiftiBytes { Shape = new(64, 64, 60), Intensity = (i, j, k) => (((i * 7) + (j * 13) + (k * 29) + index) % 97) / 97f };
            _work.Write($"v{index:D2}.nii.gz", volume.Gzip());
        }

        var model = SmallModel.Save(_work["model"]);
        var residentMb = new List<long>();
        var outcome = await TonnoProcess.RunAsync(
            ["run", "-i", _work.In, "-m", model, "-o", _work.Out, "--directions", "32"],
            (process, line) =>
            {
                if (line.Contains(": completed in", StringComparison.Ordinal))
                {
                    residentMb.Add(TonnoProcess.MemoryKb(process, "VmRSS") >> 10);
                }
            });
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(Volumes, residentMb.Count);
        TestContext.Current.TestOutputHelper!.WriteLine($"resident after each volume, MB: {string.Join(", ", residentMb)}; peak {outcome.PeakMb}");
        var (first, last) = (residentMb[..13].Max(), residentMb[^13..].Max());
        Assert.True(last <= first + MarginMb, $"{first} MB in the first third, {last} MB in the last");
    }
}
