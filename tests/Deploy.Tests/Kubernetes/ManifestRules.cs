using System.Globalization;
using System.Reflection;
using System.Text.Json;
using k8s.Models;
using ToNNO.Coordinator;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>What must hold of everything that is applied. A rule yields a sentence for each fault.</summary>
internal static partial class ManifestRules
{
    /// <summary>Between a node's own limit and the kill.</summary>
    private static readonly TimeSpan _margin = TimeSpan.FromSeconds(10);

    /// <summary>The bit of a file's mode.</summary>
    private const int OthersRead = 4;

    public static IReadOnlyDictionary<string, Func<Manifests, IEnumerable<string>>> All { get; } = typeof(ManifestRules)
        .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(method => method.ReturnType == typeof(IEnumerable<string>))
        .ToDictionary(method => method.Name, method => method.CreateDelegate<Func<Manifests, IEnumerable<string>>>());

    /// <summary>What the API server would refuse for a field that is not there.</summary>
    public static IEnumerable<string> Required(Manifests manifests) => manifests.Objects
        .SelectMany(one => RequiredFields.Missing(one, $"{one.Kind} {one.Metadata.Name}").Concat(string.IsNullOrEmpty(one.Metadata.Name) ? [$"a {one.Kind} has no name"] : []));

    /// <summary>Pods are kept by the kinds that rules look at, and by no others.</summary>
    public static IEnumerable<string> Kinds(Manifests manifests) => manifests.Objects
        .Where(one => one is V1Pod or V1PodTemplate or V1ReplicaSet or V1ReplicationController or V1DaemonSet or V1Job or V1CronJob)
        .Select(one => $"{one.Metadata.Name} is a {one.Kind}, whose pods no rule looks at: make it a Deployment or a StatefulSet");

    public static IEnumerable<string> Probes(Manifests manifests)
    {
        foreach (var (workload, container) in Containers(manifests))
        {
            var probes = new[] { container.StartupProbe, container.ReadinessProbe, container.LivenessProbe };
            if (probes.Any(probe => probe is null) || probes.Select(probe => JsonSerializer.Serialize(probe)).Distinct().Count() < 3)
            {
                yield return $"{workload.Name}: {container.Name} lacks one of three probes that differ";
                continue;
            }

            var ports = probes.Select(probe => (string)(probe.HttpGet?.Port ?? probe.TcpSocket?.Port));
            if (!ports.All(port => (container.Ports ?? []).Any(open => open.Name == port)))
            {
                yield return $"{workload.Name}: a probe of {container.Name} asks at a port that it has not";
            }

            if (Patience(container.LivenessProbe) <= Patience(container.ReadinessProbe) || Patience(container.StartupProbe) < TimeSpan.FromMinutes(1))
            {
                yield return $"{workload.Name}: {container.Name} is given up before it is left out, or is not given a minute to start";
            }

            // Plain HTTP: TLS is between nodes alone.
            if (container.Name == Workload.Program && (!probes.Select(probe => probe.HttpGet?.Path).SequenceEqual([NodeHealth.Started, NodeHealth.Ready, NodeHealth.Live]) || !probes.All(probe => probe.HttpGet.Scheme is null or "HTTP")))
            {
                yield return $"{workload.Name}: the probes do not ask what the program answers";
            }
        }
    }

    public static IEnumerable<string> Resources(Manifests manifests)
    {
        foreach (var (workload, container) in Containers(manifests))
        {
            foreach (var resource in new[] { "cpu", "memory" })
            {
                var (requests, limits) = (container.Resources?.Requests, container.Resources?.Limits);
                if (requests is null || limits is null || !requests.TryGetValue(resource, out var request) || !limits.TryGetValue(resource, out var limit) || request.ToDecimal() > limit.ToDecimal())
                {
                    yield return $"{workload.Name}: {container.Name} lacks a request of {resource} and a limit above it";
                }
            }
        }
    }

    /// <summary>Pod Security "restricted", and a root that cannot be written.</summary>
    public static IEnumerable<string> Restricted(Manifests manifests)
    {
        foreach (var space in manifests.All<V1Namespace>().Where(space => space.Metadata.Labels["pod-security.kubernetes.io/enforce"] != "restricted"))
        {
            yield return $"{space.Metadata.Name} does not enforce restricted pods";
        }

        foreach (var workload in manifests.Workloads)
        {
            var (pod, context) = (workload.Pod, workload.Pod.SecurityContext);
            if (context is not { RunAsNonRoot: true, RunAsUser: > 0, SeccompProfile.Type: "RuntimeDefault" } || pod.HostNetwork == true || pod.HostPID == true || pod.HostIPC == true)
            {
                yield return $"{workload.Name}: the pod is not restricted";
            }

            foreach (var volume in (pod.Volumes ?? []).Where(volume => volume is { EmptyDir: null, ConfigMap: null, Secret: null, PersistentVolumeClaim: null } or { EmptyDir.SizeLimit: null, EmptyDir: not null }))
            {
                yield return $"{workload.Name}: the volume {volume.Name} is of no restricted kind, or has no bound";
            }

            // A secret is root's, and of the pod's group.
            foreach (var volume in (pod.Volumes ?? []).Where(volume => context?.FsGroup is null && (volume.Secret?.DefaultMode & OthersRead) == 0))
            {
                yield return $"{workload.Name}: nobody may read {volume.Name}";
            }

            foreach (var container in workload.Containers)
            {
                if (container.SecurityContext is not { AllowPrivilegeEscalation: false, ReadOnlyRootFilesystem: true, Privileged: null or false, RunAsNonRoot: null or true, RunAsUser: null or > 0, SeccompProfile: null or { Type: "RuntimeDefault" }, Capabilities: { Drop: ["ALL"], Add: null } }
                    || (container.Ports ?? []).Any(port => port.HostPort is not null))
                {
                    yield return $"{workload.Name}: {container.Name} is not restricted";
                }

                if (container.VolumeMounts?.SingleOrDefault(mount => mount.MountPath == "/tmp") is not { ReadOnlyProperty: null } tmp || pod.Volumes?.SingleOrDefault(volume => volume.Name == tmp.Name)?.EmptyDir is null)
                {
                    yield return $"{workload.Name}: {container.Name} has no /tmp that it can write to";
                }
            }
        }
    }

    /// <summary>Nobody speaks to the API server, so nobody needs its token; and variables of other services do not get among ours.</summary>
    public static IEnumerable<string> Tokens(Manifests manifests) =>
    [
        .. manifests.Workloads.Where(workload => workload.Pod.AutomountServiceAccountToken != false || workload.Pod.EnableServiceLinks != false).Select(workload => $"{workload.Name} has a token or variables of services"),
        .. manifests.All<V1ServiceAccount>().Where(account => account.AutomountServiceAccountToken != false).Select(account => $"{account.Metadata.Name} gives tokens away"),
    ];

    public static IEnumerable<string> Selectors(Manifests manifests)
    {
        foreach (var workload in manifests.Workloads)
        {
            if (workload.Selector.MatchLabels is not { Count: > 0 } labels || manifests.Selected(labels).Select(selected => selected.Name).ToList() is not [var only] || only != workload.Name)
            {
                yield return $"{workload.Name} does not select its own pods alone";
            }

            foreach (var spread in (workload.Pod.TopologySpreadConstraints ?? []).Where(spread => !workload.HasLabels(spread.LabelSelector.MatchLabels)))
            {
                yield return $"{workload.Name} is spread among others over {spread.TopologyKey}";
            }

            foreach (var spread in (workload.Pod.TopologySpreadConstraints ?? []).Where(spread => spread is { WhenUnsatisfiable: "DoNotSchedule", NodeTaintsPolicy: not "Honor" }))
            {
                yield return $"{workload.Name} must be spread over the {spread.TopologyKey} of machines that it may not go to";
            }
        }

        foreach (var node in manifests.Nodes.Where(node => node.Pod.TopologySpreadConstraints is not { Count: > 0 }))
        {
            yield return $"{node.Name} is not spread";
        }
    }

    public static IEnumerable<string> Services(Manifests manifests)
    {
        foreach (var service in manifests.All<V1Service>())
        {
            var selected = manifests.Selected(service.Spec.Selector).ToList();
            foreach (var port in service.Spec.Ports.Where(port => selected.Count == 0 || !selected.All(workload => workload.HasPort(port.TargetPort))))
            {
                yield return $"{service.Metadata.Name}: nobody, or not everybody, listens on {port.Name}";
            }
        }

        foreach (var set in manifests.All<V1StatefulSet>().Where(set => !manifests.Has("Service", set.Spec.ServiceName)))
        {
            yield return $"{set.Metadata.Name}: there is no service {set.Spec.ServiceName}";
        }
    }

    /// <summary>Drains may go on, and not take everybody; of three coordinators or more a majority stays.</summary>
    public static IEnumerable<string> Budgets(Manifests manifests)
    {
        foreach (var budget in manifests.All<V1PodDisruptionBudget>())
        {
            var selected = manifests.Selected(budget.Spec.Selector.MatchLabels).ToList();
            if (selected.Count != 1 || budget.Spec.MinAvailable is not null || (string?)budget.Spec.MaxUnavailable is null or "0" or "0%" or "100%" || budget.Spec.UnhealthyPodEvictionPolicy != "AlwaysAllow")
            {
                yield return $"{budget.Metadata.Name} selects not one workload, or leaves no room, or too much";
            }
        }

        foreach (var coordinators in manifests.Nodes.Where(node => node.Name == CoordinatorHosting.Role))
        {
            var replicas = coordinators.Replicas ?? 1;
            foreach (var budget in manifests.All<V1PodDisruptionBudget>().Where(budget => coordinators.HasLabels(budget.Spec.Selector.MatchLabels) && Taken(budget, replicas) > Math.Max(1, (replicas - 1) / 2)))
            {
                yield return $"{budget.Metadata.Name} leaves no majority";
            }
        }

        foreach (var node in manifests.Nodes.Where(node => !manifests.All<V1PodDisruptionBudget>().Any(budget => node.HasLabels(budget.Spec.Selector.MatchLabels))))
        {
            yield return $"{node.Name} has no budget";
        }
    }

    public static IEnumerable<string> Grace(Manifests manifests) => manifests.Nodes
        .Where(node => TimeSpan.FromSeconds(node.Pod.TerminationGracePeriodSeconds ?? 30) < NodeEnvironment.Of(manifests, node).Options.StopTimeout + _margin)
        .Select(node => $"{node.Name} is killed before it has stopped");

    private static IEnumerable<(Workload Workload, V1Container Container)> Containers(Manifests manifests) =>
        manifests.Workloads.SelectMany(workload => workload.Containers.Select(container => (workload, container)));

    /// <summary>The most that a budget lets go, shares rounded up.</summary>
    private static int Taken(V1PodDisruptionBudget budget, int replicas) => (string?)budget.Spec.MaxUnavailable is not { } most ? 0
        : most.EndsWith('%') ? (int)Math.Ceiling(replicas * int.Parse(most[..^1], CultureInfo.InvariantCulture) / 100.0)
        : int.Parse(most, CultureInfo.InvariantCulture);

    private static TimeSpan Patience(V1Probe probe) => TimeSpan.FromSeconds((probe.PeriodSeconds ?? 10) * (probe.FailureThreshold ?? 3));
}
