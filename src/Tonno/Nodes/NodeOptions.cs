using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Api;
using ToNNO.ReconActors;
using ToNNO.SliceActors;

namespace ToNNO.Tonno.Nodes;

/// <summary>All that a node of a cluster may be told; docs/operations.md. Lists are texts with commas, so that one layer of configuration
/// replaces another's whole.</summary>
internal sealed class NodeOptions
{
    [Description("What the node does: coordinator, slice, recon, with commas between.")]
    public string Roles { get; init; } = string.Join(',', RoleNames.All);

    [Description("The store that all nodes share: a folder, or azure://CONTAINER/PREFIX.")]
    [MinLength(1, ErrorMessage = "must name the store: a folder that all nodes see, or azure://CONTAINER/PREFIX")]
    public string Store { get; init; } = "";

    [Description("Trace, Debug, Information, Warning, Error or Critical.")]
    [AllowedValues("Trace", "Debug", "Information", "Warning", "Error", "Critical", ErrorMessage = "must be Trace, Debug, Information, Warning, Error or Critical")]
    public string LogLevel { get; init; } = "Information";

    [Description("The longest that the node takes to stop when it is told to.")]
    [Range(typeof(TimeSpan), "00:00:05", "01:00:00")]
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(45);

    public ClusterSection Cluster { get; init; } = new();

    public HttpSection Http { get; init; } = new();

    public ApiOptions Api { get; init; } = new();

    public CoordinatorOptions Coordinator { get; init; } = new() { MaximumVolumes = 32, MaximumInspections = 64, MemoryBudgetBytes = 16L << 30 };

    public SliceOptions Slice { get; init; } = new();

    public ReconOptions Recon { get; init; } = new();

    public IReadOnlyList<string> RoleList => Split(Roles);

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    internal sealed class ClusterSection
    {
        [Description("Name by which the other nodes reach this one.")]
        [MinLength(1, ErrorMessage = "must be a name or address by which the other nodes reach this one")]
        public string Host { get; init; } = "127.0.0.1";

        [Description("Address to listen on; empty for Host's.")]
        public string Bind { get; init; } = "";

        [Range(1, 65535)]
        public int Port { get; init; } = 4053;

        [Description("Nodes to join by, as HOST:PORT with commas between; the first may begin a cluster. Empty: this node begins one.")]
        public string Seeds { get; init; } = "";

        [Description("After so long without a change of who reaches whom, the side with fewer nodes leaves.")]
        [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
        public TimeSpan StableAfter { get; init; } = TimeSpan.FromSeconds(15);

        [Description("A node whose heartbeats stay out for longer counts as unreachable; a busy machine misses some.")]
        [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
        public TimeSpan HeartbeatPause { get; init; } = TimeSpan.FromSeconds(8);

        [Description("A node that has known no coordinator for so long ends, to join anew.")]
        [Range(typeof(TimeSpan), "00:00:05", "1.00:00:00")]
        public TimeSpan OrphanedAfter { get; init; } = TimeSpan.FromMinutes(1);

        [Description("A node that has not been let in by its seeds for so long ends, to knock anew: they may not know it from one that died at its address.")]
        [Range(typeof(TimeSpan), "00:00:05", "1.00:00:00")]
        public TimeSpan JoinWithin { get; init; } = TimeSpan.FromMinutes(2);

        public TlsSection Tls { get; init; } = new();

        public IReadOnlyList<string> SeedList => Split(Seeds);
    }

    /// <summary>Mutual TLS between nodes; all three or none.</summary>
    internal sealed class TlsSection
    {
        [Description("The node's certificate, PEM.")]
        public string Certificate { get; init; } = "";

        [Description("Its key, PEM.")]
        public string Key { get; init; } = "";

        [Description("Certificates of the authorities that peers' certificates must be signed by, PEM.")]
        public string Authority { get; init; } = "";

        public bool IsOn => Certificate.Length > 0;
    }

    internal sealed class HttpSection
    {
        [Description("Address and port of health checks and, on coordinators, of the API.")]
        public string Listen { get; init; } = "127.0.0.1:8080";
    }
}
