using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using k8s;
using ToNNO.Cluster.Tests;
using ToNNO.Cluster.Tests.Nodes;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Deploy.Tests.Kubernetes;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;

namespace ToNNO.Deploy.Tests.Monitoring;

/// <summary>Debian's Prometheus looks at a real cluster, a node of each role, and answers all that the dashboards and the alerts ask.</summary>
public sealed class PrometheusTests : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3);

    /// <summary>Where there is no GPU, there is nothing to tell of one.</summary>
    private const string MayBeNone = "tonno_gpu_memory";

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly NodeGroup _nodes = [];
    private readonly List<int> _ports = FreePorts.Find(8);
    private Process? _prometheus;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        if (_prometheus is not null)
        {
            _prometheus.Kill();
            await _prometheus.WaitForExitAsync(CancellationToken.None);
            _prometheus.Dispose();
        }

        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Prometheus_OfAClusterWithARun_AnswersEveryPanelAndEveryRule()
    {
        var manifests = await MonitoringTests.LoadAsync();
        Start("coordinator", 0);
        Start("slice", 2);
        Start("recon", 4);
        await StartPrometheusAsync(manifests.One<PrometheusRule>("tonno").Spec, _ports[6]);
        await Eventually.HoldsAsync("all nodes are up, and seen before their run", _patience, IsSeenAsync, _nodes.Told);
        await RunAsync();

        var queries = Dashboard.AllOf(manifests).SelectMany(dashboard => dashboard.Queries).ToList();
        Assert.True(queries.Count > 30);
        var missing = queries;
        await Eventually.HoldsAsync(
            "every panel has data",
            _patience,
            async () =>
            {
                missing = await missing.ToAsyncEnumerable().Where(async (query, _) => (await AskAsync("query", query.Asked))["result"]!.AsArray().Count == 0).ToListAsync(Cancel);
                return missing.All(query => query.Expression.Contains(MayBeNone, StringComparison.Ordinal));
            },
            () => string.Join('\n', missing.Select(query => $"{query.Place}: {query.Asked}")));

        var rules = manifests.One<PrometheusRule>("tonno").Spec.Groups.SelectMany(group => group.Rules).ToList();
        foreach (var rule in rules)
        {
            await AskAsync("query", rule.Expr);
        }

        await AssertBucketsTellTimesApartAsync();

        // All but that nobody leads holds of this cluster, too.
        var missingLead = rules.Single(rule => rule.Alert == "TonnoCoordinatorMissing").Expr.Split(" unless ")[0];
        Assert.Single((await AskAsync("query", missingLead))["result"]!.AsArray());

        var told = (await GetAsync("rules"))["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).ToList();
        Assert.Equal(rules.Count, told.Count);
        Assert.All(told, rule => Assert.True((string?)rule!["health"] == "ok" && (string?)rule["state"] is null or "inactive", rule!.ToJsonString()));

        // Of nodes that have worked, so that there are volumes, leases, slabs and slices that could be told of.
        foreach (var node in _nodes)
        {
            Assert.Empty(ProgramMetrics.LabelsBeyond((await _http.GetStringAsync(new Uri($"http://127.0.0.1:{node.HttpPort}/metrics"), Cancel)).Split('\n')));
        }

        // The first volume that is set aside is one more than none.
        var reasons = (await AskAsync("query", "increase(tonno_coordinator_volume_quarantined_total[1h]) > 0"))["result"]!.AsArray();
        Assert.Equal("nifti.not_nifti", (string?)Assert.Single(reasons)!["metric"]!["reason"]);
        string[] traces = [TraceOf("one"), TraceOf("two"), TraceOf("three")];
        await Eventually.HoldsAsync("a volume's time leads to its trace", _patience, async () => (await ExemplarsAsync()).Intersect(traces).Any());
    }

    /// <summary>A step takes milliseconds, a volume seconds: each histogram has some buckets for those.</summary>
    private async Task AssertBucketsTellTimesApartAsync()
    {
        foreach (var name in ProgramMetrics.Names.Where(name => name.EndsWith("_seconds_bucket", StringComparison.Ordinal)))
        {
            var buckets = (await AskAsync("query", $"count by (le) ({name})"))["result"]!.AsArray()
                .Select(bucket => double.Parse(((string)bucket!["metric"]!["le"]!).Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture)).ToList();
            Assert.True(buckets.Count(bound => bound is > 0 and < 5) >= 5 && buckets.Any(bound => bound is >= 600 and < 1e5), $"{name}: {string.Join(' ', buckets)}");
        }
    }

    /// <summary>Traces that are told beside the times of volumes.</summary>
    private async Task<IReadOnlyList<string>> ExemplarsAsync()
    {
        var found = await GetAsync("query_exemplars?start=0&end=9999999999&query=tonno_coordinator_volume_duration_seconds_bucket");
        return [.. found.AsArray().SelectMany(series => series!["exemplars"]!.AsArray()).Select(exemplar => (string)exemplar!["labels"]!["trace_id"]!)];
    }

    private string TraceOf(string volume) => (string)JsonNode.Parse(File.ReadAllText(_folder[$"store/{volume}/result.json"]))!["traceId"]!;

    private void Start(string role, int port) => _nodes.Add(new NodeProcess(
        role,
        _ports[port + 1],
        ["--roles", role, "--port", $"{_ports[port]}", "--seeds", $"127.0.0.1:{_ports[0]}", "--listen", $"127.0.0.1:{_ports[port + 1]}", "--store", _folder["store"], "--device", "cpu", "--encoders", "1"],
        new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = $"http://127.0.0.1:{_ports[7]}" }, // nobody is there; traces are made all the same
        _folder[$"{role}.log"]));

    /// <summary>True where Prometheus has had an answer of each node, and work that comes now would be done.</summary>
    private async Task<bool> IsSeenAsync()
    {
        async Task<bool> HoldsAsync(string expression) => (await AskAsync("query", expression))["result"]!.AsArray().Count > 0;
        try
        {
            return (await Task.WhenAll(_nodes.Select(node => node.IsReadyAsync()))).All(ready => ready)
                && await HoldsAsync($"sum(up) == {_nodes.Count}") && await HoldsAsync("sum(tonno_coordinator_encoder_connected) == 1");
        }
        catch (HttpRequestException)
        {
            return false; // Prometheus itself is not up
        }
    }

    /// <summary>Three volumes that are done, and one that is none.</summary>
    private async Task RunAsync()
    {
        Directory.CreateDirectory(_folder["in"]);
        var volume = new NiftiBytes { Shape = new(14, 13, 12), Intensity = (i, j, k) => i is > 3 and < 8 && j is > 4 and < 8 && k is > 3 and < 7 ? 1 : 0 };
        foreach (var name in new[] { "one", "two", "three" })
        {
            await File.WriteAllBytesAsync(_folder[$"in/{name}.nii"], volume.Plain(), Cancel);
        }

        await File.WriteAllTextAsync(_folder["in/text.nii"], "This is a text, and no volume.", Cancel);
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{_nodes[0].HttpPort}/"), "");
        await client.SubmitAsync(new RunOrder { RunId = "seen", Sources = [_folder["in"]], Model = SmallModel.Save(_folder["model"]), Directions = 32 }, Cancel);
        await client.EventsAsync("seen", Cancel).ToListAsync(Cancel);
        var view = await client.RunAsync("seen", Cancel);
        Assert.Equal((RunState.Finished, new RunCounts(3, 0, 0, 0, 1, 0)), (view.State, view.Counts));
    }

    private async Task StartPrometheusAsync(PrometheusRule.Content rules, int port)
    {
        foreach (var group in rules.Groups)
        {
            group.Interval = "1s";
        }

        await File.WriteAllTextAsync(_folder["rules.yaml"], KubernetesYaml.Serialize(rules), Cancel);
        await File.WriteAllTextAsync(
            _folder["prometheus.yaml"],
            $$"""
            global: { scrape_interval: 1s }
            rule_files: [rules.yaml]
            scrape_configs:
              - job_name: tonno/tonno
                static_configs: [{{string.Join(", ", _nodes.Select(node => $$"""{ targets: ["127.0.0.1:{{node.HttpPort}}"], labels: { namespace: tonno, pod: {{node.Name}}-0 } }"""))}}]
            """,
            Cancel);
        _http.BaseAddress = new Uri($"http://127.0.0.1:{port}/api/v1/");
        _prometheus = PrometheusTool.Start(
            "prometheus", _folder.Path, "--config.file=prometheus.yaml", "--storage.tsdb.path=data", $"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage", "--log.level=error");
    }

    private Task<JsonNode> AskAsync(string what, string expression) => GetAsync($"{what}?query={Uri.EscapeDataString(expression)}");

    private async Task<JsonNode> GetAsync(string path)
    {
        using var answer = await _http.GetAsync(new Uri(path, UriKind.Relative), Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{Uri.UnescapeDataString(path)}: {text}");
        return JsonNode.Parse(text)!["data"]!;
    }
}
