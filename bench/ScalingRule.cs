using System.Globalization;
using k8s;
using k8s.Models;
using ToNNO.Deploy.Tests.Kubernetes;

namespace ToNNO.Bench;

/// <summary>How many pods Kubernetes keeps, by the object of one of the two components as it is applied. In virtual seconds.</summary>
/// <param name="cooldown">KEDA's: seconds without work after which the last pods go. Null where a horizontal autoscaler is alone: it keeps some.</param>
internal sealed class ScalingRule(HorizontalAutoscaler autoscaler, double? cooldown)
{
    private double _lastActive;

    /// <summary>Pods that stay, whatever there is to do.</summary>
    public int Least => cooldown is null ? autoscaler.Least : 0;

    /// <summary>From none to one and back by KEDA, in between by the autoscaler that it makes.</summary>
    public static ScalingRule OfKeda()
    {
        var spec = Load<ScaledObject>("autoscaling-keda/scaled-object.yaml").Spec;
        var threshold = double.Parse(spec.Triggers.Single().Metadata["threshold"], CultureInfo.InvariantCulture);
        return new(new(Math.Max(1, spec.MinReplicaCount!.Value), spec.MaxReplicaCount!.Value, threshold, spec.Advanced!.HorizontalPodAutoscalerConfig!.Behavior!), spec.CooldownPeriod);
    }

    public static ScalingRule OfHpa()
    {
        var spec = Load<V2HorizontalPodAutoscaler>("autoscaling-hpa/autoscaler.yaml").Spec;
        return new(new(spec.MinReplicas!.Value, spec.MaxReplicas, (double)spec.Metrics.Single().External.Target.AverageValue.ToDecimal(), spec.Behavior), cooldown: null);
    }

    /// <summary>The number of pods from now on.</summary>
    /// <param name="pods">As it is.</param>
    /// <param name="backlog">The metric: seconds.</param>
    public int Next(double now, int pods, double backlog)
    {
        _lastActive = backlog > 0 ? now : _lastActive;
        if (pods > 0 && !(now - _lastActive >= cooldown))
        {
            return autoscaler.Next(now, pods, backlog);
        }

        var next = backlog > 0 ? 1 : 0;
        autoscaler.Changed(now, next - pods);
        return next;
    }

    private static T Load<T>(string file) => (T)KubernetesYaml.LoadAllFromString(
        File.ReadAllText(Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "deploy/k8s/components", file)), CustomResources.Types, strict: true).Single();
}
