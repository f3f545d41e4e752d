using ToNNO.Coordinator.Api;

namespace ToNNO.Coordinator.Tests.Api;

public sealed class RunOrderTests
{
    private static readonly Dictionary<string, Func<RunOrder, RunOrder>> _options = new()
    {
        [nameof(RunOrder.Cam)] = order => order with { Cam = "layercam" },
        [nameof(RunOrder.Layer)] = order => order with { Layer = "layer3" },
        [nameof(RunOrder.Directions)] = order => order with { Directions = RunOrder.StandardDirections },
        [nameof(RunOrder.Set)] = order => order with { Set = "rings" },
        [nameof(RunOrder.SpacingMm)] = order => order with { SpacingMm = 2 },
        [nameof(RunOrder.PixelMm)] = order => order with { PixelMm = 2 },
        [nameof(RunOrder.Size)] = order => order with { Size = 64 },
        [nameof(RunOrder.Alpha)] = order => order with { Alpha = 1 },
        [nameof(RunOrder.Window)] = order => order with { Window = "hann" },
        [nameof(RunOrder.Adaptive)] = order => order with { Adaptive = true },
        [nameof(RunOrder.Until)] = order => order with { Until = 0.1 },
    };

    [Theory]
    [InlineData("tonno", "Cam", "Layer")]
    [InlineData("averaged-cam", "Adaptive", "Alpha", "Until", "Window")]
    [InlineData("tomographic-cam", "Adaptive", "Until")]
    [InlineData("cam-axis", "Adaptive", "Alpha", "Directions", "Set", "Until", "Window")]
    [InlineData("cam-3axis", "Adaptive", "Alpha", "Directions", "Set", "Until", "Window")]
    [InlineData("centre-blob", "Adaptive", "Alpha", "Cam", "Directions", "Layer", "PixelMm", "Set", "Size", "SpacingMm", "Until", "Window")]
    public void Misplaced_EachOptionWithAMethod_AreThoseThatSayNothingOfIt(string method, params string[] misplaced)
    {
        var order = Order() with { Method = method };
        Assert.Empty(order.Misplaced());
        Assert.Equal(misplaced, _options.Where(option => option.Value(order).Misplaced().Select(one => one.Option).Contains(option.Key)).Select(option => option.Key).Order(StringComparer.Ordinal));
        Assert.Equal(misplaced, _options.Values.Aggregate(order, (all, option) => option(all)).Misplaced().Select(one => one.Option).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Faults_AllThatIsWrong_IsToldAtOnce()
    {
        var faults = (Order() with { Sources = [], Method = "cam-axis", SpacingMm = -1, Until = 0.5, RunId = "a/b" }).Faults();
        Assert.Equal(4, faults.Count);
        Assert.Contains("until goes with method tonno, not with cam-axis: leave it out.", faults);
        Assert.Empty(Order().Faults());
    }

    private static RunOrder Order() => new() { Sources = ["/archive"], Model = "builtin:sum" };
}
