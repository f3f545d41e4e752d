using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Deploy.Tests;

public sealed class ProgramMetricsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A node that has just begun to lead tells of its backlog, and all that it tells of itself bears the names that manifests are held to.</summary>
    [Fact]
    public async Task Scrape_OfANode_HasTheBacklogAndOurNamesAlone()
    {
        using var folder = new TemporaryFolder();
        var options = new NodeOptions
        {
            Store = folder["store"],
            LogLevel = "Error",
            Cluster = new() { Port = FreePorts.Find(1)[0] },
            Http = new() { Listen = "127.0.0.1:0" },
            Slice = new() { Device = "cpu" },
        };
        await using var node = NodeHost.Build(options, new LocalFolderStore(options.Store));
        await node.StartAsync(Cancel);
        using var http = new HttpClient { BaseAddress = new Uri(node.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()) };
        List<string> names;
        do
        {
            await Task.Delay(100, Cancel);
            var lines = (await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), Cancel)).Split('\n');
            names = [.. lines.Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('{', ' ')[0]).Distinct()];
        }
        while (!names.Contains("tonno_coordinator_backlog_seconds"));
        Assert.Contains(names, name => name.StartsWith("dotnet_gc_", StringComparison.Ordinal));
        Assert.Empty(names.Where(name => name.StartsWith("tonno", StringComparison.Ordinal)).Except(ProgramMetrics.Names));
        await NodeHost.StopAsync(node, options.StopTimeout);
    }
}
