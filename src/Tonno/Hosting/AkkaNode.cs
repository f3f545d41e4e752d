using Akka.Cluster.Hosting;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.Logging;
using ToNNO.Contracts.Wire;
using ToNNO.Coordinator;
using ToNNO.ReconActors;
using ToNNO.SliceActors;

namespace ToNNO.Tonno.Hosting;

/// <summary>The actor system of a node, whatever its roles.</summary>
internal static class AkkaNode
{
    public const string SystemName = "tonno";

    /// <param name="configuration">HOCON that goes before the node's own.</param>
    public static AkkaConfigurationBuilder WithNode(
        this AkkaConfigurationBuilder akka, IReadOnlyCollection<string> roles, RemoteOptions remote, ClusterOptions cluster, LogLevel logLevel, string configuration = "")
    {
        akka
            .AddHocon(WireSerializer.Configuration, HoconAddMode.Prepend)
            // Signals are the command's: it stops the node when it has heard one. No timer needs to be exact to 10 ms, for which an idle node would
            // wake a hundred times a second.
            .AddHocon("akka { coordinated-shutdown.run-by-clr-shutdown-hook = off, scheduler.tick-duration = 50ms }", HoconAddMode.Prepend)
            // A message whose actor is gone is one that came too late, as when a volume is canceled. Its line would name a volume without its trace.
            .AddHocon("akka.log-dead-letters = off", HoconAddMode.Prepend)
            .AddHocon(configuration, HoconAddMode.Prepend)
            .ConfigureLoggers(logger =>
            {
                // While it stops, Akka writes what it would log to standard output, which is the command's.
                logger.LogLevel = logLevel > LogLevel.Information ? Akka.Event.LogLevel.ErrorLevel : Akka.Event.LogLevel.InfoLevel;
                logger.ClearLoggers();
                logger.AddLoggerFactory();
            })
            .WithRemoting(remote)
            .WithClustering(cluster);
        _ = roles.Contains(ReconHosting.Role) ? akka.WithReducers() : roles.Contains(CoordinatorHosting.Role) ? akka.WithReducerProxies() : akka;
        _ = roles.Contains(CoordinatorHosting.Role) ? akka.WithCoordinator() : akka.WithCoordinatorProxy();
        return roles.Contains(SliceHosting.Role) ? akka.WithSliceEncoders() : akka;
    }
}
