using Akka.Actor;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Storage;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Nodes;

/// <summary>Ends a node whose store is not its coordinator's: a coordinator would lose the runs when it comes to lead, the others' work would lie
/// where nobody looks.</summary>
internal sealed class StoreWatchActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan _askAgainAfter = TimeSpan.FromSeconds(15);

    private bool _looking;

    public StoreWatchActor(IActorRef coordinator, IBlobStore store)
    {
        Receive<Ask>(_ => !_looking, _ => coordinator.Tell(new StoreProtocol.DescribeStore()));
        Receive<StoreProtocol.StoreDescribed>(_ => !_looking, described =>
        {
            _looking = true; // a store may take long, and hang
            StoreMark.RequireAsync(store, described.Mark, CancellationToken.None).PipeTo(
                Self, success: () => new Looked(null), failure: error => new Looked(error));
        });
        Receive<Looked>(looked =>
        {
            _looking = false;
            if (looked.Error is BlobStoreException { Error: BlobStoreError.OtherStore } other)
            {
                Context.GetLogger().Error("{Reason} This node leaves", other.Message);
                CoordinatedShutdown.Get(Context.System).Run(OtherStore.Instance);
            }
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Ask), new Ask(), TimeSpan.Zero, _askAgainAfter);

    /// <summary>Why the node left.</summary>
    public sealed class OtherStore : CoordinatedShutdown.Reason
    {
        public static OtherStore Instance { get; } = new();

        public override int ExitCode => ExitCodes.NothingDone;
    }

    private sealed record Ask : ILocalMessage;

    /// <param name="Error">Null where the store is the coordinator's; of a store that fails nothing is known.</param>
    private sealed record Looked(Exception? Error) : ILocalMessage;
}
