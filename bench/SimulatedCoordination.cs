using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Contracts.Wire;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Bench;

/// <summary>The coordinator's own actors in an actor system, with inputs, encoders and reducers that are simulated.</summary>
internal sealed class SimulatedCoordination : IAsyncDisposable
{
    /// <summary>What would go to another node is written and read as if it did.</summary>
    private const string Configuration =
        $$"""
        akka { loglevel = ERROR, stdout-loglevel = ERROR }
        {{WireSerializer.Configuration}}
        akka.actor { serialize-messages = on, serialization-settings.allow-unregistered-types = true }
        """;

    private readonly ActorSystem _system = ActorSystem.Create("load", Configuration);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="lastOpen">True where the last volume is never inspected: the run does not end.</param>
    public SimulatedCoordination(IBlobStore store, RunDocument run, int encoders, TimeSpan blockTime, bool lastOpen)
    {
        var options = new CoordinatorOptions
        {
            MaximumVolumes = 2 * encoders,
            MaximumInspections = encoders,
            LeaseAim = blockTime, // the shortest leases, which are the most work
        };
        Inspector = new SimulatedInspector(run.InputCount, lastOpen);
        var slabs = _system.ActorOf(Props.Create(() => new SlabRegion()));
        var publishers = _system.ActorOf(Props.Create(() => new PublisherRegion()));
        var starter = new RunStarter(
            store, "bench", options, TimeProvider.System, new ClaimKeeper(store), () => false, false,
            (desks, ledger) => new VolumeServices(Inspector, ledger, store, desks.Leases, slabs, publishers, options, TimeProvider.System) { Gate = desks.Gate, Admission = desks.Admission });
        var coordinator = _system.ActorOf(Props.Create(() => new CoordinatorActor(starter)), "coordinator");
        _system.ActorOf(Props.Create(() => new Watcher(coordinator, run.RunId, this)));
        for (var encoder = 0; encoder < encoders; encoder++)
        {
            var id = $"node-{encoder / 4}#1/{encoder % 4}";
            _system.ActorOf(Props.Create(() => new SimulatedEncoderActor(id, coordinator, blockTime, Tally)));
        }
    }

    public SimulatedInspector Inspector { get; }

    public EncoderTally Tally { get; } = new();

    public int Concluded { get; private set; }

    public Task Finished => _finished.Task;

    public async ValueTask DisposeAsync() => await _system.Terminate();

    private sealed class Watcher : ReceiveActor
    {
        public Watcher(IActorRef coordinator, RunId run, SimulatedCoordination load)
        {
            Receive<RunProtocol.VolumeConcluded>(concluded =>
            {
                load.Concluded++;
                if (concluded.State != VolumeState.Completed)
                {
                    load._finished.TrySetException(new InvalidOperationException($"A volume failed: {concluded}."));
                }
            });
            Receive<RunProtocol.RunFinished>(_ => load._finished.TrySetResult());
            Receive<RunProtocol.RunRejected>(rejected => load._finished.TrySetException(new InvalidOperationException(rejected.Detail)));
            ReceiveAny(_ => { });
            coordinator.Tell(new RunProtocol.WatchRun(run));
        }
    }

    private sealed class SlabRegion : ReceiveActor
    {
        public SlabRegion() => Receive<ReconProtocol.ApplyRows>(apply => Sender.Tell(
            apply.Directions.End == apply.Task.Settings.Directions
                ? new ReconProtocol.SlabCompleted(apply.Task.VolumeId, apply.Slab, new BlobRef("slab", "0"), TimeSpan.Zero)
                : new ReconProtocol.RowsApplied(apply.Task.VolumeId, apply.Slab, apply.Directions.End)));
    }

    private sealed class PublisherRegion : ReceiveActor
    {
        public PublisherRegion() => Receive<ReconProtocol.PublishHeatmap>(
            publish => Sender.Tell(new ReconProtocol.HeatmapPublished(publish.Task.VolumeId, new BlobRef("result", "0"), "")));
    }
}

/// <summary>Says of every volume that it is a cube, without having looked.</summary>
internal sealed class SimulatedInspector(int volumes, bool lastOpen) : IVolumeInspector
{
    private readonly TaskCompletionSource _lastReached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the last volume's inspection begins.</summary>
    public Task LastReached => _lastReached.Task;

    public async Task<Inspection> InspectAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel)
    {
        var number = int.Parse(input.VolumeId.Value.AsSpan("volume-".Length), System.Globalization.CultureInfo.InvariantCulture);
        if (number == volumes - 1)
        {
            _lastReached.TrySetResult();
            await Task.Delay(lastOpen ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, cancel);
        }

        var task = SimulatedVolumes.Task(run, settings, number);
        return new Inspection(task, [.. task.Leases()], [], settings.Directions, PredictedBytes: 1, Done: null);
    }
}
