using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Real processes that really die. Whatever happens, every volume is completed once, with the bytes that one process makes.</summary>
public sealed class FailureTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    /// <summary>Longer than it takes to notice a node that is silent and to go on without it.</summary>
    private static readonly TimeSpan _longFreeze = TimeSpan.FromSeconds(25);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_NothingFails_SameBytesAsOneProcess()
    {
        await cluster.ReadyAsync();
        await (await cluster.SubmitAsync("calm")).AssertWholeAsync();
    }

    /// <summary>Of one block, which leaves a node idle; of three, the last of them of one direction, so that one node has fewer than the other; of six.</summary>
    [Theory]
    [InlineData(1, 1, 0)]
    [InlineData(33, 3, 1)]
    [InlineData(TestCluster.Directions, 6, 1)]
    public async Task Run_OneVolume_NodesThatHaveLittleOrNothingToDo_SameBytesAsOneProcess(int directions, int blocks, int least)
    {
        await cluster.ReadyAsync();
        var alone = await cluster.ReferenceAsync(cluster.Model, 1, directions);
        await cluster.UntilAsync("both encoders are free", async () => await cluster.LeasesAsync() is { FreeEncoders: 2 });
        var before = await StoredAsync();
        await (await cluster.SubmitAsync($"one{directions}", volumes: 1, directions: directions)).AssertWholeAsync(alone);
        double[] stored = [];
        await cluster.UntilAsync($"the nodes tell of {blocks} blocks", async () =>
            (stored = [.. (await StoredAsync()).Zip(before, (now, then) => now - then)]).Sum() >= blocks);
        Assert.Equal((blocks, true), (stored.Sum(), stored.Min() >= least));
    }

    /// <summary>Blocks whose rows each of the two nodes has stored.</summary>
    private Task<double[]> StoredAsync() =>
        Task.WhenAll(new[] { "slice-0", "slice-1" }.Select(name => cluster[name].MetricAsync("tonno_slice_stage_duration_seconds_count", "stage=\"store\"")));

    [Fact]
    public async Task Run_NoVolumes_EndsAndAccountsForIt_AndTheClusterIsIdle()
    {
        await cluster.ReadyAsync();
        var run = await cluster.SubmitAsync("none", volumes: 0);
        var refused = Assert.Single(await run.EndedAsync());
        Assert.Equal((VolumeState.Quarantined, "file.missing"), (refused.State, refused.ReasonCode));
        await cluster.UntilAsync("all encoders are free", async () =>
            await cluster.LeasesAsync() is { Blocks: 0, Encoders: 2, FreeEncoders: 2, OldestSeconds: 0, SecondsToDeadline: null });
    }

    [Fact]
    public async Task SliceNode_KilledMidLease_ItsLeasesGoToAnother()
    {
        var run = await cluster.UnderWayAsync("slicekill");
        var deaths = (await cluster.LeasesAsync()).Deaths;
        (await cluster.FrozenWithBlocksAsync("slice-0")).Kill();
        cluster.Hurry();
        await cluster.UntilAsync("a node is known to have died with blocks in its hands", async () => (await cluster.LeasesAsync()).Deaths > deaths);
        await run.AssertWholeAsync();
    }

    [Fact]
    public async Task ReconNode_KilledMidAccumulation_ItsSlabsAreMadeAnew()
    {
        var run = await cluster.UnderWayAsync("reconkill");
        var before = await BegunAnewAsync();
        (await cluster.AccumulatesAsync()).Kill();
        cluster.Hurry();
        await run.AssertWholeAsync();
        Assert.True(await BegunAnewAsync() > before, "no slab was begun anew");
    }

    [Fact]
    public async Task Coordinator_LeadingOneKilled_TheOtherGoesOnFromTheLedger()
    {
        var run = await cluster.UnderWayAsync("leadkill");
        var done = await run.LedgerAsync(atLeast: 2);
        var leader = await cluster.LeaderAsync();
        leader.Kill();
        cluster.Hurry();
        await run.AssertWholeAsync();
        await run.AssertUntouchedAsync(done);
        Assert.NotEqual(leader.Name, (await cluster.LeaderAsync()).Name);
    }

    [Fact]
    public async Task AllNodes_KilledAtOnce_GoOnWhenTheyAreBack()
    {
        var run = await cluster.UnderWayAsync("allkill");
        var done = await run.LedgerAsync(atLeast: 2);
        foreach (var node in cluster.Nodes)
        {
            node.Kill();
        }

        cluster.Hurry();
        await run.AssertWholeAsync();
        await run.AssertUntouchedAsync(done);
    }

    [Fact]
    public async Task SliceNode_FrozenForLongerThanTheFailureDetectorWaits_IsDoneWithoutAndJoinsAnew()
    {
        var run = await cluster.UnderWayAsync("freeze");
        var lives = cluster["slice-1"].Lives;
        var frozen = await cluster.FrozenWithBlocksAsync("slice-1");
        cluster.Hurry();
        await Task.Delay(_longFreeze, Cancel); // the freeze itself, not a wait for something
        frozen.Continue();
        // Until then it may still write what it had begun: a later verify removes that.
        await cluster.UntilAsync("the node that was frozen has begun anew", () => Task.FromResult(frozen.Lives > lives));
        Assert.Equal(4, frozen.ExitCode);
        await run.AssertWholeAsync();
        await cluster.ReadyAsync();
    }

    [Fact]
    public async Task SliceNode_JoinsHalfWay_ThenIsDrained_LeavesInTime()
    {
        var run = await cluster.UnderWayAsync("join");
        await run.ControlAsync("pause"); // until it has come, however slow this machine is
        var joined = cluster.Join("slice-2");
        await cluster.ReadyAsync();
        await run.ControlAsync("resume");
        await cluster.HoldsBlocksAsync("slice-2");
        var deaths = (await cluster.LeasesAsync()).Deaths;
        cluster.Hurry();
        var (code, took) = await joined.DrainAsync(Cancel);
        Assert.Equal(0, code);
        Assert.True(took < TimeSpan.FromSeconds(30), $"it took {took}");
        await cluster.ForgetAsync("slice-2");
        await run.AssertWholeAsync();
        Assert.Equal(deaths, (await cluster.LeasesAsync()).Deaths); // what it had it gave back
    }

    [Fact]
    public async Task Coordinator_LeadingOneDrained_LeavesInTimeAndTheOtherGoesOn()
    {
        var run = await cluster.UnderWayAsync("leaddrain");
        var leader = await cluster.LeaderAsync();
        cluster.Hurry();
        await DrainAsync(leader);
        await run.AssertWholeAsync();
        Assert.NotEqual(leader.Name, (await cluster.LeaderAsync()).Name);
    }

    [Fact]
    public async Task ReconNode_DrainedMidAccumulation_LeavesInTimeAndItsSlabsAreMadeAnew()
    {
        var run = await cluster.UnderWayAsync("recondrain");
        var before = await BegunAnewAsync();
        var leaving = await cluster.AccumulatesAsync();
        cluster.Hurry();
        await DrainAsync(leaving); // slabs are not moved: the rows that come next find slabs that have none
        await run.AssertWholeAsync();
        Assert.True(await BegunAnewAsync() > before, "no slab was begun anew");
    }

    private async Task<double> BegunAnewAsync() => await (await cluster.LeaderAsync()).MetricAsync("tonno_coordinator_retries_total", "recon.begun_anew");

    private async Task DrainAsync(NodeProcess node)
    {
        var (code, took) = await node.DrainAsync(Cancel);
        Assert.Equal(0, code);
        Assert.True(took < TimeSpan.FromSeconds(30), $"{node.Name} took {took}");
        await cluster.StartAgainAsync(node);
    }

    [Fact]
    public async Task Volume_ThatKillsItsProcess_IsSetAsideAfterTwoAttemptsAndItsNeighboursComplete()
    {
        await cluster.ReadyAsync();
        var lives = cluster["slice-0"].Lives + cluster["slice-1"].Lives;
        var fatal = cluster["fatal", "poison.nii"];
        Directory.CreateDirectory(Path.GetDirectoryName(fatal)!);
        await File.WriteAllBytesAsync(fatal, SmallModel.FatalVolume(), Cancel);
        var model = SmallModel.SaveFatal(cluster["fatal", "model"]);
        var alone = await cluster.ReferenceAsync(model, 8);
        var run = await cluster.SubmitAsync("poison", 8, model, fatal);
        var volumes = await run.EndedAsync();
        var poison = Assert.Single(volumes, volume => volume.State != VolumeState.Completed);
        Assert.Equal(("poison", VolumeState.Quarantined, "volume.kills_process"), (poison.VolumeId.Value, poison.State, poison.ReasonCode));
        Assert.Contains("poison", poison.Detail, StringComparison.Ordinal);
        await run.AssertSameBytesAsync(alone);
        await cluster.ReadyAsync();
        var entry = JsonNode.Parse((await cluster.Store.ReadAsync(".tonno/ledger/poison.json", Cancel)).Bytes.Span)!;
        Assert.Equal(2, entry["deaths"]!["places"]!.AsArray().Max(place => (int)place!["times"]!)); // at one place, and no oftener at any
        // Each with the nodes that had a part of the volume: its blocks are in several hands.
        Assert.InRange(cluster["slice-0"].Lives + cluster["slice-1"].Lives, lives + 2, lives + 4);
    }

    [Theory]
    [InlineData(Fault.Refuse)]
    [InlineData(Fault.Hang)]
    [InlineData(Fault.LoseAnswers)]
    public async Task Store_FailsForAWhile_WorkWaitsAndGoesOn(Fault fault)
    {
        var run = await cluster.UnderWayAsync($"store{fault.ToString().ToLowerInvariant()}");
        cluster.Proxy.Set(fault);
        await Task.Delay(TimeSpan.FromSeconds(8), Cancel); // the outage itself
        var met = cluster.Proxy.Met;
        cluster.Proxy.Set(Fault.None);
        cluster.Hurry();
        Assert.True(met > 0, "nobody came to the store while it failed");
        await run.AssertWholeAsync();
    }

    [Fact]
    public async Task Store_AnswersLate_WorkGoesOn()
    {
        await cluster.ReadyAsync();
        cluster.Proxy.Delay = TimeSpan.FromMilliseconds(100); // each piece, either way
        try
        {
            await (await cluster.SubmitAsync("storeslow", volumes: 6)).AssertWholeAsync();
        }
        finally
        {
            cluster.Hurry();
        }
    }
}
