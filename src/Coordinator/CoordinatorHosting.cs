using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.DependencyInjection;
using Akka.Hosting;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Coordinator;

public static class CoordinatorHosting
{
    public const string Role = "coordinator";

    private static readonly TimeSpan _releaseTimeout = TimeSpan.FromSeconds(4); // the phase has 5 s

    /// <summary>Runs the coordinator as a singleton among the nodes of its role. Needs the reducers' regions in the registry.</summary>
    public static AkkaConfigurationBuilder WithCoordinator(this AkkaConfigurationBuilder builder) => builder
        .WithSingleton<CoordinatorKey>(
            "coordinator",
            (system, registry, resolver) => Coordinator(system, registry, resolver),
            new ClusterSingletonOptions { Role = Role });

    /// <summary>Lets a node of another role talk to the coordinator.</summary>
    public static AkkaConfigurationBuilder WithCoordinatorProxy(this AkkaConfigurationBuilder builder) =>
        builder.WithSingletonProxy<CoordinatorKey>("coordinator", new ClusterSingletonOptions { Role = Role });

    private static Props Coordinator(ActorSystem system, IReadOnlyActorRegistry registry, IDependencyResolver resolver)
    {
        var store = resolver.GetService<IBlobStore>();
        var options = resolver.GetService<IOptions<CoordinatorOptions>>().Value;
        var time = resolver.GetService<TimeProvider>();
        var keeper = new ClaimKeeper(store);
        CoordinatorTelemetry.Leads(false);
        CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeActorSystemTerminate, "release-store", async () =>
        {
            using var timeout = new CancellationTokenSource(_releaseTimeout);
            try
            {
                await keeper.ReleaseAsync(timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The next coordinator claims it all the same.
            }

            return Akka.Done.Instance;
        });
        var cluster = Akka.Cluster.Cluster.Get(system);
        var starter = new RunStarter(
            store,
            cluster.SelfAddress.ToString(),
            options,
            time,
            keeper,
            () => !cluster.State.Members.Any(member => member.Status == Akka.Cluster.MemberStatus.Up && member.Roles.Any(role => role != Role)),
            cluster.SelfRoles.Any(role => role != Role),
            (desks, ledger) => new VolumeServices(
                new VolumeInspector(store, resolver.GetService<IRemoteFiles>(), options), ledger, store, desks.Leases, registry.Get<SlabRegionKey>(), registry.Get<PublisherRegionKey>(), options, time)
            { Gate = desks.Gate, Admission = desks.Admission });
        return Props.Create(() => new CoordinatorActor(starter));
    }
}
