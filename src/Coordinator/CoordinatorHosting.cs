using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator;

public static class CoordinatorHosting
{
    public const string Role = "coordinator";

    /// <summary>Runs the coordinator as a singleton among the nodes of its role. Needs the reducers' regions in the registry.</summary>
    public static AkkaConfigurationBuilder WithCoordinator(this AkkaConfigurationBuilder builder) => builder
        .WithSingleton<CoordinatorKey>(
            "coordinator",
            (_, registry, provider) => Props.Create(() => new CoordinatorActor(leaseDesk => Services(provider, registry, leaseDesk))),
            new ClusterSingletonOptions { Role = Role });

    private static VolumeServices Services(IServiceProvider provider, IReadOnlyActorRegistry registry, IActorRef leaseDesk)
    {
        var store = provider.GetRequiredService<IBlobStore>();
        var options = provider.GetRequiredService<IOptions<CoordinatorOptions>>().Value;
        var time = provider.GetRequiredService<TimeProvider>();
        return new VolumeServices(
            new VolumeInspector(store, options),
            new Ledger(store, time),
            store,
            leaseDesk,
            registry.Get<SlabRegionKey>(),
            registry.Get<PublisherRegionKey>(),
            options,
            time);
    }
}
