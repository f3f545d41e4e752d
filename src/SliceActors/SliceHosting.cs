using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Encoders;
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

    /// <summary>Runs this node's encoders: one actor per device share, each on a thread of its own, and the cache they read from.</summary>
    public static AkkaConfigurationBuilder WithSliceEncoders(this AkkaConfigurationBuilder builder) => builder
        .AddHocon($"{Dispatcher} {{ type = PinnedDispatcher }}", HoconAddMode.Append)
        .WithActors((system, registry, resolver) =>
        {
            var options = resolver.GetService<IOptions<SliceOptions>>().Value;
            var store = resolver.GetService<IBlobStore>();
            var pool = new EncoderPool(model => EncoderFactory.Open(model, options.Device));
            system.RegisterOnTermination(pool.Dispose);
            var stopping = new CancellationTokenSource();
            CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "stop-encoding", async () =>
            {
                await stopping.CancelAsync().ConfigureAwait(false);
                return Akka.Done.Instance;
            });
            system.RegisterOnTermination(stopping.Dispose);
            var coordinator = registry.Get<CoordinatorKey>();
            Func<VolumeTask, CancellationToken, IReadOnlyList<Volume>> load = (task, cancel) =>
                [.. VolumeSource.Load(task.SourceUris, task.SourceSha256, long.MaxValue, cancel).Select(channel => channel.Volume)];
            var cache = system.ActorOf(Props.Create(() => new VolumeCacheActor(options.CacheBytes, load)), "volume-cache");
            var node = Akka.Cluster.Cluster.Get(system).SelfUniqueAddress;
            for (var index = 0; index < options.Encoders; index++)
            {
                var id = $"{node}/{index}";
                var leaseEncoder = new LeaseEncoder(options.BatchPixels, model => EncoderFactory.CutsOnDevice(model, options.Device));
                var device = Props.Create(() => new DeviceActor(leaseEncoder, pool, stopping.Token)).WithDispatcher(Dispatcher);
                system.ActorOf(
                    Props.Create(() => new EncoderActor(id, coordinator, cache, store, leaseEncoder, device, options, stopping.Token)),
                    $"encoder-{index}");
            }
        });
}
