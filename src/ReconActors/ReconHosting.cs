using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Cluster.Sharding;
using Akka.Hosting;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.ReconActors.Publishing;
using ToNNO.ReconActors.Slabs;
using ToNNO.Storage;

namespace ToNNO.ReconActors;

public static class ReconHosting
{
    public const string Role = "recon";

    /// <summary>Hosts heatmap slabs and publishers, sharded over the nodes of the role.</summary>
    public static AkkaConfigurationBuilder WithReducers(this AkkaConfigurationBuilder builder) => builder
        .WithActors((_, _) => ReconTelemetry.Begin())
        .WithShardRegion<SlabRegionKey>(
            "slab",
            (_, _, resolver) => _ => Props.Create(() => new HeatmapSlabActor(
                resolver.GetService<IBlobStore>(), resolver.GetService<IOptions<ReconOptions>>().Value)),
            new EntityExtractor(),
            Sharding())
        .WithShardRegion<PublisherRegionKey>(
            "publisher",
            (_, _, resolver) => _ => Props.Create(() => new PublisherActor(
                new ResultPublisher(resolver.GetService<IBlobStore>(), resolver.GetService<IRemoteFiles>()).PublishAsync,
                resolver.GetService<IOptions<ReconOptions>>().Value)),
            new EntityExtractor(),
            Sharding());

    /// <summary>Lets a node of another role talk to slabs and publishers.</summary>
    public static AkkaConfigurationBuilder WithReducerProxies(this AkkaConfigurationBuilder builder) => builder
        .WithShardRegionProxy<SlabRegionKey>("slab", Role, new EntityExtractor())
        .WithShardRegionProxy<PublisherRegionKey>("publisher", Role, new EntityExtractor());

    /// <remarks>Entities give themselves up, after the time that is theirs: sharding's own, two minutes, would lose the slabs of slow encoders.</remarks>
    private static ShardOptions Sharding() => new() { Role = Role, StateStoreMode = StateStoreMode.DData, RememberEntities = false, ShouldPassivateIdleEntities = false };

    private sealed class EntityExtractor() : HashCodeMessageExtractor(maxNumberOfShards: 100)
    {
        public override string? EntityId(object message) => (message as ReconProtocol.ISharded)?.EntityId;
    }
}
