using Akka.Cluster.Hosting;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ToNNO.Contracts.Wire;
using ToNNO.Coordinator;
using ToNNO.ReconActors;
using ToNNO.SliceActors;
using ToNNO.Storage;

namespace ToNNO.Tonno.Hosting;

/// <summary>What a node that does everything in this process is made of.</summary>
internal sealed record LocalNodeOptions
{
    public required IBlobStore Store { get; init; }

    public CoordinatorOptions Coordinator { get; init; } = new();

    public SliceOptions Slice { get; init; } = new();

    public ReconOptions Recon { get; init; } = new();

    public LogLevel LogLevel { get; init; } = LogLevel.Error;

    /// <summary>HOCON that goes before the node's own.</summary>
    public string Configuration { get; init; } = "";
}

/// <summary>One node in this process with all roles: a cluster joined to itself, the same actors as on many nodes.</summary>
internal static class LocalNode
{
    private const string LoopbackName = "127.0.0.1";

    public static IHost Build(LocalNodeOptions options)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(options.LogLevel).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services
            .AddSingleton<IHostLifetime, CommandLifetime>()
            .Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30))
            .AddSingleton(options.Store)
            .AddSingleton(TimeProvider.System)
            .AddSingleton(Options.Create(options.Coordinator))
            .AddSingleton(Options.Create(options.Slice))
            .AddSingleton(Options.Create(options.Recon))
            .AddTelemetry()
            .AddAkka("tonno", akka => akka
                .AddHocon(WireSerializer.Configuration, HoconAddMode.Prepend)
                // Ctrl-C is the command's: it stops the node when it has heard it.
                .AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off", HoconAddMode.Prepend)
                .AddHocon(options.Configuration, HoconAddMode.Prepend)
                .ConfigureLoggers(logger =>
                {
                    // While it stops, Akka writes what it would log to standard output, which is the command's.
                    logger.LogLevel = options.LogLevel > LogLevel.Information ? Akka.Event.LogLevel.ErrorLevel : Akka.Event.LogLevel.InfoLevel;
                    logger.ClearLoggers();
                    logger.AddLoggerFactory();
                })
                .WithRemoting(LoopbackName, 0)
                .WithClustering(new ClusterOptions { Roles = [CoordinatorHosting.Role, SliceHosting.Role, ReconHosting.Role] })
                .WithReducers()
                .WithCoordinator()
                .WithSliceEncoders()
                .AddStartup((system, _) =>
                {
                    var cluster = Akka.Cluster.Cluster.Get(system);
                    cluster.Join(cluster.SelfAddress);
                }));
        return builder.Build();
    }

    /// <summary>The command decides when its node stops, not the host.</summary>
    private sealed class CommandLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
