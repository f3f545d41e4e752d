using System.Text.Json.Nodes;

namespace ToNNO.Cluster.Tests;

public sealed class SelfTestTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task SelfTest_IntoAStoreWithResults_PassesAndLeavesNothingOfItself()
    {
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        var made = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "20", "-q");
        Assert.True(made.ExitCode == 0, made.ToString());
        var before = Files();

        var tested = await TonnoProcess.RunAsync("selftest", "--source", _work.In, "-o", _work.Out, "--json");
        Assert.True(tested.ExitCode == 0, tested.ToString());
        var told = JsonNode.Parse(string.Concat(tested.Out))!;
        Assert.Equal((80, 0, 80), ((int)told["passed"]!, (int)told["failed"]!, told["phantoms"]!.AsArray().Count));
        Assert.Equal(before, Files());
    }

    [Fact]
    public async Task SelfTest_OfItself_TellsHowManyStand()
    {
        var tested = await TonnoProcess.RunAsync("selftest", "--device", "cpu");
        Assert.True(tested.ExitCode == 0, tested.ToString());
        Assert.StartsWith("80 of 80 phantoms stand where they were put; the farthest peak is 0.", Assert.Single(tested.Out), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SelfTest_OfAClusterWithoutPlaces_IsRefused()
    {
        var refused = await TonnoProcess.RunAsync("selftest", "--cluster");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--cluster needs --source and --output", string.Concat(refused.Errors), StringComparison.Ordinal);
    }

    /// <summary>All files but those that a store keeps for the processes that use it.</summary>
    private IReadOnlyList<string> Files() =>
    [
        .. new[] { _work.In, _work.Out }.SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => Path.GetFileName(file) is not ("coordinator.json" or "in-use" or "lock")).Order(StringComparer.Ordinal),
    ];
}
