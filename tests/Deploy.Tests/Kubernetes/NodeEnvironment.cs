using k8s.Models;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>What a node's container says to the program, and what the program makes of it.</summary>
internal sealed class NodeEnvironment
{
    public const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string TracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    private NodeEnvironment(IReadOnlyDictionary<string, string> variables) =>
        (Variables, Configuration) = (variables, NodeConfiguration.Load(null, variables, new Dictionary<string, string>()));

    /// <summary>As the first pod has them; secrets' values are made up.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; }

    public NodeConfiguration Configuration { get; }

    public NodeOptions Options => Configuration.Options;

    /// <summary>Null for nowhere.</summary>
    public Uri? TracesGo => !AreTracesOff && Uri.TryCreate(Variables.GetValueOrDefault(TracesEndpoint) ?? Variables.GetValueOrDefault(OtlpEndpoint), UriKind.Absolute, out var address)
        && address.Scheme is "http" or "https" ? address : null;

    /// <summary>It is said that traces go nowhere.</summary>
    public bool AreTracesOff => Variables.GetValueOrDefault("OTEL_TRACES_EXPORTER") == "none" || (Variables.GetValueOrDefault(OtlpEndpoint) == "" && !Variables.ContainsKey(TracesEndpoint));

    public static NodeEnvironment Of(Manifests manifests, Workload node)
    {
        var container = node.Container(Workload.Program)!;
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var source in (container.EnvFrom ?? []).Where(source => source.ConfigMapRef is not null))
        {
            foreach (var (name, value) in manifests.All<V1ConfigMap>().SingleOrDefault(map => map.Metadata.Name == source.ConfigMapRef.Name)?.Data ?? new Dictionary<string, string>())
            {
                variables[name] = value;
            }
        }

        foreach (var variable in container.Env ?? [])
        {
            variables[variable.Name] = variable.ValueFrom is null ? Expanded(variable.Value ?? "", variables) : variable.ValueFrom.FieldRef?.FieldPath switch
            {
                "metadata.name" => $"{node.Name}-0",
                "metadata.namespace" => node.Metadata.NamespaceProperty,
                { } path when path.Split('\'') is ["metadata.labels[", var label, "]"] => node.Template.Metadata.Labels[label],
                "status.podIP" => "10.0.0.1",
                _ when variable.Name == "AZURE_STORAGE_CONNECTION_STRING" => "UseDevelopmentStorage=true",
                _ => "a-secret-that-was-brought",
            };
        }

        return new NodeEnvironment(variables);
    }

    /// <summary>Faults of the options, other than that files are not on this machine.</summary>
    public IEnumerable<string> Faults() => Configuration.Faults.Where(fault => !fault.EndsWith("which is not there.", StringComparison.Ordinal));

    private static string Expanded(string text, Dictionary<string, string> variables) =>
        variables.Aggregate(text, (expanded, variable) => expanded.Replace($"$({variable.Key})", variable.Value, StringComparison.Ordinal));
}
