using System.Text;
using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.Commands;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Four processes export their spans to a receiver of ours; one of them is killed.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private const int Volumes = 10;

    private const string Killed = "slice-1";

    /// <summary>Stands in the headers of all files, and nowhere else.</summary>
    private const string Patient = "Zzyzx^Quirinius";

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private readonly Workplace _work = new();
    private readonly Dictionary<string, NodeProcess> _nodes = [];
    private OtlpReceiver _receiver = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _receiver = await OtlpReceiver.StartAsync(Cancel);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values)
        {
            await node.DisposeAsync();
        }

        await _receiver.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task Traces_OfARunWhoseNodeIsKilled_AreATreeAVolumeAndTellOfNoPatient()
    {
        WriteInputs();
        await StartAsync(["coordinator", "recon", "slice-0", "slice-1"], []);
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{_nodes["coordinator"].HttpPort}/"), "");
        var model = SmallModel.Save(_work["model"]);
        var directions = 192;
        while (!await IsKilledAtWorkAsync(client, model, directions))
        {
            directions *= 2; // spans come late on a slow machine: a longer run
            Assert.True(directions <= 3072, "the node never had work in its hands when it was killed");
            await Eventually.HoldsAsync($"{Killed} is back", _patience, _nodes[Killed].IsReadyAsync, Told);
        }

        var run = Assert.Single(Of(directions), span => span.Name == "run");
        Assert.Contains(_receiver.Spans, span => span.SpanId == run.ParentId && span.TraceId == run.TraceId);
        var volumes = Of(directions).Where(span => span.Name == "volume").ToList();
        Assert.Equal(volumes.Count, volumes.Select(volume => volume.TraceId).Append(run.TraceId).Distinct().Count() - 1);
        Assert.All(volumes, volume =>
        {
            Assert.Equal("", volume.ParentId);
            Assert.Equal((run.TraceId, run.SpanId), Assert.Single(volume.Links));
            var id = volume.Attributes["tonno.volume.id"];
            Assert.Equal(volume.TraceId, (string?)Document($".tonno/ledger/{id}.json")["traceId"]);
            var spans = _receiver.Spans.Where(span => span.TraceId == volume.TraceId).ToList();
            if (id == "refused")
            {
                Assert.Equal("nifti.not_nifti", volume.Failure);
                Assert.Contains(File.ReadLines(_work["coordinator.log"]), line => line.Contains(volume.TraceId, StringComparison.Ordinal));
                return;
            }

            Assert.Null(volume.Failure);
            Assert.Equal(volume.TraceId, (string?)Document($"{id}/result.json")["traceId"]);
            AssertTree(volume, spans);
        });

        // Requests are told of by what they ask for, and what only looks whether a node lives not at all.
        var request = Assert.Single(_receiver.Spans, span => span.SpanId == run.ParentId);
        Assert.Equal(("POST", $"POST {request.Attributes["http.route"]}"), (request.Attributes["http.request.method"], request.Name));
        Assert.Contains("/api/v1/runs", request.Name, StringComparison.Ordinal);
        Assert.DoesNotContain(_receiver.Spans, span => span.Attributes.GetValueOrDefault("url.path", "").StartsWith("/health", StringComparison.Ordinal));
        var told = new List<(string Text, string TraceId)>();
        await UntilAsync("what is logged has come", () => (told = [.. _receiver.Logs.Where(line => line.Text.Contains("] Volume refused of run", StringComparison.Ordinal))]).Count > 0);
        Assert.All(told, line => Assert.True(line.TraceId.Length > 0 && line.Text.EndsWith(line.TraceId, StringComparison.Ordinal), line.ToString()));
        Assert.Equal(["logs", "metrics", "traces"], _receiver.Signals.Keys.Order());
        await AssertNobodyTellsAsync();
    }

    /// <summary>The root of a coordinator that died without a word is lost, and with it the stages that it was in; what nodes did for it is in the trace that the next one
    /// goes on in, and so is all that this one has done.</summary>
    [Fact]
    public async Task Traces_OfARunWhoseCoordinatorIsKilled_AreStillOneAVolume()
    {
        WriteInputs();
        await StartAsync(["coordinator-0", "coordinator-1", "recon", "slice"], new() { ["OTEL_METRICS_EXPORTER"] = "none", ["OTEL_LOGS_EXPORTER"] = "none" });
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{_nodes["coordinator-1"].HttpPort}/"), "");
        const int Directions = 384;
        await client.SubmitAsync(new RunOrder { RunId = RunOf(Directions), Sources = [_work.In], Model = SmallModel.Save(_work["model"]), Directions = Directions, SpacingMm = 1, PixelMm = 1 }, Cancel);
        await UntilAsync("a node is at work", () => Of(Directions).Count(span => span.Name == "lease") > 2);
        _nodes["coordinator-0"].Kill();
        await Eventually.HoldsAsync("the run is finished", 4 * _patience, FinishedAsync, Told); // on another coordinator, which comes to lead after half a minute
        await UntilAsync("all spans have come", () => Of(Directions).Count(span => span.Name == "publish") > Volumes && Of(Directions).Any(span => span is { Name: "volume", Process: "coordinator-1" }));
        var spans = Of(Directions).Where(span => span.Attributes.ContainsKey("tonno.volume.id")).ToList();
        Assert.All(spans.GroupBy(span => span.Attributes["tonno.volume.id"]), ofOne => Assert.Single(ofOne.Select(span => span.TraceId).Distinct()));
        var takenOver = spans.Where(span => span is { Name: "volume", Process: "coordinator-1" }).Select(span => span.TraceId).ToHashSet();
        Assert.Contains(WithoutParents(_receiver.Spans), orphan => orphan.Name == "lease" && takenOver.Contains(orphan.TraceId));
        Assert.All(takenOver, id => Assert.Contains(Directory.EnumerateFiles(Path.Combine(_work.Out, ".tonno/ledger")), entry => File.ReadAllText(entry).Contains(id, StringComparison.Ordinal)));
        Assert.Equal(["traces"], _receiver.Signals.Keys);

        async Task<bool> FinishedAsync()
        {
            try
            {
                return (await client.RunAsync(RunOf(Directions), Cancel)).State == RunState.Finished;
            }
            catch (CommandException)
            {
                return false; // nobody leads yet
            }
        }
    }

    /// <summary>Takes a run through, in which one of the two slice nodes is killed when both have been seen at work.</summary>
    /// <returns>False where the node had no work in its hands any more.</returns>
    private async Task<bool> IsKilledAtWorkAsync(ClusterClient client, string model, int directions)
    {
        await client.SubmitAsync(new RunOrder { RunId = RunOf(directions), Sources = [_work.In], Model = model, Directions = directions, SpacingMm = 1, PixelMm = 1 }, Cancel);
        await UntilAsync("both slice nodes are at work", () => Of(directions).Where(span => span.Name == "lease").Select(lease => lease.Process).Distinct().Count() == 2);
        _nodes[Killed].Kill();
        await client.EventsAsync(RunOf(directions), Cancel).ToListAsync(Cancel);
        var view = await client.RunAsync(RunOf(directions), Cancel);
        Assert.Equal((RunState.Finished, new RunCounts(Volumes + 1, 0, 0, 0, 1, 0)), (view.State, view.Counts));
        await UntilAsync("all spans have come", () =>
        {
            var count = Of(directions).CountBy(span => span.Name).ToDictionary();
            return count.GetValueOrDefault("volume") == Volumes + 2 && count.GetValueOrDefault("slab") >= Volumes + 1 && count.GetValueOrDefault("publish") == Volumes + 1 && count.GetValueOrDefault("run") == 1
                && WithoutParents(_receiver.Spans).Count == 0;
        });
        return Of(directions).Where(span => span.Name == "volume").SelectMany(volume => volume.Events).Any(happened => happened.Name == "retry" && happened.Attributes["tonno.reason"] == "encoder.died");
    }

    private static string RunOf(int directions) => $"traced-{directions}";

    /// <summary>Spans that name a run as theirs.</summary>
    private IEnumerable<OtlpSpan> Of(int directions) => _receiver.Spans.Where(span => span.Attributes.GetValueOrDefault("tonno.run.id") == RunOf(directions));

    /// <summary>Spans whose parents are not among them; a killed process leaves children whose parents it has not exported.</summary>
    private static List<OtlpSpan> WithoutParents(IReadOnlyCollection<OtlpSpan> spans)
    {
        var known = spans.Select(span => span.SpanId).ToHashSet();
        return [.. spans.Where(span => span.ParentId.Length > 0 && !known.Contains(span.ParentId) && span.Process != Killed)];
    }

    /// <summary>One root, under which all else is.</summary>
    private static void AssertTree(OtlpSpan volume, List<OtlpSpan> spans)
    {
        Assert.Equal(spans.Count, spans.Select(span => span.SpanId).Distinct().Count());
        Assert.Equal(volume, Assert.Single(spans, span => span.ParentId.Length == 0));
        Assert.Empty(WithoutParents(spans));
        List<string> Under(OtlpSpan parent) => [.. spans.Where(span => span.ParentId == parent.SpanId).Select(span => span.Name)];
        foreach (var stage in new[] { "volume.inspect", "volume.wait", "volume.encode", "volume.backproject", "volume.publish", "publish" })
        {
            Assert.Single(Under(volume), stage);
        }

        var slabs = spans.Where(span => span is { Name: "slab", Failure: null }).ToList();
        Assert.NotEmpty(slabs);
        Assert.All(slabs, slab =>
        {
            Assert.Equal(volume.SpanId, slab.ParentId);
            Assert.Equal(["slab.backproject", "slab.filter", "slab.read", "slab.write"], Under(slab).Order(StringComparer.Ordinal));
        });
        var leases = spans.Where(span => span is { Name: "lease", Failure: null }).ToList(); // exported after all that is under them
        Assert.NotEmpty(leases);
        Assert.All(leases, lease =>
        {
            Assert.Equal(volume.SpanId, lease.ParentId);
            Assert.Equal(["lease.cut", "lease.encode", "lease.store"], Under(lease).Where(name => name != "lease.read").Order(StringComparer.Ordinal));
        });
        Assert.Contains(spans, span => span.Name == "lease.read");
        Assert.True(spans.Select(span => span.Process).Distinct().Count() >= 3, "coordinator, slice and recon");
    }

    /// <summary>Nothing exported, scraped or logged has a patient's name in it.</summary>
    private async Task AssertNobodyTellsAsync()
    {
        foreach (var word in Patient.Split('^'))
        {
            var bytes = Encoding.ASCII.GetBytes(word);
            Assert.DoesNotContain(_receiver.Received, received => received.AsSpan().IndexOf(bytes) >= 0);
            using var http = new HttpClient();
            foreach (var (name, node) in _nodes)
            {
                Assert.DoesNotContain(word, await http.GetStringAsync(new Uri($"http://127.0.0.1:{node.HttpPort}/metrics"), Cancel), StringComparison.OrdinalIgnoreCase);
                Assert.DoesNotContain(word, await File.ReadAllTextAsync(_work[$"{name}.log"], Cancel), StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    private void WriteInputs()
    {
        for (var at = 0; at < Volumes; at++)
        {
            var nifti = Workplace.Volume(at, edge: 40).Plain();
            Encoding.ASCII.GetBytes(Patient).CopyTo(nifti, 148); // descrip
            Encoding.ASCII.GetBytes(Patient).CopyTo(nifti, 228); // aux_file
            _work.Write($"v{at}.nii", nifti);
        }

        _work.Write("refused.nii", Encoding.ASCII.GetBytes($"A text about {Patient}, and no volume."));
        foreach (var (at, slice) in new DicomBytes { PatientName = Patient, Columns = 24, Rows = 24 }.Stack(12).Index())
        {
            _work.Write($"series/{at:D2}.dcm", slice.ToArray());
        }
    }

    /// <param name="names">Of nodes: their roles, and numbers; the first is the seed.</param>
    /// <param name="environment">Of all nodes.</param>
    private async Task StartAsync(string[] names, Dictionary<string, string> environment)
    {
        var ports = FreePorts.Find(2 * names.Length);
        var seeds = string.Join(',', names.Index().Where(node => node.Item.StartsWith("coordinator", StringComparison.Ordinal)).Select(node => $"127.0.0.1:{ports[2 * node.Index]}"));
        foreach (var (at, name) in names.Index())
        {
            var http = ports[(2 * at) + 1];
            _nodes[name] = new NodeProcess(
                name,
                http,
                [
                    "--roles", name.Split('-')[0], "--store", _work.Out, "--port", $"{ports[2 * at]}", "--seeds", seeds, "--listen", $"127.0.0.1:{http}", "--device", "cpu", "--encoders", "1",
                    "--option", "Cluster:StableAfter=00:00:03", "--option", "Cluster:HeartbeatPause=00:00:03", "--option", "Coordinator:SlicesPerLease=500",
                ],
                new Dictionary<string, string>([.. _receiver.Environment, .. environment]) { ["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={name}" },
                _work[$"{name}.log"]);
            await Eventually.HoldsAsync($"{name} is ready", _patience, _nodes[name].IsReadyAsync, Told); // the oldest coordinator leads
        }
    }

    private Task UntilAsync(string what, Func<bool> condition) => Eventually.HoldsAsync(what, _patience, () => Task.FromResult(condition()), Told);

    private List<OtlpSpan> Named(string name) => [.. _receiver.Spans.Where(span => span.Name == name)];

    private JsonNode Document(string path) => JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Out, path)))!;

    private string Told() => string.Join('\n', [.. _receiver.Spans.CountBy(span => (span.Process, span.Name)).Select(count => $"{count.Key}: {count.Value}"), .. _nodes.Values.SelectMany(node => node.LastLines(12))]);
}
