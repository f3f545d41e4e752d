using System.Diagnostics;

namespace ToNNO.Cluster.Tests;

/// <summary>Waits for what the world does by itself, and not for ever.</summary>
internal static class Eventually
{
    /// <summary>Seldom: nodes that are asked have little more than a core between them.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Returns when a condition holds; fails where it does not within <paramref name="patience"/>.</summary>
    /// <param name="what">The condition in words: "all nodes are up".</param>
    /// <param name="lookEvery">250 ms where it is not given.</param>
    /// <param name="told">What helps to see why it did not.</param>
    public static async Task HoldsAsync(string what, TimeSpan patience, Func<Task<bool>> condition, Func<string>? told = null, TimeSpan? lookEvery = null)
    {
        var begun = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(begun) < patience, $"It never came to be that {what}.\n{told?.Invoke()}");
            await Task.Delay(lookEvery ?? _pause, TestContext.Current.CancellationToken);
        }
    }
}
