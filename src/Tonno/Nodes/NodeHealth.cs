using Akka.Actor;
using Akka.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ToNNO.Tonno.Nodes;

/// <summary>What a node tells those who look after it: <c>/health/started</c>, <c>/health/ready</c> and <c>/health/live</c>.</summary>
internal static class NodeHealth
{
    /// <summary>What all paths begin with.</summary>
    public const string Root = "/health";
    public const string Started = Root + "/started";
    public const string Ready = Root + "/ready";
    public const string Live = Root + "/live";

    public static void MapHealth(this WebApplication app)
    {
        var lifetime = app.Lifetime;
        Map(app, Started, system => lifetime.ApplicationStarted.IsCancellationRequested && IsLive(system));
        Map(app, Ready, system => !lifetime.ApplicationStopping.IsCancellationRequested && IsLive(system) && IsReady(Cluster.Get(system)));
        Map(app, Live, IsLive);
    }

    /// <summary>False where starting the process anew is all that helps; a node that waits for others, or that leaves, is alive.</summary>
    private static bool IsLive(ActorSystem system) => !system.WhenTerminated.IsCompleted;

    private static bool IsReady(Cluster cluster) => !cluster.IsTerminated && IsReady(cluster.SelfMember.Status, cluster.State.Members.Count, cluster.State.Unreachable.Count);

    /// <param name="status">The node's own, as the cluster has it.</param>
    /// <param name="members">Nodes of the cluster, this one too.</param>
    /// <param name="unreachable">Those of them that this node cannot reach: where they are the most, it is this node that is cut off.</param>
    public static bool IsReady(MemberStatus status, int members, int unreachable) => status == MemberStatus.Up && 2 * unreachable <= members;

    private static void Map(WebApplication app, string path, Func<ActorSystem, bool> isWell) => app.MapGet(path, (ActorSystem system) => Answer(isWell(system))).ExcludeFromDescription();

    private static ContentHttpResult Answer(bool well) => well ? TypedResults.Text("ok") : TypedResults.Text("not now", statusCode: StatusCodes.Status503ServiceUnavailable);
}
