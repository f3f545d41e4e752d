using System.Diagnostics;
using ToNNO.Tests.Support;

namespace ToNNO.Bench;

/// <summary>Kills a node of a cluster now and then, as chance would have it.</summary>
/// <param name="spared">Names of nodes that are not killed.</param>
/// <param name="time">So long.</param>
/// <param name="seed">The same nodes in the same order for the same seed.</param>
internal sealed class SoakKiller(BenchCluster cluster, IReadOnlyList<string> spared, TimeSpan time, TimeSpan every, int seed)
{
    private readonly Random _random = new(seed);
    private readonly IReadOnlyList<NodeProcess> _victims = [.. cluster.Nodes.Where(node => !spared.Contains(node.Name))];
    private readonly Dictionary<string, int> _kills = [];

    /// <summary>By role.</summary>
    public IReadOnlyDictionary<string, int> Kills => ByRole(node => _kills.GetValueOrDefault(node.Name));

    /// <summary>As <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long LastKill { get; private set; }

    /// <summary>Lives that ended in another way, by role.</summary>
    public IReadOnlyDictionary<string, int> OtherEnds() => ByRole(node => node.Lives - 1 - _kills.GetValueOrDefault(node.Name));

    public async Task RunAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) + every < time)
        {
            await Task.Delay(every);
            var node = _victims[_random.Next(_victims.Count)];
            if (!node.IsRunning)
            {
                continue; // it ended by itself and is just coming back
            }

            node.Kill();
            LastKill = Stopwatch.GetTimestamp();
            _kills[node.Name] = _kills.GetValueOrDefault(node.Name) + 1;
            Console.Error.WriteLine(FormattableString.Invariant($"{Stopwatch.GetElapsedTime(begun).TotalSeconds:F0} s: killed {node.Name}"));
        }
    }

    private Dictionary<string, int> ByRole(Func<NodeProcess, int> count) =>
        cluster.Nodes.GroupBy(node => BenchCluster.RoleOf(node.Name)).ToDictionary(role => role.Key, role => role.Sum(count));
}
