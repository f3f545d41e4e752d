using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.DependencyInjection;
using Akka.Hosting;
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
            (_, registry, resolver) => Props.Create(() => new CoordinatorActor(leaseDesk => Services(resolver, registry, leaseDesk))),
            new ClusterSingletonOptions { Role = Role });

    private static VolumeServices Services(IDependencyResolver resolver, IReadOnlyActorRegistry registry, IActorRef leaseDesk)
    {
        var store = resolver.GetService<IBlobStore>();
        var options = resolver.GetService<IOptions<CoordinatorOptions>>().Value;
        var time = resolver.GetService<TimeProvider>();
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
