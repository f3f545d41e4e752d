using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Coordinator;

namespace ToNNO.Tonno.Nodes;

/// <summary>Ends a node whose cluster has no coordinator: one that was cut off with some others, or whose coordinators have begun a cluster
/// anew. Started again, it joins them.</summary>
/// <remarks>It looks again and again, since what an event tells may not yet stand in the state when the event comes, and there may be no other.</remarks>
internal sealed class OrphanWatchActor : ReceiveActor, IWithTimers
{
    /// <summary>Looks in a row that find no coordinator, until the node leaves.</summary>
    private const int Looks = 10;

    private readonly Cluster _cluster = Cluster.Get(Context.System);
    private readonly TimeSpan _lookEvery;
    private int _missed;

    public OrphanWatchActor(TimeSpan orphanedAfter)
    {
        _lookEvery = orphanedAfter / Looks;
        Receive<Look>(_ =>
        {
            _missed = IsOrphaned() ? _missed + 1 : 0;
            if (_missed == Looks)
            {
                Context.GetLogger().Error("No coordinator has been in this cluster for {OrphanedAfter}: this node leaves", orphanedAfter);
                CoordinatedShutdown.Get(Context.System).Run(CoordinatedShutdown.ClusterDowningReason.Instance);
            }
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Look), new Look(), _lookEvery);

    /// <remarks>A node that is no member yet is none. Who is up waits for the split-brain resolver to judge of those that are silent; of who is
    /// joining nobody does.</remarks>
    private bool IsOrphaned()
    {
        var (state, isUp) = (_cluster.State, _cluster.SelfMember.Status == MemberStatus.Up);
        return !state.Members.IsEmpty && !state.Members.Any(member => member.HasRole(CoordinatorHosting.Role) && (isUp || !state.Unreachable.Contains(member)));
    }

    private sealed record Look : ILocalMessage;
}
