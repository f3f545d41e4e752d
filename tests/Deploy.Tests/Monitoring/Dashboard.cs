using System.Text.Json.Nodes;
using k8s.Models;
using ToNNO.Deploy.Tests.Kubernetes;

namespace ToNNO.Deploy.Tests.Monitoring;

/// <summary>A dashboard of Grafana.</summary>
internal sealed class Dashboard(string name, JsonNode content)
{
    public string Name { get; } = name;

    public JsonNode Content { get; } = content;

    public IEnumerable<JsonNode> Panels => Content["panels"]!.AsArray().Select(panel => panel!);

    /// <summary>All that its panels ask.</summary>
    public IEnumerable<Query> Queries => Panels.SelectMany(panel => panel["targets"]!.AsArray().Select(target => new Query($"{Name}, {panel["title"]}", (string)target!["expr"]!, (bool?)target["exemplar"] == true)));

    public static IReadOnlyList<Dashboard> AllOf(Manifests manifests) =>
    [
        .. manifests.All<V1ConfigMap>().Where(map => map.Metadata.Labels?.ContainsKey("grafana_dashboard") == true)
            .SelectMany(map => map.Data.Select(file => new Dashboard(Path.GetFileNameWithoutExtension(file.Key), JsonNode.Parse(file.Value)!))),
    ];

    /// <param name="Place">The panel.</param>
    /// <param name="Expression">As it stands in the file.</param>
    internal sealed record Query(string Place, string Expression, bool WantsExemplars)
    {
        private const string Some = " > 0";

        /// <summary>As Grafana asks for all namespaces, over a minute; and also for what has not happened, which the panel leaves out.</summary>
        public string Asked => (Expression.EndsWith(Some, StringComparison.Ordinal) ? Expression[..^Some.Length] : Expression)
            .Replace("$namespace", ".*", StringComparison.Ordinal).Replace("$__rate_interval", "1m", StringComparison.Ordinal);
    }
}
