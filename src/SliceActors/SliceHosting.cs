using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Encoders.Checking;
using ToNNO.Imaging;
using ToNNO.SliceActors.Caching;
using ToNNO.SliceActors.Encoding;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors;

public static class SliceHosting
{
    public const string Role = "slice";

    private const string Dispatcher = "tonno.torch-dispatcher";

    /// <summary>The time to drain is an option's; the phase in which it passes is only to be longer.</summary>
    private const string Configuration =
        $$"""
        {{Dispatcher}} { type = PinnedDispatcher }
        akka.coordinated-shutdown.phases.before-service-unbind.timeout = 1h
        """;

    /// <summary>Runs this node's encoders: one actor per device share, each on a thread of its own, and the cache they read from.</summary>
    public static AkkaConfigurationBuilder WithSliceEncoders(this AkkaConfigurationBuilder builder) => builder
        .AddHocon(Configuration, HoconAddMode.Prepend)
        .WithActors((system, registry, resolver) =>
        {
            var options = resolver.GetService<IOptions<SliceOptions>>().Value;
            var store = resolver.GetService<IBlobStore>();
            var remote = resolver.GetService<IRemoteFiles>();
            var pool = new EncoderPool(settings => Open(settings, options.Device));
            system.RegisterOnTermination(pool.Dispose);
            var stopping = new CancellationTokenSource();
            system.RegisterOnTermination(stopping.Dispose);
            var coordinator = registry.Get<CoordinatorKey>();
            Func<VolumeTask, CancellationToken, Task<IReadOnlyList<Volume>>> load = async (task, cancel) =>
            {
                await StoreMark.RequireAsync(store, task.Store, cancel).ConfigureAwait(false); // rows that nobody would find
                return [.. VolumeSource.Load(task.SourceUris, task.SourceSha256, long.MaxValue, cancel, remote).Select(channel => channel.Volume)];
            };
            var cache = system.ActorOf(Props.Create(() => new VolumeCacheActor(options.CacheBytes, load)), "volume-cache");
            var node = Akka.Cluster.Cluster.Get(system).SelfUniqueAddress;
            var (encoders, name) = (new List<IActorRef>(), TorchDevice.NameOf(options.Device));
            EncoderTelemetry.Begin(name);
            for (var index = 0; index < options.Encoders; index++)
            {
                var id = $"{node.Address}#{node.Uid}/{index}"; // the coordinator tells by it which encoders share a process
                var leaseEncoder = new LeaseEncoder(options.BatchPixels, model => EncoderFactory.CutsOnDevice(model, options.Device));
                var device = Props.Create(() => new DeviceActor(leaseEncoder, pool, name, stopping.Token)).WithDispatcher(Dispatcher);
                encoders.Add(system.ActorOf(
                    Props.Create(() => new EncoderActor(id, coordinator, cache, store, leaseEncoder, device, options, stopping.Token)),
                    $"encoder-{index}"));
            }

            var shutdown = CoordinatedShutdown.Get(system);
            shutdown.AddTask(
                CoordinatedShutdown.PhaseBeforeServiceUnbind, "stop-encoding", () => StopAsync(encoders, shutdown.ShutdownReason, stopping, options));
        });

    /// <summary>Opens a model, and tries it on this node's device: where the run was planned, there may be no such device, or no libtorch.</summary>
    private static ISliceEncoder Open(RunSettings settings, string device)
    {
        var encoder = EncoderFactory.Open(settings.Model, device);
        try
        {
            EncoderProbe.TryPrecision(settings.Model, encoder, EncoderProbe.Try(encoder, settings.Size, settings.Maps?.Layer));
            return encoder;
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    /// <summary>Has the encoders end what they have begun and give back the rest. A node that was cut off has nobody to tell.</summary>
    private static async Task<Akka.Done> StopAsync(
        IEnumerable<IActorRef> encoders, CoordinatedShutdown.Reason? reason, CancellationTokenSource stopping, SliceOptions options)
    {
        var drained = Task.CompletedTask;
        if (reason is not CoordinatedShutdown.ClusterDowningReason)
        {
            drained = Task.WhenAll(encoders.Select(encoder => encoder.GracefulStop(options.DrainDeadline + (2 * options.FarewellDeadline), new EncoderActor.Drain())));
            await Task.WhenAny(drained, Task.Delay(options.DrainDeadline)).ConfigureAwait(false);
        }

        await stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await drained.ConfigureAwait(false);
        }
        catch (TaskCanceledException)
        {
            // An encoder that hangs has given its leases back; it ends with the process.
        }

        return Akka.Done.Instance;
    }
}
