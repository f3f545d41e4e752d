namespace ToNNO.Cluster.Tests;

public sealed class InterruptionTests : IDisposable
{
    private readonly Workplace _work = new();
    private readonly Workplace _calm = new();

    public void Dispose()
    {
        _work.Dispose();
        _calm.Dispose();
    }

    [Fact]
    public async Task Run_CtrlC_NothingHalfPublishedAndTheNextRunGivesTheSameBytes()
    {
        await CalmAsync();
        using var process = TonnoProcess.Start(Arguments(_work));
        await Workplace.UntilAsync(() => process.HasExited || _work.StoredRows() >= 3);
        process.PressCtrlC();
        var interrupted = await process.ExitAsync();
        Assert.True(interrupted.ExitCode == 130, interrupted.ToString());
        Assert.StartsWith("interrupted: ", Assert.Single(interrupted.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain(" 0 unfinished", interrupted.Summary, StringComparison.Ordinal);
        Assert.True(_work.Done().Count < 3);

        var resumed = await TonnoProcess.RunAsync(Arguments(_work));
        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.Equal(_calm.HeatmapHashes(), _work.HeatmapHashes());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Run_CtrlCAtAnyMomentOnceOrMore_EndsWithTheSentenceAlone(int presses)
    {
        _work.Write("v.nii", Workplace.Volume(1, edge: 36).Plain());
        for (var moment = 200; moment <= 1400; moment += 300)
        {
            // From the moment that the program hears signals at all.
            using var process = TonnoProcess.Start(["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work[$"out{moment}"], "--directions", "2000"]);
            await Workplace.UntilAsync(() => process.HasExited || process.HearsCtrlC());
            await Task.WhenAny(process.ExitAsync(), Task.Delay(moment, TestContext.Current.CancellationToken));
            for (var press = 0; press < presses && !process.HasExited; press++)
            {
                process.PressCtrlC();
            }

            var interrupted = await process.ExitAsync();
            Assert.True(interrupted.ExitCode == 130, interrupted.ToString());
            Assert.StartsWith("interrupted: ", Assert.Single(interrupted.Errors), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Run_KilledAtRandomMoments_EndsCompleteWithTheSameBytes()
    {
        await CalmAsync();
        var random = new Random(20261123);
        for (var round = 0; round < 4; round++)
        {
            // Twice in a row without a block more would convict a volume that was in work, on a machine however slow.
            var rows = _work.Undone().ToDictionary(id => id, _work.StoredRows);
            using var process = TonnoProcess.Start(Arguments(_work));
            await Workplace.UntilAsync(() => round == 0 || process.HasExited || rows.Keys.Intersect(_work.Undone()).All(id => _work.StoredRows(id) > rows[id]));
            var moment = TimeSpan.FromMilliseconds(random.Next(0, 2000));
            await Task.WhenAny(process.ExitAsync(), Task.Delay(moment, TestContext.Current.CancellationToken));
            process.Kill();
            await process.ExitAsync();
            _work.Done();
        }

        var outcome = await TonnoProcess.RunAsync(Arguments(_work));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(_calm.HeatmapHashes(), _work.HeatmapHashes());
    }

    private static string[] Arguments(Workplace work) => ["run", "-i", work.In, "-m", "builtin:sum", "-o", work.Out, "--directions", "320"];

    private async Task CalmAsync()
    {
        for (var index = 0; index < 3; index++)
        {
            var volume = Workplace.Volume(index, edge: 36).Gzip();
            _work.Write($"v{index}.nii.gz", volume);
            _calm.Write($"v{index}.nii.gz", volume);
        }

        var calm = await TonnoProcess.RunAsync(Arguments(_calm));
        Assert.True(calm.ExitCode == 0, calm.ToString());
        Assert.Equal(3, _calm.Done().Count);
    }
}
