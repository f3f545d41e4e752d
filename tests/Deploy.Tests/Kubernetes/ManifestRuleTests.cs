using k8s.Models;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Each rule notices what it is there for.</summary>
public sealed class ManifestRuleTests
{
    private const string Gateway = "base+network-policies+dicomweb-gateway";

    /// <summary>A small damage for each thing that a rule looks at.</summary>
    private static readonly (string Rule, string Damage, Action<Manifests> Do)[] _damages =
    [
        (nameof(ManifestRules.Required), "an object without a name", all => all.One<V1Service>("recon").Metadata.Name = null),
        (nameof(ManifestRules.Required), "a container without a name", all => Program(all, "slice").Name = null),
        (nameof(ManifestRules.Required), "a port without a number", all => Program(all, "slice").Ports[0].ContainerPort = 0),
        (nameof(ManifestRules.Required), "a probe without a port", all => Program(all, "slice").LivenessProbe.HttpGet.Port = null),
        (nameof(ManifestRules.Required), "a pod without containers", all => Pod(all, "recon").Containers = []),
        (nameof(ManifestRules.Required), "a set without a selector", all => all.One<V1StatefulSet>("recon").Spec.Selector = null),
        (nameof(ManifestRules.Required), "a secret without a key", all => Variable(all, "coordinator", "TONNO_API__TOKEN").ValueFrom.SecretKeyRef.Key = null),
        (nameof(ManifestRules.Required), "a spread without a key", all => Pod(all, "slice").TopologySpreadConstraints[0].TopologyKey = null),
        (nameof(ManifestRules.Required), "a trigger of no type", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Type = ""),
        (nameof(ManifestRules.Required), "a policy of nothing", all => all.One<ScaledObject>("slice").Spec.Advanced!.HorizontalPodAutoscalerConfig!.Behavior!.ScaleUp.Policies[0].PeriodSeconds = 0),
        (nameof(ManifestRules.Required), "a certificate without a secret", all => all.One<Certificate>("node").Spec.SecretName = ""),
        (nameof(ManifestRules.Required), "a rule without an expression", all => all.One<PrometheusRule>("tonno").Spec.Groups[0].Rules[0].Expr = ""),
        (nameof(ManifestRules.Kinds), "a pod", all => all.Objects.Add(new V1Pod { Kind = "Pod", Metadata = new V1ObjectMeta { Name = "toni" } })),
        (nameof(ManifestRules.Kinds), "a pod of each machine", all => all.Objects.Add(new V1DaemonSet { Kind = "DaemonSet", Metadata = new V1ObjectMeta { Name = "toni" } })),
        (nameof(ManifestRules.Kinds), "a set of pods", all => all.Objects.Add(new V1ReplicaSet { Kind = "ReplicaSet", Metadata = new V1ObjectMeta { Name = "toni" } })),
        (nameof(ManifestRules.Kinds), "a job", all => all.Objects.Add(new V1Job { Kind = "Job", Metadata = new V1ObjectMeta { Name = "toni" } })),
        (nameof(ManifestRules.Kinds), "a job of each night", all => all.Objects.Add(new V1CronJob { Kind = "CronJob", Metadata = new V1ObjectMeta { Name = "toni" } })),
        (nameof(ManifestRules.Probes), "no readiness", all => Program(all, "slice").ReadinessProbe = null),
        (nameof(ManifestRules.Probes), "two alike", all => Program(all, "recon").LivenessProbe = Program(all, "recon").ReadinessProbe),
        (nameof(ManifestRules.Probes), "a port that is not there", all => Program(all, "recon").LivenessProbe.HttpGet.Port = "web"),
        (nameof(ManifestRules.Probes), "alive while it can work", all => Program(all, "recon").LivenessProbe.HttpGet.Path = "/health/ready"),
        (nameof(ManifestRules.Probes), "no time to start", all => Program(all, "slice").StartupProbe.FailureThreshold = 3),
        (nameof(ManifestRules.Probes), "asked by TLS", all => Program(all, "recon").LivenessProbe.HttpGet.Scheme = "HTTPS"),
        (nameof(ManifestRules.Resources), "no limit", all => Program(all, "slice").Resources.Limits.Remove("memory")),
        (nameof(ManifestRules.Resources), "more asked than allowed", all => Program(all, "recon").Resources.Requests["cpu"] = new ResourceQuantity("64")),
        (nameof(ManifestRules.Restricted), "a space that enforces nothing", all => all.One<V1Namespace>("tonno").Metadata.Labels["pod-security.kubernetes.io/enforce"] = "baseline"),
        (nameof(ManifestRules.Restricted), "perhaps root", all => Pod(all, "slice").SecurityContext.RunAsNonRoot = null),
        (nameof(ManifestRules.Restricted), "no seccomp", all => Pod(all, "slice").SecurityContext.SeccompProfile = null),
        (nameof(ManifestRules.Restricted), "the machine's network", all => Pod(all, "recon").HostNetwork = true),
        (nameof(ManifestRules.Restricted), "the machine's files", all => Pod(all, "recon").Volumes.Add(new V1Volume { Name = "etc", HostPath = new V1HostPathVolumeSource { Path = "/etc" } })),
        (nameof(ManifestRules.Restricted), "a capability", all => Program(all, "slice").SecurityContext.Capabilities.Add = ["NET_ADMIN"]),
        (nameof(ManifestRules.Restricted), "a root that can be written", all => Program(all, "slice").SecurityContext.ReadOnlyRootFilesystem = null),
        (nameof(ManifestRules.Restricted), "nowhere to write", all => Program(all, "slice").VolumeMounts.Remove(Program(all, "slice").VolumeMounts.Single(mount => mount.MountPath == "/tmp"))),
        (nameof(ManifestRules.Restricted), "no seccomp for one of them", all => Program(all, "slice").SecurityContext.SeccompProfile = new V1SeccompProfile { Type = "Unconfined" }),
        (nameof(ManifestRules.Restricted), "a secret for a group that is nobody's", all => Pod(all, "slice").SecurityContext.FsGroup = null),
        (nameof(ManifestRules.Tokens), "a token", all => Pod(all, "slice").AutomountServiceAccountToken = null),
        (nameof(ManifestRules.Tokens), "an account that gives some", all => all.One<V1ServiceAccount>("tonno").AutomountServiceAccountToken = true),
        (nameof(ManifestRules.Tokens), "others' variables", all => Pod(all, "slice").EnableServiceLinks = null),
        (nameof(ManifestRules.Selectors), "other labels", all => all.One<V1Deployment>("slice").Spec.Template.Metadata.Labels["app.kubernetes.io/component"] = "cook"),
        (nameof(ManifestRules.Selectors), "all of them", all => all.One<V1Deployment>("slice").Spec.Selector.MatchLabels.Remove("app.kubernetes.io/component")),
        (nameof(ManifestRules.Selectors), "spread among others", all => Pod(all, "slice").TopologySpreadConstraints[0].LabelSelector.MatchLabels["app.kubernetes.io/component"] = "recon"),
        (nameof(ManifestRules.Selectors), "not spread", all => Pod(all, "coordinator").TopologySpreadConstraints = null),
        (nameof(ManifestRules.Selectors), "spread over others' machines", all => Pod(all, "coordinator").TopologySpreadConstraints[0].NodeTaintsPolicy = null),
        (nameof(ManifestRules.Services), "nobody", all => all.One<V1Service>("api").Spec.Selector["app.kubernetes.io/component"] = "waiter"),
        (nameof(ManifestRules.Services), "a port that is not there", all => all.One<V1Service>("api").Spec.Ports[0].TargetPort = "web"),
        (nameof(ManifestRules.Services), "a set without its service", all => all.Objects.Remove(all.One<V1Service>("recon"))),
        (nameof(ManifestRules.References), "no ConfigMap", all => all.Objects.Remove(Settings(all))),
        (nameof(ManifestRules.References), "no account", all => Pod(all, "recon").ServiceAccountName = "toni"),
        (nameof(ManifestRules.References), "no priority", all => Pod(all, "recon").PriorityClassName = "none"),
        (nameof(ManifestRules.References), "no claim", all => Pod(all, "recon").Volumes.Single(volume => volume.Name == "archive").PersistentVolumeClaim.ClaimName = "archives"),
        (nameof(ManifestRules.References), "no secret", all => Variable(all, "coordinator", "TONNO_API__TOKEN").ValueFrom.SecretKeyRef.Name = "token"),
        (nameof(ManifestRules.References), "no certificate", all => all.Objects.Remove(all.One<Certificate>("node"))),
        (nameof(ManifestRules.References), "no authority", all => all.One<Certificate>("node").Spec.IssuerRef.Name = "nobody"),
        (nameof(ManifestRules.References), "nothing to scale", all => all.One<ScaledObject>("slice").Spec.ScaleTargetRef.Name = "slices"),
        (nameof(ManifestRules.References), "a mount of nothing", all => Program(all, "slice").VolumeMounts[0].Name = "nothing"),
        (nameof(ManifestRules.Keys), "no such key", all => Variable(all, "coordinator", "TONNO_API__TOKEN").ValueFrom.SecretKeyRef.Key = "tokn"),
        (nameof(ManifestRules.Budgets), "no room", all => all.One<V1PodDisruptionBudget>("recon").Spec.MaxUnavailable = 0),
        (nameof(ManifestRules.Budgets), "no majority", all => all.One<V1PodDisruptionBudget>("coordinator").Spec.MaxUnavailable = 2),
        (nameof(ManifestRules.Budgets), "a share that is no majority", all => all.One<V1PodDisruptionBudget>("coordinator").Spec.MaxUnavailable = "40%"),
        (nameof(ManifestRules.Budgets), "held up by what does not work", all => all.One<V1PodDisruptionBudget>("recon").Spec.UnhealthyPodEvictionPolicy = null),
        (nameof(ManifestRules.Budgets), "for nobody", all => all.One<V1PodDisruptionBudget>("recon").Spec.Selector.MatchLabels["app.kubernetes.io/component"] = "cook"),
        (nameof(ManifestRules.Budgets), "none", all => all.Objects.Remove(all.One<V1PodDisruptionBudget>("slice"))),
        (nameof(ManifestRules.Priorities), "reducers first", all => all.One<V1PriorityClass>("tonno-recon").Value = 100001),
        (nameof(ManifestRules.Priorities), "encoders as reducers", all => Pod(all, "slice").PriorityClassName = "tonno-recon"),
        (nameof(ManifestRules.Gpus), "none", all => Program(all, "slice").Resources.Limits.Remove("nvidia.com/gpu")),
        (nameof(ManifestRules.Gpus), "for who reduces", all => Program(all, "recon").Resources.Limits["nvidia.com/gpu"] = new ResourceQuantity("1")),
        (nameof(ManifestRules.Gpus), "no pool", all => Pod(all, "slice").NodeSelector.Remove("kubernetes.azure.com/accelerator")),
        (nameof(ManifestRules.Gpus), "none of spot", all => Pod(all, "slice").NodeSelector.Remove("kubernetes.azure.com/scalesetpriority")),
        (nameof(ManifestRules.Gpus), "kept out by NVIDIA's taint", all => Pod(all, "slice").Tolerations.Remove(Toleration(all, "nvidia.com/gpu"))),
        (nameof(ManifestRules.Gpus), "kept out by the pool's taint", all => Toleration(all, "sku").Value = "cpu"),
        (nameof(ManifestRules.Gpus), "kept out by spot's taint", all => Pod(all, "slice").Tolerations.Remove(Toleration(all, "kubernetes.azure.com/scalesetpriority"))),
        (nameof(ManifestRules.Gpus), "coordinators on spot", all => (Pod(all, "coordinator").NodeSelector, Pod(all, "coordinator").Tolerations) = (Pod(all, "slice").NodeSelector, [Toleration(all, "kubernetes.azure.com/scalesetpriority")])),
        (nameof(ManifestRules.Grace), "shorter than a stop", all => Pod(all, "slice").TerminationGracePeriodSeconds = 45),
        (nameof(ManifestRules.Grace), "a stop that takes longer", all => Set(all, "TONNO_STOPTIMEOUT", "00:02:00")),
        (nameof(ManifestRules.Roles), "another command", all => Program(all, "recon").Args = ["run"]),
        (nameof(ManifestRules.Roles), "another program", all => Program(all, "recon").Command = ["tonno"]),
        (nameof(ManifestRules.Roles), "another role", all => Variable(all, "recon", "TONNO_ROLES").Value = "slice"),
        (nameof(ManifestRules.Roles), "all roles", all => Program(all, "coordinator").Env.Remove(Variable(all, "coordinator", "TONNO_ROLES"))),
        (nameof(ManifestRules.Roles), "a role that nobody has", all => all.Objects.Remove(all.One<V1StatefulSet>("recon"))),
        (nameof(ManifestRules.Identities), "no label", all => all.One<V1Deployment>("slice").Spec.Template.Metadata.Labels.Remove("azure.workload.identity/use")),
        (nameof(ManifestRules.Identities), "no identity", all => all.One<V1ServiceAccount>("tonno").Metadata.Annotations.Clear()),
        (nameof(ManifestRules.Environment), "a misspelt option", all => Set(all, "TONNO_CLUSTER__SEED", "coordinator-0.coordinator:4053")),
        (nameof(ManifestRules.Environment), "a misspelt root option", all => Set(all, "TONNO_STORES", "azure://heatmaps")),
        (nameof(ManifestRules.Environment), "a value that is none", all => Set(all, "TONNO_STOPTIMEOUT", "soon")),
        (nameof(ManifestRules.Environment), "another port", all => Set(all, "TONNO_HTTP__LISTEN", "0.0.0.0:8081")),
        (nameof(ManifestRules.Environment), "a file that nobody mounts", all => Set(all, "TONNO_CLUSTER__TLS__KEY", "/keys/tls.key")),
        (nameof(ManifestRules.Environment), "a file that nobody makes", all => Set(all, "TONNO_CLUSTER__TLS__AUTHORITY", "/tls/authority.crt")),
        (nameof(ManifestRules.Seeds), "one coordinator more", all => all.One<V1StatefulSet>("coordinator").Spec.Replicas = 4),
        (nameof(ManifestRules.Seeds), "another port", all => Set(all, "TONNO_CLUSTER__PORT", "4054")),
        (nameof(ManifestRules.Seeds), "no names before ready", all => all.One<V1Service>("coordinator").Spec.PublishNotReadyAddresses = null),
        (nameof(ManifestRules.Seeds), "another name", all => Variable(all, "recon", "TONNO_CLUSTER__HOST").Value = "$(POD_NAME)"),
        (nameof(ManifestRules.Images), "any", all => Program(all, "recon").Image = "tonno-slim"),
        (nameof(ManifestRules.Images), "another version", all => Program(all, "recon").Image = "tonno-slim:0.0.1"),
        (nameof(ManifestRules.Images), "without torch", all => Program(all, "slice").Image = Program(all, "recon").Image),
        (nameof(ManifestRules.Secrets), "a secret", all => all.Objects.Add(new V1Secret { Metadata = new V1ObjectMeta { Name = "tonno-api" } })),
        (nameof(ManifestRules.Secrets), "a token", all => Set(all, "TONNO_API__TOKEN", "abc")),
        (nameof(ManifestRules.Policies), "for nobody", all => all.One<V1NetworkPolicy>("clients-to-api").Spec.PodSelector.MatchLabels["app.kubernetes.io/component"] = "cook"),
        (nameof(ManifestRules.Policies), "where nobody listens", all => all.One<V1NetworkPolicy>("clients-to-api").Spec.Ingress[0].Ports[0].Port = "web"),
        (nameof(ManifestRules.Policies), "to nobody", all => all.One<V1NetworkPolicy>("node-to-node").Spec.Egress[0].To[0].PodSelector.MatchLabels["app.kubernetes.io/name"] = "toni"),
        (nameof(ManifestRules.Policies), "lets in nobody", all => all.One<V1NetworkPolicy>("node-to-node").Spec.Ingress[0].FromProperty[0].PodSelector.MatchLabels["app.kubernetes.io/name"] = "toni"),
        (nameof(ManifestRules.Flows), "no way to another node", all => all.Objects.Remove(all.One<V1NetworkPolicy>("node-to-node"))),
        (nameof(ManifestRules.Flows), "no way in from another node", all => all.One<V1NetworkPolicy>("node-to-node").Spec.Ingress = null),
        (nameof(ManifestRules.Flows), "to another port of another node", all => all.One<V1NetworkPolicy>("node-to-node").Spec.Egress[0].Ports[0].Port = "http"),
        (nameof(ManifestRules.Flows), "to some of the other nodes", all => all.One<V1NetworkPolicy>("node-to-node").Spec.Egress[0].To[0].PodSelector.MatchExpressions = [new V1LabelSelectorRequirement { Key = "toni", OperatorProperty = "Exists" }]),
        (nameof(ManifestRules.Flows), "no way to services", all => all.Objects.Remove(all.One<V1NetworkPolicy>("nodes-to-services"))),
        (nameof(ManifestRules.Flows), "names by TCP alone", all => all.One<V1NetworkPolicy>("nodes-to-services").Spec.Egress[0].Ports[0].Protocol = "TCP"),
        (nameof(ManifestRules.Flows), "names of the namespace alone", all => all.One<V1NetworkPolicy>("nodes-to-services").Spec.Egress[0].To = [new V1NetworkPolicyPeer { PodSelector = new V1LabelSelector() }]),
        (nameof(ManifestRules.Flows), "no way to the store", all => all.One<V1NetworkPolicy>("nodes-to-services").Spec.Egress[1].Ports[0].Port = 80),
        (nameof(ManifestRules.Flows), "no way for traces", all => all.One<V1NetworkPolicy>("nodes-to-services").Spec.Egress.RemoveAt(2)),
        (nameof(ManifestRules.Flows), "a collector elsewhere", all => Set(all, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.tracing.svc:4317")),
        (nameof(ManifestRules.Flows), "a collector at another port", all => Set(all, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.monitoring:14317")),
        (nameof(ManifestRules.Flows), "no way for clients", all => all.Objects.Remove(all.One<V1NetworkPolicy>("clients-to-api"))),
        (nameof(ManifestRules.Flows), "no way for neighbours", all => all.One<V1NetworkPolicy>("clients-to-api").Spec.Ingress[0].FromProperty.RemoveAt(0)),
        (nameof(ManifestRules.Flows), "no way for Prometheus", all => all.Objects.Remove(all.One<V1NetworkPolicy>("prometheus-to-nodes"))),
        (nameof(ManifestRules.Flows), "a Prometheus elsewhere", all => all.One<V1NetworkPolicy>("prometheus-to-nodes").Spec.Ingress[0].FromProperty[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] = "tonno"),
        (nameof(ManifestRules.Monitors), "watches nobody", all => all.One<PodMonitor>("tonno").Spec.PodMetricsEndpoints[0].Port = "web"),
        (nameof(ManifestRules.Monitors), "where nothing is told", all => all.One<PodMonitor>("tonno").Spec.PodMetricsEndpoints[0].Path = "/metric"),
        (nameof(ManifestRules.Scalers), "pods that stay", all => all.One<ScaledObject>("slice").Spec.MinReplicaCount = 1),
        (nameof(ManifestRules.Scalers), "asleep at some work", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata["activationThreshold"] = "300"),
        (nameof(ManifestRules.Scalers), "nothing said of when to wake", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata.Remove("activationThreshold")),
        (nameof(ManifestRules.Scalers), "another Prometheus", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata["serverAddress"] = "http://prometheus.monitoring.svc:9090"),
        (nameof(ManifestRules.Scalers), "another's work", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata["query"] = "max(tonno_coordinator_backlog_seconds{namespace=\"toni\"})"),
        (nameof(ManifestRules.Scalers), "everybody's work", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata["query"] = "max(tonno_coordinator_backlog_seconds)"),
        (nameof(ManifestRules.Metrics), "of nobody", all => all.One<ScaledObject>("slice").Spec.Triggers[0].Metadata["query"] = "max(tonno_coordinator_backlog)"),
        (nameof(ManifestRules.Metrics), "an alert of nobody's", all => all.One<PrometheusRule>("tonno").Spec.Groups[0].Rules[^1].Expr = "namespace:tonno_store:rate5m > 1"),
        (nameof(ManifestRules.Metrics), "a panel of nobody's", all => all.One<V1ConfigMap>("dashboards").Data["store.json"] = all.One<V1ConfigMap>("dashboards").Data["store.json"].Replace("tonno_store_io_bytes_total", "tonno_store_bytes_total", StringComparison.Ordinal)),
        (nameof(ManifestRules.Traces), "nothing said", all => Settings(all).Data.Remove("OTEL_EXPORTER_OTLP_ENDPOINT")),
        (nameof(ManifestRules.Traces), "no address", all => Set(all, "OTEL_EXPORTER_OTLP_ENDPOINT", "collector")),
        (nameof(ManifestRules.Attributes), "none", all => Program(all, "slice").Env.Remove(Variable(all, "slice", "OTEL_RESOURCE_ATTRIBUTES"))),
        (nameof(ManifestRules.Attributes), "before what they name", all => Program(all, "recon").Env = [Variable(all, "recon", "OTEL_RESOURCE_ATTRIBUTES"), .. Program(all, "recon").Env.Where(variable => variable.Name != "OTEL_RESOURCE_ATTRIBUTES")]),
        (nameof(ManifestRules.Attributes), "of every role alike", all => Variable(all, "slice", "POD_ROLE").ValueFrom.FieldRef.FieldPath = "metadata.labels['app.kubernetes.io/name']"),
        (nameof(ManifestRules.Attributes), "another service", all => Set(all, "OTEL_SERVICE_NAME", "toni")),
        (nameof(ManifestRules.Attributes), "another service among them", all => Variable(all, "recon", "OTEL_RESOURCE_ATTRIBUTES").Value += ",service.name=toni"),
        (nameof(ManifestRules.Scaling), "two hands", all => all.One<V1Deployment>("slice").Spec.Replicas = 2),
    ];

    /// <summary>Those of what the overlay azure has not, with where it is.</summary>
    private static readonly (string Build, string Rule, string Damage, Action<Manifests> Do)[] _damagesElsewhere =
    [
        ("dev", nameof(ManifestRules.Flows), "no way to the emulator", all => all.Objects.Remove(all.One<V1NetworkPolicy>("azurite-from-nodes"))),
        ("dev", nameof(ManifestRules.Flows), "no way into the emulator", all => all.One<V1NetworkPolicy>("nodes-to-azurite").Spec.Ingress = null),
        ("dev", nameof(ManifestRules.Keys), "no such key of the emulator's", all => Variable(all, "slice", "AZURE_STORAGE_CONNECTION_STRING").ValueFrom.SecretKeyRef.Key = "connection"),
        ("dev", nameof(ManifestRules.Gpus), "for the processor", all => Program(all, "slice").Resources.Limits["nvidia.com/gpu"] = new ResourceQuantity("1")),
        (Gateway, nameof(ManifestRules.Flows), "no way to the gateway", all => all.Objects.Remove(all.One<V1NetworkPolicy>("nodes-to-gateway"))),
        (Gateway, nameof(ManifestRules.Keys), "no such file of a secret", all => Pod(all, "dicomweb-gateway").Volumes.Single(volume => volume.Name == "users").Secret.Items[0].Key = "user.json"),
        (Gateway, nameof(ManifestRules.Keys), "no such file of a ConfigMap", all => Pod(all, "dicomweb-gateway").Containers[0].VolumeMounts.Single(mount => mount.Name == "settings").SubPath = "orthanc.yaml"),
    ];

    public static TheoryData<string, string, string> Damages =>
    [
        .. _damages.Select(damage => ("azure", damage.Rule, damage.Damage)),
        .. _damagesElsewhere.Select(damage => (damage.Build, damage.Rule, damage.Damage)),
    ];

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task Rule_OfDamagedManifests_Notices(string build, string rule, string damage)
    {
        var manifests = Manifests.Load(await ManifestTests.RenderAsync(build));
        _damages.Concat(_damagesElsewhere.Select(one => (one.Rule, one.Damage, one.Do))).Single(one => (one.Rule, one.Damage) == (rule, damage)).Do(manifests);
        Assert.NotEmpty(ManifestRules.All[rule](manifests));
    }

    [Fact]
    public void Rules_AllOfThem_AreTried() => Assert.Equal(ManifestRules.All.Keys.Order(), _damages.Select(damage => damage.Rule).Distinct().Order());

    /// <summary>A name that nothing bears would never be missed.</summary>
    [Fact]
    public void RequiredFields_AllOfThem_AreFields()
    {
        var types = typeof(V1Pod).Assembly.GetTypes().Where(type => type.Namespace == "k8s.Models").Concat(typeof(RequiredFields).Assembly.GetTypes().Where(type => type.DeclaringType is not null))
            .GroupBy(RequiredFields.NameOf).ToDictionary(group => group.Key, group => group.First());
        Assert.All(RequiredFields.All, required => Assert.Empty(required.Value.Except(RequiredFields.FieldsOf(types[required.Key]).Select(field => field.Name))));
    }

    [Theory]
    [InlineData("replicas: 3", "replica: 3")]
    [InlineData("path: /health/ready", "pth: /health/ready")]
    [InlineData("containerPort: 8080", "containerPort: http")]
    [InlineData("memory: 12Gi", "memory: 12 gigabytes")]
    [InlineData("cooldownPeriod: 300", "coolDownPeriod: 300")]
    [InlineData("renewBefore: 1440h", "renewbefore: 1440h")]
    [InlineData("kind: PodMonitor", "kind: PodMonitors")]
    [InlineData("podMetricsEndpoints:", "endpoints:")]
    [InlineData("for: 15m", "forr: 15m")]
    public async Task Load_MisspeltOrMistyped_Refused(string right, string wrong)
    {
        var text = await Kustomization.OverlayAsync("azure");
        Assert.Contains(right, text, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => Manifests.Load(text.Replace(right, wrong, StringComparison.Ordinal)));
    }

    private static V1PodSpec Pod(Manifests manifests, string workload) => manifests.Workloads.Single(one => one.Name == workload).Pod;

    private static V1Container Program(Manifests manifests, string workload) => manifests.Workloads.Single(one => one.Name == workload).Container(Workload.Program)!;

    private static V1EnvVar Variable(Manifests manifests, string workload, string name) => Program(manifests, workload).Env.Single(variable => variable.Name == name);

    private static V1Toleration Toleration(Manifests manifests, string key) => Pod(manifests, "slice").Tolerations.Single(toleration => toleration.Key == key);

    /// <summary>Sets a variable of all nodes.</summary>
    private static void Set(Manifests manifests, string name, string value) => Settings(manifests).Data[name] = value;

    private static V1ConfigMap Settings(Manifests manifests) => manifests.All<V1ConfigMap>().Single(map => map.Metadata.Name.StartsWith("tonno-", StringComparison.Ordinal));
}
