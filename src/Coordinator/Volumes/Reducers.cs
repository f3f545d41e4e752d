using Akka.Actor;

namespace ToNNO.Coordinator.Volumes;

/// <summary>The nodes that slabs and publishers live on, for messages. Sharding places them, so an answer alone tells where.</summary>
internal static class Reducers
{
    /// <param name="one">Who answered last, or null.</param>
    public static string LastHeard(IActorRef? one, ActorSystem system) => one is null ? "no node has answered for it"
        : $"node {(one.Path.Address.HasLocalScope ? ((ExtendedActorSystem)system).Provider.DefaultAddress : one.Path.Address)} answered for it last";
}
