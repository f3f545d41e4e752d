using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Encoders;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Deploy.Tests;

public sealed class ProgramMetricsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What only commands say, and no node.</summary>
    private static readonly EncoderError[] _ofCommands =
    [
        EncoderError.ModelExists, EncoderError.ModelUnwritable, EncoderError.Leaks, EncoderError.TrainingDiverged, EncoderError.CheckpointCorrupt, EncoderError.CheckpointOther,
    ];

    /// <summary>Series that there are from the start, whatever happens.</summary>
    private static IEnumerable<(string Name, string Label)> Zeros
    {
        get
        {
            var encoders = Enum.GetValues<EncoderError>().Except([EncoderError.Unspecified, .. _ofCommands]).Select(EncoderException.CodeOf).ToList();
            var sources = Enum.GetValues<RejectReason>().Except([RejectReason.Unspecified]).Select(reason => reason.Code());
            string[] passing = ["store.unavailable", "pacs.unreachable", "file.missing", "node.stopping", "internal.failure", .. encoders];
            return
            [
                ("tonno_coordinator_node_deaths_total", ""),
                .. new[] { "returned", "overdue", "died" }.Select(why => ("tonno_coordinator_lease_lost_total", $"why=\"{why}\"")),
                .. sources.Concat(["guide.corrupt", "volume.kills_process", .. encoders]).Select(code => ("tonno_coordinator_volume_quarantined_total", $"reason=\"{code}\"")),
                .. passing.Concat(["recon.silent", "encoder.overdue", "inspection.silent"]).Select(code => ("tonno_coordinator_volume_failed_total", $"reason=\"{code}\"")),
                .. passing.Concat(["encoder.died", "recon.asked_again"]).Select(code => ("tonno_coordinator_retries_total", $"reason=\"{code}\"")),
                .. passing.Concat(["source.changed"]).Select(code => ("tonno_coordinator_node_refusals_total", $"reason=\"{code}\"")),
                ("tonno_encoder_batch_halved_total", "device=\"cpu\""),
                ("tonno_recon_slab_open", ""),
            ];
        }
    }

    [Theory]
    [InlineData("encoders busy", "tonno.slice.encoder_busy", "s")]
    [InlineData("encoders starved", "tonno.slice.encoder_starved", "s")]
    [InlineData("slices", "tonno.slice.encoded", "{slice}")]
    [InlineData("slices whose rows are stored", "tonno.slice.stored", "{slice}")]
    [InlineData("leases", "tonno.coordinator.lease.handed_out", "{lease}")]
    [InlineData("age of the queue", "tonno.coordinator.queue.age", "s")]
    [InlineData("longest silence of a volume that is begun", "tonno.coordinator.volume.longest_silence", "s")]
    [InlineData("age of the oldest lease", "tonno.coordinator.lease.oldest_age", "s")]
    [InlineData("cache hits", "tonno.slice.cache.lookups", "{lookup}")]
    [InlineData("bytes", "tonno.store.io", "By")]
    [InlineData("bytes of sources", "tonno.source.io", "By")]
    [InlineData("retries by reason", "tonno.coordinator.retries", "{retry}")]
    [InlineData("quarantines", "tonno.coordinator.volume.quarantined", "{volume}")]
    [InlineData("failures by reason", "tonno.coordinator.volume.failed", "{volume}")]
    [InlineData("lag of slabs", "tonno.coordinator.slab.lag", "s")]
    [InlineData("live tensors", "tonno.torch.live_tensors", "{tensor}")]
    [InlineData("GPU memory in use", "tonno.gpu.memory.usage", "By")]
    [InlineData("GPU memory", "tonno.gpu.memory.limit", "By")]
    [InlineData("conflicts at the ledger", "tonno.coordinator.ledger.conflicts", "{conflict}")]
    [InlineData("backlog", "tonno.coordinator.backlog", "s")]
    public void Instruments_OfWhatIsPromised_AreThere(string what, string name, string unit) =>
        Assert.True(ProgramMetrics.Instruments.Count(instrument => instrument.Name == name && instrument.Unit == unit) == 1, $"of {what} there is no {name} in {unit}");

    /// <summary>As OpenTelemetry's conventions have it: words in lower case with points between, units of UCUM or in braces and not in the name.</summary>
    [Fact]
    public void Instruments_AllOfThem_AreNamedByTheConventions()
    {
        Assert.Equal(ProgramMetrics.Instruments.Count, ProgramMetrics.Instruments.Select(instrument => instrument.Name).Distinct().Count());
        Assert.All(ProgramMetrics.Instruments, instrument =>
        {
            Assert.Matches(@"^tonno(\.[a-z]+(_[a-z]+)*)+$", instrument.Name);
            Assert.DoesNotMatch("(seconds|bytes|total|count)$", instrument.Name);
            Assert.Matches(@"^(s|By|\{[a-z]+\})$", instrument.Unit ?? "");
            Assert.EndsWith(".", instrument.Description, StringComparison.Ordinal);
        });
    }

    /// <summary>A node that has just begun to lead tells of its backlog, and all that it tells of itself bears the names that manifests are held to. What has
    /// not happened yet is told of as 0: a series that began with its first event would hide that one from whoever asks for the increase.</summary>
    [Fact]
    public async Task Scrape_OfANode_HasTheBacklogAndOurNamesAloneAndBeginsAtZero()
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
        List<string> lines;
        do
        {
            await Task.Delay(100, Cancel);
            lines = [.. (await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), Cancel)).Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        }
        while (!lines.Any(line => line.StartsWith("tonno_coordinator_backlog_seconds", StringComparison.Ordinal)));
        var names = lines.Select(line => line.Split('{', ' ')[0]).Distinct().ToList();
        Assert.Contains(names, name => name.StartsWith("dotnet_gc_", StringComparison.Ordinal));
        Assert.Empty(names.Where(name => name.StartsWith("tonno", StringComparison.Ordinal)).Except(ProgramMetrics.Names));
        Assert.Empty(ProgramMetrics.LabelsBeyond(lines));
        var zeros = lines.Where(line => line.Contains("} 0", StringComparison.Ordinal)).ToLookup(line => line.Split('{')[0]);
        Assert.All(Zeros, zero => Assert.Contains(zeros[zero.Name], line => line.Contains(zero.Label, StringComparison.Ordinal)));
        await NodeHost.StopAsync(node, options.StopTimeout);
    }
}
