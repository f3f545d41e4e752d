using System.Globalization;
using System.Text.RegularExpressions;

namespace ToNNO.Bench;

/// <summary>How many pods Kubernetes keeps, by KEDA's object as it is applied: from none to one and back by KEDA, in between by the
/// horizontal autoscaler's arithmetic (autoscaling/v2). In virtual seconds.</summary>
internal sealed partial class ScalingRule
{
    /// <summary>Seconds between two looks, the autoscaler's and KEDA's own.</summary>
    public const double Period = 15;

    /// <summary>By which the metric may miss its aim without consequence.</summary>
    private const double Tolerance = 0.1;

    private readonly double _threshold;
    private readonly double _cooldown;
    private readonly int _most;
    private readonly double _downWindow;
    private readonly (double Percent, double Seconds) _up;
    private readonly (int Pods, double Seconds) _upPods;
    private readonly (double Percent, double Seconds) _down;
    private readonly Queue<(double Time, int Pods)> _wanted = new();
    private readonly List<(double Time, int Change)> _changes = [];
    private double _lastActive;

    private ScalingRule(string file)
    {
        double Number(string pattern) => double.Parse(Regex.Match(file, pattern).Groups[1].Value, CultureInfo.InvariantCulture);
        (_threshold, _cooldown, _most) = (Number("threshold: \"(\\d+)\""), Number("cooldownPeriod: (\\d+)"), (int)Number("maxReplicaCount: (\\d+)"));
        _downWindow = Number("scaleDown:\\s+stabilizationWindowSeconds: (\\d+)");
        var policies = Policy().Matches(file).Select(match => (Value: double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), Seconds: double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture))).ToList();
        (_up, _upPods, _down) = (policies[0], ((int)policies[1].Value, policies[1].Seconds), policies[2]);
    }

    public static ScalingRule Read() =>
        new(File.ReadAllText(Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "deploy/k8s/components/autoscaling-keda/scaled-object.yaml")));

    /// <summary>The number of pods from now on.</summary>
    /// <param name="pods">As it is.</param>
    /// <param name="backlog">The metric: seconds.</param>
    public int Next(double now, int pods, double backlog)
    {
        _lastActive = backlog > 0 ? now : _lastActive;
        var next = pods == 0 ? (backlog > 0 ? 1 : 0)
            : now - _lastActive >= _cooldown ? 0
            : Scaled(now, pods, backlog);
        if (next != pods)
        {
            _changes.Add((now, next - pods));
        }

        return next;
    }

    private int Scaled(double now, int pods, double backlog)
    {
        var ratio = backlog / (_threshold * pods);
        var wanted = Math.Abs(ratio - 1) <= Tolerance ? pods : Math.Clamp((int)Math.Ceiling(backlog / _threshold), 1, _most);
        _wanted.Enqueue((now, wanted));
        while (_wanted.Peek().Time < now - _downWindow)
        {
            _wanted.Dequeue();
        }

        if (wanted > pods)
        {
            return Math.Min(wanted, Math.Max((int)Math.Ceiling((pods - Changed(now, _up.Seconds, up: true)) * (1 + (_up.Percent / 100))), pods - Changed(now, _upPods.Seconds, up: true) + _upPods.Pods));
        }

        var stable = Math.Min(pods, _wanted.Max(one => one.Pods));
        return Math.Max(stable, (int)((pods - Changed(now, _down.Seconds, up: false)) * (1 - (_down.Percent / 100))));
    }

    /// <summary>Pods that came, or went (negative), in the seconds before.</summary>
    private int Changed(double now, double seconds, bool up) => _changes.Where(change => change.Time > now - seconds && change.Change > 0 == up).Sum(change => change.Change);

    [GeneratedRegex(@"type: (Percent|Pods)\s+value: (\d+)\s+periodSeconds: (\d+)")]
    private static partial Regex Policy();
}
