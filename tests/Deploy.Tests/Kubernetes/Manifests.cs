using k8s;
using k8s.Models;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Everything that an overlay applies, strictly typed.</summary>
internal sealed class Manifests
{
    private Manifests(IReadOnlyList<IKubernetesObject<V1ObjectMeta>> objects) => Objects = [.. objects];

    public List<IKubernetesObject<V1ObjectMeta>> Objects { get; }

    public IReadOnlyList<Workload> Workloads =>
    [
        .. All<V1Deployment>().Select(one => new Workload(one.Kind, one.Metadata, one.Spec.Selector, one.Spec.Template, one.Spec.Replicas)),
        .. All<V1StatefulSet>().Select(one => new Workload(one.Kind, one.Metadata, one.Spec.Selector, one.Spec.Template, one.Spec.Replicas)),
    ];

    /// <summary>Those that run the program.</summary>
    public IEnumerable<Workload> Nodes => Workloads.Where(workload => workload.Container(Workload.Program) is not null);

    /// <exception cref="Exception">A kind, a field or a value is none.</exception>
    public static Manifests Load(string yaml) => new([.. KubernetesYaml.LoadAllFromString(yaml, CustomResources.Types, strict: true).Cast<IKubernetesObject<V1ObjectMeta>>()]);

    public IEnumerable<T> All<T>() => Objects.OfType<T>();

    public T One<T>(string name)
        where T : IKubernetesObject<V1ObjectMeta> => All<T>().Single(one => one.Metadata.Name == name);

    public bool Has(string kind, string name) => Objects.Any(one => one.Kind == kind && one.Metadata.Name == name);

    public IEnumerable<Workload> Selected(IDictionary<string, string>? labels) => Workloads.Where(workload => workload.HasLabels(labels));
}

/// <summary>Pods, and what keeps them.</summary>
/// <param name="Replicas">Null where a scaler decides.</param>
internal sealed record Workload(string Kind, V1ObjectMeta Metadata, V1LabelSelector Selector, V1PodTemplateSpec Template, int? Replicas)
{
    /// <summary>Name of the container of a node.</summary>
    public const string Program = "tonno";

    public string Name => Metadata.Name;

    public V1PodSpec Pod => Template.Spec;

    public IEnumerable<V1Container> Containers => [.. Pod.InitContainers ?? [], .. Pod.Containers];

    public V1Container? Container(string name) => Pod.Containers.SingleOrDefault(container => container.Name == name);

    public bool HasLabels(IDictionary<string, string>? labels) =>
        (labels ?? new Dictionary<string, string>()).All(label => Template.Metadata.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    /// <summary>Containers' ports by name and by number.</summary>
    public bool HasPort(string port) => PortNames(port).Count > 0;

    /// <summary>What a port goes by, its name and its number, by either of them; none where it is not there.</summary>
    public IReadOnlyList<string> PortNames(string port) =>
        [.. Containers.SelectMany(container => container.Ports ?? []).Where(open => open.Name == port || $"{open.ContainerPort}" == port).SelectMany(open => new[] { open.Name, $"{open.ContainerPort}" })];
}
