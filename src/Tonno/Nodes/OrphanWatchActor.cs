using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator;

namespace ToNNO.Tonno.Nodes;

/// <summary>Ends a node whose cluster has no coordinator: one that was cut off with some others, or whose coordinators have begun a cluster
/// anew. Started again, it joins them.</summary>
internal sealed class OrphanWatchActor : ReceiveActor, IWithTimers
{
    private readonly Cluster _cluster = Cluster.Get(Context.System);

    public OrphanWatchActor(TimeSpan orphanedAfter)
    {
        Receive<ClusterEvent.IMemberEvent>(_ => Look(orphanedAfter));
        Receive<ClusterEvent.CurrentClusterState>(_ => Look(orphanedAfter));
        Receive<Orphaned>(_ =>
        {
            Context.GetLogger().Error("No coordinator has been in this cluster for {OrphanedAfter}: this node leaves", orphanedAfter);
            CoordinatedShutdown.Get(Context.System).Run(CoordinatedShutdown.ClusterDowningReason.Instance);
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => _cluster.Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsSnapshot, typeof(ClusterEvent.IMemberEvent));

    protected override void PostStop() => _cluster.Unsubscribe(Self);

    private void Look(TimeSpan orphanedAfter)
    {
        var state = _cluster.State;
        if (state.Members.IsEmpty || state.Members.Any(member => member.HasRole(CoordinatorHosting.Role)))
        {
            Timers.Cancel(nameof(Orphaned)); // not a member yet, or all is well
        }
        else if (!Timers.IsTimerActive(nameof(Orphaned)))
        {
            Timers.StartSingleTimer(nameof(Orphaned), new Orphaned(), orphanedAfter);
        }
    }

    private sealed record Orphaned : ILocalMessage;
}
