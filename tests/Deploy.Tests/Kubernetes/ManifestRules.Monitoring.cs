using System.Text.RegularExpressions;
using k8s.Models;
using ToNNO.Deploy.Tests.Monitoring;
using ToNNO.Tonno.Hosting;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <content>Rules about what is watched, and about what scales by it.</content>
internal static partial class ManifestRules
{
    /// <summary>The Prometheus that the operator makes, by the name that it gives it.</summary>
    public const string Prometheus = $"http://prometheus-operated.{MonitoringSpace}.svc:9090";

    /// <summary>Prometheus asks pods that are there, where the program answers.</summary>
    public static IEnumerable<string> Monitors(Manifests manifests)
    {
        foreach (var monitor in manifests.All<PodMonitor>())
        {
            var selected = manifests.Selected(monitor.Spec.Selector.MatchLabels).ToList();
            if (selected.Count == 0 || !monitor.Spec.PodMetricsEndpoints.All(endpoint => (endpoint.Path ?? Telemetry.Metrics) == Telemetry.Metrics && selected.All(workload => workload.HasPort(endpoint.Port))))
            {
                yield return $"{monitor.Metadata.Name} watches nobody, or not where the program answers";
            }
        }
    }

    /// <summary>Nodes that are watched say where their traces go, or by an empty value that they go nowhere.</summary>
    public static IEnumerable<string> Traces(Manifests manifests) => manifests.Nodes
        .Where(node => manifests.All<PodMonitor>().Any() && NodeEnvironment.Of(manifests, node) is { TracesGo: null, AreTracesOff: false })
        .Select(node => $"{node.Name} does not say where its traces go: set {NodeEnvironment.OtlpEndpoint} to an address, or to nothing");

    /// <summary>What nodes tell bears the pod that it is from, its namespace and its role, under the program's own name.</summary>
    public static IEnumerable<string> Attributes(Manifests manifests)
    {
        foreach (var node in manifests.Nodes)
        {
            var variables = NodeEnvironment.Of(manifests, node).Variables;
            var attributes = variables.GetValueOrDefault("OTEL_RESOURCE_ATTRIBUTES", "").Split(',');
            string[] wanted = [$"k8s.namespace.name={node.Metadata.NamespaceProperty}", $"k8s.pod.name={node.Name}-0", $"tonno.role={node.Name}"];
            if (wanted.Except(attributes).Any() || variables.ContainsKey("OTEL_SERVICE_NAME") || attributes.Any(attribute => attribute.StartsWith("service.name=", StringComparison.Ordinal)))
            {
                yield return $"{node.Name} does not tell {string.Join(',', wanted)}, or tells it under another name";
            }
        }
    }

    /// <summary>One hand on the number of pods.</summary>
    public static IEnumerable<string> Scaling(Manifests manifests)
    {
        var scaled = manifests.All<ScaledObject>().Select(scaler => scaler.Spec.ScaleTargetRef.Name).Concat(manifests.All<V2HorizontalPodAutoscaler>().Select(scaler => scaler.Spec.ScaleTargetRef.Name)).ToList();
        return manifests.Workloads.Where(workload => scaled.Count(name => name == workload.Name) + (workload.Replicas is null ? 0 : 1) != 1)
            .Select(workload => $"{workload.Name} is told its number by nobody, or by several");
    }

    /// <summary>KEDA asks the operator's Prometheus about its own namespace, and wakes the pool from none at any work.</summary>
    public static IEnumerable<string> Scalers(Manifests manifests)
    {
        foreach (var scaler in manifests.All<ScaledObject>())
        {
            if (scaler.Spec.MinReplicaCount is not 0 || !scaler.Spec.Triggers.All(trigger => trigger.Metadata.Contains(KeyValuePair.Create("activationThreshold", "0"))))
            {
                yield return $"{scaler.Metadata.Name} keeps pods without work, or none for a little of it";
            }

            if (!scaler.Spec.Triggers.All(trigger => trigger.Metadata.Contains(KeyValuePair.Create("serverAddress", Prometheus))))
            {
                yield return $"{scaler.Metadata.Name} asks another than {Prometheus}";
            }

            var own = $"{{namespace=\"{scaler.Metadata.NamespaceProperty}\"}}";
            if (!scaler.Spec.Triggers.Select(trigger => trigger.Metadata["query"]).All(query => MetricName().Matches(query) is { Count: > 0 } names && names.All(name => query[(name.Index + name.Length)..].StartsWith(own, StringComparison.Ordinal))))
            {
                yield return $"{scaler.Metadata.Name} asks for another namespace than its own";
            }
        }
    }

    /// <summary>Who asks for a metric asks for one that the program has.</summary>
    public static IEnumerable<string> Metrics(Manifests manifests)
    {
        var queries = manifests.All<ScaledObject>().SelectMany(scaler => scaler.Spec.Triggers).Select(trigger => trigger.Metadata["query"])
            .Concat(manifests.All<V2HorizontalPodAutoscaler>().SelectMany(scaler => scaler.Spec.Metrics).Select(metric => metric.External.Metric.Name))
            .Concat(manifests.All<PrometheusRule>().SelectMany(rule => rule.Spec.Groups).SelectMany(group => group.Rules).Select(rule => rule.Expr))
            .Concat(Dashboard.AllOf(manifests).SelectMany(dashboard => dashboard.Queries).Select(query => query.Expression));
        var recorded = manifests.All<PrometheusRule>().SelectMany(rule => rule.Spec.Groups).SelectMany(group => group.Rules).Select(rule => rule.Record).ToList();
        foreach (var name in queries.SelectMany(query => MetricName().Matches(query)).Select(match => match.Value).Where(name => !ProgramMetrics.Names.Contains(name) && !recorded.Contains(name)))
        {
            yield return $"{name} is no metric of the program";
        }
    }

    [GeneratedRegex(@"\b(namespace:)?tonno_[\w:]+")]
    private static partial Regex MetricName();
}
