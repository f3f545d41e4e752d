using k8s.Models;
using ToNNO.Coordinator;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <content>Rules about who speaks to whom.</content>
internal static partial class ManifestRules
{
    /// <summary>The namespace of what watches: Prometheus, and a collector of traces.</summary>
    private const string MonitoringSpace = "monitoring";

    /// <summary>The label that every namespace bears with its name.</summary>
    private const string SpaceName = "kubernetes.io/metadata.name";

    public static IEnumerable<string> Policies(Manifests manifests)
    {
        foreach (var policy in manifests.All<V1NetworkPolicy>())
        {
            var selected = manifests.Selected(policy.Spec.PodSelector?.MatchLabels).ToList();
            if (selected.Count == 0)
            {
                yield return $"{policy.Metadata.Name} is for nobody";
            }

            foreach (var port in (policy.Spec.Ingress ?? []).SelectMany(rule => rule.Ports ?? []).Where(port => !selected.All(workload => workload.HasPort(port.Port))))
            {
                yield return $"{policy.Metadata.Name} opens {(string)port.Port}, where nobody listens";
            }

            foreach (var peer in (policy.Spec.Ingress ?? []).SelectMany(rule => Pods(rule.FromProperty)).Where(peer => !manifests.Selected(peer.PodSelector.MatchLabels).Any()))
            {
                yield return $"{policy.Metadata.Name} lets in nobody";
            }

            foreach (var rule in policy.Spec.Egress ?? [])
            {
                var peers = Pods(rule.To).SelectMany(peer => manifests.Selected(peer.PodSelector.MatchLabels)).ToList();
                if (Pods(rule.To).Any() && (peers.Count == 0 || !(rule.Ports ?? []).All(port => peers.All(peer => peer.HasPort(port.Port)))))
                {
                    yield return $"{policy.Metadata.Name} leads nowhere";
                }
            }
        }
    }

    /// <summary>Whatever policies deny, nodes reach each other, names, the store, who collects traces and the services beside them, and clients and Prometheus reach nodes.</summary>
    public static IEnumerable<string> Flows(Manifests manifests)
    {
        var nodes = manifests.Nodes.Select(Party.Of).ToList();
        var coordinators = nodes.Where(node => node.Name == CoordinatorHosting.Role);
        IEnumerable<Flow> flows =
        [
            .. nodes.SelectMany(node => nodes.Select(other => new Flow(node, other, "remoting"))),
            .. nodes.SelectMany(node => new Flow[] { new(node, Party.Anybody, "53", "UDP"), new(node, Party.Anybody, "53") }),
            .. nodes.Where(node => AsksAzure(NodeEnvironment.Of(manifests, node.Ours!))).Select(node => new Flow(node, Party.Anybody, "443")),
            .. nodes.Select(node => (Node: node, NodeEnvironment.Of(manifests, node.Ours!).TracesGo)).Where(one => one.TracesGo?.Host.Contains('.', StringComparison.Ordinal) == true).Select(one => new Flow(one.Node, Party.At(one.TracesGo!.Host), $"{one.TracesGo.Port}")),
            .. coordinators.SelectMany(coordinator => new Flow[] { new(Party.Neighbour, coordinator, "http"), new(Party.Of("tonno/clients", "true"), coordinator, "http") }),
            .. manifests.All<PodMonitor>().SelectMany(monitor => manifests.Selected(monitor.Spec.Selector.MatchLabels)
                .SelectMany(watched => monitor.Spec.PodMetricsEndpoints.Select(endpoint => new Flow(Party.Of(SpaceName, MonitoringSpace), Party.Of(watched), endpoint.Port)))),
        ];
        foreach (var flow in flows.Where(flow => !Passes(manifests, flow)))
        {
            yield return $"{flow.From.Name} may not reach {flow.To.Name} at {flow.Port}";
        }

        foreach (var service in manifests.All<V1Service>())
        {
            foreach (var other in manifests.Selected(service.Spec.Selector).Except(manifests.Nodes).Select(Party.Of))
            {
                foreach (var node in nodes.Where(node => !service.Spec.Ports.Any(port => Passes(manifests, new Flow(node, other, port.TargetPort)))))
                {
                    yield return $"{node.Name} may not reach {other.Name}";
                }
            }
        }
    }

    /// <summary>Peers that are pods of the namespace.</summary>
    private static IEnumerable<V1NetworkPolicyPeer> Pods(IList<V1NetworkPolicyPeer>? peers) => (peers ?? []).Where(peer => peer is { NamespaceSelector: null, PodSelector: not null });

    /// <summary>Whether the policies of both ends let it pass.</summary>
    private static bool Passes(Manifests manifests, Flow flow) =>
        Allows(manifests, "Egress", flow.From, flow.To, flow, policy => (policy.Egress ?? []).Select(rule => (rule.To, rule.Ports)))
        && Allows(manifests, "Ingress", flow.To, flow.From, flow, policy => (policy.Ingress ?? []).Select(rule => (rule.FromProperty, rule.Ports)));

    /// <summary>Pods that no policy selects may do all; others, what any policy of theirs allows.</summary>
    private static bool Allows(
        Manifests manifests, string direction, Party at, Party other, Flow flow, Func<V1NetworkPolicySpec, IEnumerable<(IList<V1NetworkPolicyPeer> Peers, IList<V1NetworkPolicyPort> Ports)>> rules)
    {
        var policies = manifests.All<V1NetworkPolicy>().Select(policy => policy.Spec).Where(policy => at.Ours?.HasLabels(policy.PodSelector?.MatchLabels) == true && policy.PolicyTypes.Contains(direction)).ToList();
        var ports = flow.To.Ours?.PortNames(flow.Port) ?? [flow.Port];
        return policies.Count == 0 || policies.SelectMany(rules).Any(rule =>
            (rule.Peers is not { Count: > 0 } || rule.Peers.Any(other.IsMeantBy))
            && (rule.Ports is not { Count: > 0 } || rule.Ports.Any(port => ports.Contains((string)port.Port) && (port.Protocol ?? "TCP") == flow.Protocol)));
    }

    /// <param name="Port">By its name at pods of ours, else by its number.</param>
    private sealed record Flow(Party From, Party To, string Port, string Protocol = "TCP");

    /// <summary>Who speaks or is spoken to.</summary>
    /// <param name="Ours">Null for whoever is in no manifest.</param>
    /// <param name="Pod">Labels of the pod; null for an address that may be anywhere.</param>
    /// <param name="Space">Labels of its namespace; null for ours.</param>
    private sealed record Party(string Name, Workload? Ours, IDictionary<string, string>? Pod, IDictionary<string, string>? Space)
    {
        public static Party Anybody { get; } = new("anybody", null, null, null);

        /// <summary>Some pod of our namespace.</summary>
        public static Party Neighbour { get; } = new("a neighbour", null, new Dictionary<string, string>(), null);

        public static Party Of(Workload workload) => new(workload.Name, workload, workload.Template.Metadata.Labels, null);

        /// <summary>Some pod of a namespace with a label.</summary>
        public static Party Of(string label, string value) => new($"{label}={value}", null, new Dictionary<string, string>(), new Dictionary<string, string> { [label] = value });

        /// <summary>Behind a service of another namespace, as in <c>collector.monitoring</c>; else anywhere.</summary>
        public static Party At(string host) => host.Split('.') is [_, var space, .. var rest] && rest is [] or ["svc", ..] ? Of(SpaceName, space) : Anybody;

        /// <remarks>Whether an address that may be anywhere lies in a block of addresses is not known, and so believed.</remarks>
        public bool IsMeantBy(V1NetworkPolicyPeer peer) => Pod is null ? peer.IpBlock is not null : peer.IpBlock is null && Has(Pod, peer.PodSelector) && (peer.NamespaceSelector is null ? Space is null : Space is not null && Has(Space, peer.NamespaceSelector));

        /// <summary>False where an expression selects too: none is read.</summary>
        private static bool Has(IDictionary<string, string> labels, V1LabelSelector? selector) => selector?.MatchExpressions is not { Count: > 0 } && (selector?.MatchLabels ?? new Dictionary<string, string>()).All(labels.Contains);
    }
}
