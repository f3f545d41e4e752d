using System.Threading.Channels;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Storage;

namespace ToNNO.Tonno.Runs;

/// <summary>Submits a run to the coordinator and hears how it goes.</summary>
internal static class RunClient
{
    /// <summary>The coordinator may still be starting, or moving: a submission without an answer is repeated.</summary>
    private static readonly TimeSpan SubmitAgainAfter = TimeSpan.FromSeconds(2);

    /// <summary>Runs inputs on a started node; the events end with <see cref="RunProtocol.RunFinished"/> or
    /// <see cref="RunProtocol.RunRejected"/>.</summary>
    public static async IAsyncEnumerable<IWireMessage> RunAsync(
        IHost node, RunId run, RunSettings settings, IReadOnlyList<RunInput> inputs, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var store = node.Services.GetRequiredService<IBlobStore>();
        var time = node.Services.GetRequiredService<TimeProvider>();
        var document = new RunDocument { RunId = run, Settings = settings, InputCount = inputs.Count, SubmittedAt = time.GetUtcNow(), OfOneProcess = true };
        var blob = await new RunRegistry(store).CreateAsync(document, inputs, cancel).ConfigureAwait(false);

        var system = node.Services.GetRequiredService<ActorSystem>();
        var coordinator = node.Services.GetRequiredService<IActorRegistry>().Get<CoordinatorKey>();
        var events = Channel.CreateUnbounded<IWireMessage>();
        var submit = new RunProtocol.SubmitRun(run, blob);
        var watcher = system.ActorOf(Props.Create(() => new WatcherActor(coordinator, submit, events.Writer)));
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

    private sealed class WatcherActor : ReceiveActor, IWithTimers
    {
        private readonly RunId _run;
        private readonly ChannelWriter<IWireMessage> _events;

        public WatcherActor(IActorRef coordinator, RunProtocol.SubmitRun submit, ChannelWriter<IWireMessage> events)
        {
            (_run, _events) = (submit.RunId, events);
            Receive<Submit>(_ => coordinator.Tell(submit));
            Receive<Terminated>(_ =>
            {
                events.TryWrite(new RunProtocol.RunRejected(submit.RunId, "internal.failure", "The run failed unexpectedly; the log says where. Please report it."));
                events.TryComplete();
            });
            Receive<IWireMessage>(message =>
            {
                Timers.Cancel(nameof(Submit));
                Context.Watch(Sender);
                events.TryWrite(message);
                if (message is RunProtocol.RunFinished or RunProtocol.RunRejected)
                {
                    events.TryComplete();
                }
            });
            Timers.StartPeriodicTimer(nameof(Submit), new Submit(), TimeSpan.Zero, SubmitAgainAfter);
        }

        public ITimerScheduler Timers { get; set; } = null!;

        /// <summary>Where nobody waits any longer for the run's end, that says nothing; else the node ends under it.</summary>
        protected override void PostStop()
        {
            _events.TryWrite(new RunProtocol.RunRejected(_run, "coordinator.lost", "The run's coordinator has left, since another has written to the store; look with --verbose who, and run again."));
            _events.TryComplete();
        }

        private sealed record Submit : ILocalMessage;
    }
}
