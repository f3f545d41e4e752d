using System.ComponentModel.DataAnnotations;

namespace ToNNO.Coordinator.Api;

public sealed class ApiOptions
{
    public const string Section = "Api";

    /// <summary>The secret that clients show as a bearer token; empty for none, which is allowed where only this machine can reach the API.</summary>
    public string Token { get; init; } = "";

    /// <summary>After this long without a word from the coordinator a request is refused.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan CoordinatorTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After this long without a word from the coordinator the cluster is described without its leases.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan LeasesTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
