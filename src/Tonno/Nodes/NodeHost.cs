using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Cluster.Hosting.SBR;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Api;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Nodes;

/// <summary>A node of a cluster in this process: its actor system, and HTTP for health checks and, on coordinators, the API.</summary>
internal static class NodeHost
{
    public static WebApplication Build(NodeOptions options, IBlobStore store)
    {
        var logLevel = Enum.Parse<LogLevel>(options.LogLevel);
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = AkkaNode.SystemName });
        builder.Configuration.Sources.Clear(); // a node is told what to do by its own options alone
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(NodeConfiguration.Endpoint(options.Http.Listen)!));
        builder.Logging.ClearProviders().SetMinimumLevel(logLevel).AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
            .AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ", true));
        builder.AddTelemetry(scraped: true);
        builder.Services
            .AddSingleton<IHostLifetime, CommandLifetime>()
            .Configure<HostOptions>(host => host.ShutdownTimeout = options.StopTimeout)
            .AddSingleton<IBlobStore>(new MeasuredStore(store))
            .AddSingleton(TimeProvider.System)
            .AddSingleton<ScrapeWatch>()
            .AddSingleton<IRemoteFiles>(new RemotePlaces())
            .AddSingleton(Options.Create(options.Api))
            .AddSingleton(Options.Create(options.Coordinator))
            .AddSingleton(Options.Create(options.Slice))
            .AddSingleton(Options.Create(options.Recon))
            .AddSingleton<IRunPlanner>(new RunPlanner(options.Store, options.Slice.Device))
            .AddRunApi()
            .AddAkka(AkkaNode.SystemName, akka => Configure(akka, options, logLevel));
        var app = builder.Build();
        app.NameRequests();
        app.MapHealth();
        app.MapMetrics();
        if (options.RoleList.Contains(CoordinatorHosting.Role))
        {
            app.MapRunApi();
        }

        return app;
    }

    /// <summary>Has the node leave its cluster, and then stop. HTTP answers to the end, so that probes can tell a node that leaves from one that is dead.</summary>
    public static async Task StopAsync(WebApplication app, TimeSpan timeout)
    {
        app.Lifetime.StopApplication();
        using var deadline = new CancellationTokenSource(timeout);
        Task left = CoordinatedShutdown.Get(app.Services.GetRequiredService<ActorSystem>()).Run(CoordinatedShutdown.ClrExitReason.Instance);
        await left.WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await app.StopAsync(deadline.Token).ConfigureAwait(false);
    }

    private static void Configure(AkkaConfigurationBuilder akka, NodeOptions options, LogLevel logLevel)
    {
        var cluster = options.Cluster;
        var protocol = cluster.Tls.IsOn ? "akka.ssl.tcp" : "akka.tcp";
        var remote = new RemoteOptions { PublicHostName = cluster.Host, HostName = cluster.Bind.Length > 0 ? cluster.Bind : cluster.Host, Port = cluster.Port };
        if (cluster.Tls.IsOn)
        {
            (remote.EnableSsl, remote.Ssl) = (true, NodeTls.Options(cluster.Tls));
        }

        akka.WithNode(
            options.RoleList.ToHashSet(StringComparer.Ordinal),
            remote,
            new ClusterOptions
            {
                Roles = [.. options.RoleList],
                SeedNodes = [.. (cluster.SeedList.Count > 0 ? cluster.SeedList : [$"{cluster.Host}:{cluster.Port}"]).Select(seed => $"{protocol}://{AkkaNode.SystemName}@{seed}")],
                SplitBrainResolver = new KeepMajorityOption(),
            },
            logLevel,
            $$"""
            akka.cluster.failure-detector.acceptable-heartbeat-pause = {{(long)cluster.HeartbeatPause.TotalMilliseconds}}ms
            akka.cluster.shutdown-after-unsuccessful-join-seed-nodes = {{(long)cluster.JoinWithin.TotalMilliseconds}}ms
            akka.cluster.split-brain-resolver.stable-after = {{(long)cluster.StableAfter.TotalMilliseconds}}ms
            """)
            .WithActors((system, registry, resolver) =>
            {
                var (coordinator, store) = (registry.Get<CoordinatorKey>(), resolver.GetService<IBlobStore>());
                system.ActorOf(Props.Create(() => new OrphanWatchActor(cluster.OrphanedAfter)), "orphan-watch");
                system.ActorOf(Props.Create(() => new StoreWatchActor(coordinator, store)), "store-watch");
            });
    }
}
