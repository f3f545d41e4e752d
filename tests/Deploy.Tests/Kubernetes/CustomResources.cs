using k8s;
using k8s.Models;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Kinds that Kubernetes itself does not have, with the fields that are used here: any other is a fault.</summary>
internal abstract class CustomResource<TSpec> : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public TSpec Spec { get; set; } = default!;
}

internal static class CustomResources
{
    public static Dictionary<string, Type> Types { get; } = new()
    {
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject),
        ["cert-manager.io/v1/Issuer"] = typeof(Issuer),
        ["cert-manager.io/v1/Certificate"] = typeof(Certificate),
        ["monitoring.coreos.com/v1/PodMonitor"] = typeof(PodMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(PrometheusRule),
    };
}

internal sealed class ScaledObject : CustomResource<ScaledObject.Content>
{
    internal sealed class Content
    {
        public Target ScaleTargetRef { get; set; } = new();

        public int? PollingInterval { get; set; }

        public int? CooldownPeriod { get; set; }

        public int? MinReplicaCount { get; set; }

        public int? MaxReplicaCount { get; set; }

        public IList<Trigger> Triggers { get; set; } = [];

        public AdvancedContent? Advanced { get; set; }
    }

    internal sealed class Target
    {
        public string Name { get; set; } = "";
    }

    internal sealed class Trigger
    {
        public string Type { get; set; } = "";

        public string? MetricType { get; set; }

        public IDictionary<string, string> Metadata { get; set; } = new Dictionary<string, string>();
    }

    internal sealed class AdvancedContent
    {
        public AutoscalerContent? HorizontalPodAutoscalerConfig { get; set; }
    }

    internal sealed class AutoscalerContent
    {
        public V2HorizontalPodAutoscalerBehavior? Behavior { get; set; }
    }
}

internal sealed class Issuer : CustomResource<Issuer.Content>
{
    internal sealed class Content
    {
        public SelfSignedContent? SelfSigned { get; set; }

        public AuthorityContent? Ca { get; set; }
    }

    internal sealed class SelfSignedContent;

    internal sealed class AuthorityContent
    {
        public string SecretName { get; set; } = "";
    }
}

internal sealed class Certificate : CustomResource<Certificate.Content>
{
    internal sealed class Content
    {
        public bool? IsCA { get; set; }

        public string? CommonName { get; set; }

        public IList<string> DnsNames { get; set; } = [];

        public string SecretName { get; set; } = "";

        public string? Duration { get; set; }

        public string? RenewBefore { get; set; }

        public IList<string> Usages { get; set; } = [];

        public PrivateKeyContent? PrivateKey { get; set; }

        public IssuerReference IssuerRef { get; set; } = new();
    }

    internal sealed class PrivateKeyContent
    {
        public string? Algorithm { get; set; }

        public int? Size { get; set; }

        public string? Encoding { get; set; }

        public string? RotationPolicy { get; set; }
    }

    internal sealed class IssuerReference
    {
        public string Kind { get; set; } = "";

        public string Name { get; set; } = "";
    }
}

internal sealed class PodMonitor : CustomResource<PodMonitor.Content>
{
    internal sealed class Content
    {
        public V1LabelSelector Selector { get; set; } = new();

        public IList<string> PodTargetLabels { get; set; } = [];

        public IList<Endpoint> PodMetricsEndpoints { get; set; } = [];
    }

    internal sealed class Endpoint
    {
        public string Port { get; set; } = "";

        public string Path { get; set; } = "";

        public string? Interval { get; set; }
    }
}

internal sealed class PrometheusRule : CustomResource<PrometheusRule.Content>
{
    /// <summary>What a file of rules is to Prometheus itself, too.</summary>
    internal sealed class Content
    {
        public IList<Group> Groups { get; set; } = [];
    }

    internal sealed class Group
    {
        public string Name { get; set; } = "";

        public string? Interval { get; set; }

        public IList<Rule> Rules { get; set; } = [];
    }

    internal sealed class Rule
    {
        public string? Record { get; set; }

        public string? Alert { get; set; }

        public string Expr { get; set; } = "";

        public string? For { get; set; }

        public IDictionary<string, string>? Labels { get; set; }

        public IDictionary<string, string>? Annotations { get; set; }
    }
}
