using k8s.Models;

namespace ToNNO.Bench;

/// <summary>The horizontal pod autoscaler's own arithmetic, for one external metric with an average value. In virtual seconds.</summary>
/// <remarks>As kubernetes/pkg/controller/podautoscaler has it: the recommendation (replica_calculator.go, GetExternalPerPodMetricReplicas), its
/// stabilization over both windows, then the limits of the policies (horizontal.go, stabilizeRecommendationWithBehaviors and
/// convertDesiredReplicasWithBehaviorRate).</remarks>
/// <param name="target">Of the metric, for each pod.</param>
internal sealed class HorizontalAutoscaler(int least, int most, double target, V2HorizontalPodAutoscalerBehavior behavior)
{
    /// <summary>Seconds between two looks: --horizontal-pod-autoscaler-sync-period.</summary>
    public const double Period = 15;

    /// <summary>By which the metric may miss its aim without consequence: --horizontal-pod-autoscaler-tolerance.</summary>
    private const double Tolerance = 0.1;

    private readonly List<(double Time, int Pods)> _recommended = [];
    private readonly List<(double Time, int Change)> _changes = [];

    public int Least { get; } = least;

    /// <summary>The number of pods from now on.</summary>
    /// <param name="pods">As it is; at least one.</param>
    public int Next(double now, int pods, double metric)
    {
        var wanted = Stabilized(now, pods, Math.Abs((metric / (target * pods)) - 1) <= Tolerance ? pods : (int)Math.Ceiling(metric / target));
        var next = wanted > pods ? Math.Min(wanted, Math.Min(most, Math.Max(pods, Limit(now, pods, behavior.ScaleUp, up: true))))
            : wanted < pods ? Math.Max(wanted, Math.Max(Least, Math.Min(pods, Limit(now, pods, behavior.ScaleDown, up: false))))
            : pods;
        Changed(now, next - pods);
        return next;
    }

    /// <summary>Pods came, or went (negative).</summary>
    public void Changed(double now, int change)
    {
        if (change != 0)
        {
            _changes.Add((now, change));
        }
    }

    /// <summary>No more than was recommended at any time in the one window, no fewer than at any in the other.</summary>
    private int Stabilized(double now, int pods, int recommended)
    {
        var (up, down) = (behavior.ScaleUp.StabilizationWindowSeconds ?? 0, behavior.ScaleDown.StabilizationWindowSeconds ?? 300);
        _recommended.RemoveAll(one => one.Time <= now - Math.Max(up, down));
        _recommended.Add((now, recommended));
        int[] Within(double window) => [recommended, .. _recommended.Where(one => one.Time > now - window).Select(one => one.Pods)];
        return Math.Min(Math.Max(pods, Within(up).Min()), Within(down).Max());
    }

    private int Limit(double now, int pods, V2HPAScalingRules rules, bool up)
    {
        var limits = rules.Policies.Select(policy =>
        {
            var begun = pods - _changes.Where(change => change.Time > now - policy.PeriodSeconds).Sum(change => change.Change);
            return (policy.Type, up) switch
            {
                ("Pods", true) => begun + policy.Value,
                ("Pods", false) => begun - policy.Value,
                (_, true) => (int)Math.Ceiling(begun * (1 + (policy.Value / 100.0))),
                (_, false) => (int)(begun * (1 - (policy.Value / 100.0))),
            };
        });
        return rules.SelectPolicy switch
        {
            "Disabled" => pods,
            "Min" => up ? limits.Min() : limits.Max(),
            _ => up ? limits.Max() : limits.Min(),
        };
    }
}
