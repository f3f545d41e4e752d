using Akka.Cluster.Hosting;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ToNNO.Coordinator;
using ToNNO.Imaging;
using ToNNO.ReconActors;
using ToNNO.SliceActors;
using ToNNO.Storage;
using ToNNO.Tonno.Nodes;
using ToNNO.Tonno.Sources;

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
        builder.AddTelemetry(scraped: false);
        builder.Services
            .AddSingleton<IHostLifetime, CommandLifetime>()
            .Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30))
            .AddSingleton<IBlobStore>(new MeasuredStore(options.Store))
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IRemoteFiles>(new RemotePlaces())
            .AddSingleton(Options.Create(options.Coordinator))
            .AddSingleton(Options.Create(options.Slice))
            .AddSingleton(Options.Create(options.Recon))
            .AddAkka(AkkaNode.SystemName, akka => akka
                .WithNode(
                    RoleNames.All,
                    new RemoteOptions { HostName = LoopbackName, Port = 0 },
                    new ClusterOptions { Roles = [.. RoleNames.All] },
                    options.LogLevel,
                    options.Configuration)
                .AddStartup((system, _) =>
                {
                    var cluster = Akka.Cluster.Cluster.Get(system);
                    cluster.Join(cluster.SelfAddress);
                }));
        return builder.Build();
    }
}
