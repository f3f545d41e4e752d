using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Api;

/// <summary>Hears how a run goes, whichever coordinator it has.</summary>
internal static class RunEvents
{
    /// <summary>Events waiting for a slow reader; the oldest go first, and what they told is in the store.</summary>
    private const int MostWaiting = 10_000;

    /// <summary>A coordinator tells something several times a second; one that is silent has moved or died.</summary>
    private static readonly TimeSpan _askAgainAfter = TimeSpan.FromSeconds(3);

    /// <summary>The run's messages from now on; they end with <see cref="RunProtocol.RunFinished"/> or <see cref="RunProtocol.RunRejected"/>.</summary>
    public static async IAsyncEnumerable<IWireMessage> WatchAsync(ActorSystem system, IActorRef coordinator, RunId run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var events = Channel.CreateBounded<IWireMessage>(new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest });
        var watcher = system.ActorOf(Props.Create(() => new WatcherActor(coordinator, run, events.Writer)));
        try
        {
            await foreach (var message in events.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
            {
                yield return message;
            }
        }
        finally
        {
            system.Stop(watcher);
        }
    }

    private sealed class WatcherActor : ReceiveActor
    {
        private readonly ChannelWriter<IWireMessage> _events;

        public WatcherActor(IActorRef coordinator, RunId run, ChannelWriter<IWireMessage> events)
        {
            _events = events;
            var watch = new RunProtocol.WatchRun(run);
            Context.SetReceiveTimeout(_askAgainAfter);
            Receive<ReceiveTimeout>(_ => coordinator.Tell(watch));
            Receive<IWireMessage>(message =>
            {
                events.TryWrite(message);
                if (message is RunProtocol.RunFinished or RunProtocol.RunRejected)
                {
                    events.TryComplete();
                }
            });
            coordinator.Tell(watch);
        }

        /// <summary>A node that stops ends what it tells: who listens asks another.</summary>
        protected override void PostStop() => _events.TryComplete();
    }
}
