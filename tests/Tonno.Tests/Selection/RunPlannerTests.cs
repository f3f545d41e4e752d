using ToNNO.Coordinator.Api;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Tests.Selection;

/// <summary>Rules in an order, as <c>tonno submit</c> sends them.</summary>
public sealed class RunPlannerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("take:\n  - {name: CT, modality: CT}", null)]
    [InlineData("take:\n  - {name: MR, modality: MR}", "rules.nothing_taken")]
    [InlineData("take:\n  - {name: MR, modalities: MR}", "rules.unknown_key")]
    public async Task PlanAsync_OrderWithRules_IsPlannedByThemOrRefused(string rules, string? code)
    {
        foreach (var (at, slice) in new DicomBytes().Stack(3).Index())
        {
            File.WriteAllBytes(_folder[$"{at}"], slice.ToArray());
        }

        var planner = new RunPlanner(_folder["out"], "cpu");
        var order = new RunOrder { Sources = [_folder.Path], Model = "builtin:sum", Rules = rules };
        if (code is not null)
        {
            var refused = await Assert.ThrowsAsync<OrderRefusedException>(() => planner.PlanAsync(order, Cancel));
            Assert.Equal(code, refused.Code);
            Assert.True(code != "rules.nothing_taken" || refused.Message.Contains("(MR was not met by 1 for modality)", StringComparison.Ordinal), refused.Message);
            return;
        }

        var planned = await planner.PlanAsync(order, Cancel);
        Assert.Equal("CT", planned.TakenBy[Assert.Single(planned.Inputs).VolumeId]);
        Assert.Equal(1, Assert.Single(planned.Rules).Took);
    }
}
