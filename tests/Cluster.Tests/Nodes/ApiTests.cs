using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>A node with all roles in this process, spoken to over HTTP.</summary>
public sealed class ApiTests : IAsyncLifetime
{
    private const string Token = "a secret of the tests";
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3);

    private readonly Workplace _work = new();
    private ScriptedStore _store = null!;
    private WebApplication _node = null!;
    private HttpClient _http = null!;
    private ClusterClient _client = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var options = new NodeOptions
        {
            Store = _work.Out,
            LogLevel = "Error",
            Cluster = new() { Port = FreePorts.Find(1)[0] },
            Http = new() { Listen = "127.0.0.1:0" },
            Api = new() { Token = Token },
            Slice = new() { Device = "cpu" },
        };
        _store = new ScriptedStore(new LocalFolderStore(_work.Out));
        _node = NodeHost.Build(options, _store);
        await _node.StartAsync(Cancel);
        var address = new Uri(_node.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        _http = new HttpClient { BaseAddress = address };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        _client = new ClusterClient(address, Token);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _http.Dispose();
        await _node.StopAsync(CancellationToken.None);
        await _node.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task Submit_VolumesGoodAndBad_AreTakenThroughAndTold()
    {
        var run = await SubmitAsync("mixed", 3, bad: true);
        Assert.Equal(4, run.Run.Volumes);
        Assert.NotEmpty(await WatchedAsync("mixed"));
        var view = await _client.RunAsync("mixed", Cancel);
        Assert.Equal((RunState.Finished, new RunCounts(3, 0, 0, 0, 1, 0), 1.0), (view.State, view.Counts, view.Fraction));
        var volumes = await _client.VolumesAsync("mixed", null, Cancel).ToListAsync(Cancel);
        Assert.Equal(["mixed-0", "mixed-1", "mixed-2", "mixed-bad"], volumes.Select(volume => volume.VolumeId.Value));
        var bad = Assert.Single(await _client.VolumesAsync("mixed", VolumeState.Quarantined, Cancel).ToListAsync(Cancel));
        Assert.Equal(("mixed-bad", "nifti.not_nifti"), (bad.VolumeId.Value, bad.ReasonCode));
        Assert.Equal(3, _work.Done().Count);

        var again = await _client.SubmitAsync(new RunOrder { RunId = "mixed", Sources = [_work.In], Model = "builtin:sum", Directions = 96 }, Cancel);
        Assert.Equal((false, true, view), (run.Known, again.Known, again.Run)); // the same submission once more
        Assert.Equal(["mixed"], (await _client.RunsAsync(Cancel)).Select(one => one.RunId.Value));
    }

    [Fact]
    public async Task Control_PauseResumeCancelPriority_AreObeyedAndTold()
    {
        var heldUp = HoldRowsUp();
        await SubmitAsync("controlled", 12);
        Assert.Equal(RunState.Paused, (await _client.ControlAsync("controlled", "pause", Cancel)).State);
        Assert.Equal(7, (await _client.PrioritizeAsync("controlled", 7, Cancel)).Priority);
        Assert.Equal(RunState.Active, (await _client.ControlAsync("controlled", "resume", Cancel)).State);
        Assert.Equal(RunState.Canceled, (await _client.ControlAsync("controlled", "cancel", Cancel)).State);
        heldUp.SetResult();
        await WatchedAsync("controlled");
        var ended = await _client.RunAsync("controlled", Cancel);
        Assert.Equal((12, 7), (ended.Counts.Canceled, ended.Priority));
        var refused = await Assert.ThrowsAsync<CommandException>(() => _client.ControlAsync("controlled", "resume", Cancel));
        Assert.Equal("run.ended", refused.Code);
    }

    [Fact]
    public async Task Commands_OfARun_DoWhatTheySayAndExitByIt()
    {
        var heldUp = HoldRowsUp();
        await SubmitAsync("ordered", 12);
        await _client.ControlAsync("ordered", "pause", Cancel);
        Assert.StartsWith("ordered  paused", await DoneAsync("pause", "ordered"), StringComparison.Ordinal);
        Assert.EndsWith("priority 5", await DoneAsync("prioritize", "ordered", "5"), StringComparison.Ordinal);
        Assert.StartsWith("ordered  paused", await DoneAsync("status", "ordered"), StringComparison.Ordinal);
        var watch = TonnoAsync("watch", "ordered");
        Assert.StartsWith("ordered  active", await DoneAsync("resume", "ordered"), StringComparison.Ordinal);
        Assert.StartsWith("ordered  canceled", await DoneAsync("cancel", "ordered"), StringComparison.Ordinal);
        heldUp.SetResult();
        var watched = await watch;
        Assert.Equal(12, (await _client.RunAsync("ordered", Cancel)).Counts.Canceled);
        Assert.Equal((ExitCodes.NothingDone, "12 inputs: 0 completed (0 done before), 0 failed, 0 quarantined, 12 canceled"), (watched.ExitCode, watched.Summary));

        string[] order = ["submit", "-i", _work.In, "-m", "builtin:sum", "--directions", "96", "--run", "once"];
        Assert.Equal("once: 12 volumes submitted", await DoneAsync(order));
        Assert.Contains("it had been submitted before, and is not begun again", await DoneAsync(order), StringComparison.Ordinal);
        Assert.StartsWith("12 inputs: 12 completed", await DoneAsync("watch", "once"), StringComparison.Ordinal);
        await RefusedAsync("run.ended", "resume", "ordered");
        await RefusedAsync("run.unknown", "status", "nowhere", "--volumes");
        await RefusedAsync("run.unknown", "watch", "nowhere");

        Task<Outcome> TonnoAsync(params string[] arguments) => TonnoProcess.RunAsync(
            new Dictionary<string, string> { ["TONNO_URL"] = _http.BaseAddress!.ToString(), ["TONNO_API__TOKEN"] = Token }, arguments);

        async Task<string> DoneAsync(params string[] arguments)
        {
            var outcome = await TonnoAsync(arguments);
            Assert.True(outcome.ExitCode == ExitCodes.Completed, outcome.ToString());
            return outcome.Summary;
        }

        async Task RefusedAsync(string code, params string[] arguments)
        {
            var outcome = await TonnoAsync(arguments);
            Assert.True(outcome.ExitCode == ExitCodes.NothingDone && outcome.Errors is [var line] && line.StartsWith($"{code}: ", StringComparison.Ordinal), outcome.ToString());
        }
    }

    [Theory]
    [InlineData("GET", "api/v1/runs/nowhere", null, 404, "run.unknown")]
    [InlineData("GET", "api/v1/runs/nowhere/volumes", null, 404, "run.unknown")]
    [InlineData("GET", "api/v1/runs/nowhere/events", null, 404, "run.unknown")]
    [InlineData("POST", "api/v1/runs/nowhere/pause", null, 404, "run.unknown")]
    [InlineData("PUT", "api/v1/runs/nowhere/priority", """{ "priority": 101 }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", "{", 400, "order.unreadable")]
    [InlineData("POST", "api/v1/runs", "null", 400, "order.unreadable")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "directions": 50001 }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "salt": "a~b" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"] }""", 400, "order.unreadable")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "direction": 3 }""", 400, "order.unreadable")]
    [InlineData("POST", "api/v1/runs", """{ "sources": [], "model": "builtin:sum", "directions": 0, "set": "spiral" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "/no/model" }""", 422, "model.missing")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "window": "round" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "runId": "../up" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": [null], "model": "builtin:sum" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": [""], "model": "builtin:sum" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x\u0000y"], "model": "builtin:sum" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "/a\u0000b" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "channels": [null] }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "classes": [null] }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "threshold": "abc" }""", 400, "order.invalid")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "alpha": "NaN" }""", 400, "order.invalid")]
    [InlineData("GET", "api/v1/nothing", null, 404, "api.refused")]
    [InlineData("DELETE", "api/v1/runs", null, 405, "api.refused")]
    [InlineData("POST", "api/v1/runs", """{ "sources": ["/x"], "model": "builtin:sum", "method": "cam-axis", "directions": 400 }""", 400, "order.invalid")]
    public async Task Request_ThatMakesNoSense_IsAProblemWithItsCode(string method, string path, string? body, int status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal((status, "application/problem+json"), ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal((code, $"urn:tonno:{code}"), ((string?)problem["code"], (string?)problem["type"]));
        Assert.NotEmpty((string)problem["detail"]!);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(33)]
    public async Task Submit_DirectionsThatFillNoBlock_AreTakenThrough(int directions)
    {
        _work.Write("v.nii", Workplace.Volume(3).Plain());
        await _client.SubmitAsync(new RunOrder { RunId = "few", Sources = [_work.In], Model = "builtin:sum", Directions = directions }, Cancel);
        await WatchedAsync("few");
        var alone = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work["alone"], "--directions", $"{directions}", "-q");
        Assert.True(alone.ExitCode == 0, alone.ToString());
        Assert.Equal(["v"], _work.Done());
        Assert.Equal(await File.ReadAllBytesAsync(_work["alone/v/heatmap.nii.gz"], Cancel), await File.ReadAllBytesAsync(Path.Combine(_work.Out, "v", "heatmap.nii.gz"), Cancel));
    }

    [Fact]
    public async Task Submit_FolderWithoutVolumes_EndsAndAccountsForIt()
    {
        Directory.CreateDirectory(_work.In);
        await _client.SubmitAsync(new RunOrder { RunId = "none", Sources = [_work.In], Model = "builtin:sum" }, Cancel);
        await WatchedAsync("none");
        var run = await _client.RunAsync("none", Cancel);
        Assert.Equal((RunState.Finished, new RunCounts(0, 0, 0, 0, 1, 0)), (run.State, run.Counts));
        var refused = Assert.Single(await _client.VolumesAsync("none", null, Cancel).ToListAsync(Cancel));
        Assert.Equal("file.missing", refused.ReasonCode);
    }

    [Fact]
    public async Task Cluster_Idle_TellsItsFreeEncodersAndNoLeases()
    {
        LeasesView? leases = null;
        await Eventually.HoldsAsync("the encoders are free", _patience, async () =>
            (leases = (await _client.ClusterAsync(Cancel)).Leases) is { Encoders: > 0 } and { FreeEncoders: var free, Encoders: var all } && free == all);
        Assert.Equal((0, 0.0, (double?)null, 0L, 0L), (leases!.Blocks, leases.OldestSeconds, leases.SecondsToDeadline, leases.HandedOut, leases.Deaths));
        Assert.Empty(await _client.RunsAsync(Cancel));
    }

    [Fact]
    public async Task Submit_TwoRunsOverTheSameVolumesAtOnce_EachIsMadeOnceAndServesBoth()
    {
        for (var at = 0; at < 6; at++)
        {
            _work.Write($"shared-{at}.nii", Workplace.Volume(at, edge: 24).Plain());
        }

        var order = new RunOrder { Sources = [_work.In], Model = "builtin:sum", Directions = 96 };
        await Task.WhenAll(_client.SubmitAsync(order with { RunId = "one" }, Cancel), _client.SubmitAsync(order with { RunId = "two" }, Cancel));
        await Task.WhenAll(WatchedAsync("one"), WatchedAsync("two"));
        var (one, two) = (await _client.RunAsync("one", Cancel), await _client.RunAsync("two", Cancel));
        Assert.Equal((6, 6, 6), (one.Counts.Completed, two.Counts.Completed, one.Counts.Reused + two.Counts.Reused));
        Assert.All(await _client.VolumesAsync("one", null, Cancel).ToListAsync(Cancel), volume => Assert.Equal(VolumeState.Completed, volume.State));
        Assert.Equal(6, _work.Done().Count);
    }

    [Fact]
    public async Task Submit_NameOfAnotherOrder_IsRefused()
    {
        await SubmitAsync("taken", 1);
        var refused = await Assert.ThrowsAsync<CommandException>(() => _client.SubmitAsync(new RunOrder { RunId = "taken", Sources = [_work.In], Model = "builtin:sum", Directions = 8 }, Cancel));
        Assert.Equal("run.taken", refused.Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("another")]
    public async Task Request_WithoutTheToken_IsRefused(string? token)
    {
        using (var upper = await _http.GetAsync(new Uri("API/v1/runs", UriKind.Relative), Cancel))
        {
            Assert.Equal(HttpStatusCode.OK, upper.StatusCode); // the token is there yet
        }

        var shown = _http.DefaultRequestHeaders.Authorization!;
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("bearer", shown.Parameter);
        using (var lower = await _http.GetAsync(new Uri("api/v1/runs", UriKind.Relative), Cancel))
        {
            Assert.Equal(HttpStatusCode.OK, lower.StatusCode);
        }

        _http.DefaultRequestHeaders.Authorization = shown;
        using (var form = await _http.PostAsync(new Uri("api/v1/runs", UriKind.Relative), new StringContent("sources=x"), Cancel))
        {
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, form.StatusCode);
            Assert.Contains("takes JSON", await form.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }

        _http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        foreach (var path in new[] { "api/v1/runs", "API/v1/runs", "Api/V1/RUNS" })
        {
            using var answer = await _http.GetAsync(new Uri(path, UriKind.Relative), Cancel);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Contains("api.unauthorized", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task OpenApiAndHealth_NeedNoToken_AndTellEveryPath()
    {
        _http.DefaultRequestHeaders.Authorization = null;
        await Workplace.UntilAsync(() => _http.GetAsync(new Uri("health/ready", UriKind.Relative), Cancel).GetAwaiter().GetResult().IsSuccessStatusCode);
        Assert.Equal("ok", await _http.GetStringAsync(new Uri("health/live", UriKind.Relative), Cancel));
        var document = JsonNode.Parse(await _http.GetStringAsync(new Uri("openapi/v1.json", UriKind.Relative), Cancel))!;
        var paths = document["paths"]!.AsObject();
        Assert.Equal(
            [
                "/api/v1/cluster", "/api/v1/runs", "/api/v1/runs/{run}", "/api/v1/runs/{run}/cancel", "/api/v1/runs/{run}/events", "/api/v1/runs/{run}/pause",
                "/api/v1/runs/{run}/priority", "/api/v1/runs/{run}/resume", "/api/v1/runs/{run}/volumes",
            ],
            paths.Select(path => path.Key).Order(StringComparer.Ordinal));
        var order = document["components"]!["schemas"]!["RunOrder"]!["properties"]!.AsObject();
        Assert.Equal(typeof(RunOrder).GetProperties().Length, order.Count);
        Assert.All(order, property => Assert.NotEmpty((string?)property.Value!["description"] ?? ""));
        Assert.Equal("bearer", (string?)document["components"]!["securitySchemes"]!["token"]!["scheme"]);
        Assert.NotNull(Assert.Single(document["security"]!.AsArray())!["token"]);
        Assert.All(paths.SelectMany(path => path.Value!.AsObject()), request =>
        {
            Assert.NotNull(request.Value!["responses"]!["401"]);
            Assert.NotNull(request.Value["responses"]!["503"]);
        });
    }

    [Fact]
    public async Task Trace_OfARun_RunIsUnderTheRequestAndEachVolumeHasItsOwn()
    {
        var spans = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("ToNNO.", StringComparison.Ordinal) || source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await SubmitAsync("traced", 2);
        await WatchedAsync("traced");
        await Workplace.UntilAsync(() => spans.Any(span => span.OperationName == "run"));

        List<Activity> Named(string name) => [.. spans.Where(span => span.OperationName == name)];
        var run = Assert.Single(Named("run"));
        Assert.Contains(spans, span => span.Source.Name == "Microsoft.AspNetCore" && span.SpanId == run.ParentSpanId);
        var volumes = Named("volume");
        Assert.Equal(2, volumes.Count);
        Assert.All(volumes, volume =>
        {
            Assert.Equal(default, volume.ParentSpanId);
            Assert.Equal((run.TraceId, run.SpanId), Assert.Single(volume.Links.Select(link => (link.Context.TraceId, link.Context.SpanId))));
        });
        foreach (var volume in volumes)
        {
            var leases = Named("lease").Where(lease => lease.ParentSpanId == volume.SpanId).ToList();
            Assert.Equal(6, leases.Count); // blocks of 16 directions
            Assert.All(leases, lease => Assert.Equal(
                ["lease.cut", "lease.encode", "lease.store"],
                spans.Where(stage => stage.ParentSpanId == lease.SpanId && stage.OperationName != "lease.read").Select(stage => stage.OperationName).Order(StringComparer.Ordinal)));
            Assert.Single(spans, stage => stage.OperationName == "lease.read" && leases.Any(lease => lease.SpanId == stage.ParentSpanId));
            Assert.Contains(spans, slab => slab.OperationName == "slab" && slab.ParentSpanId == volume.SpanId);
            Assert.Single(spans, publish => publish.OperationName == "publish" && publish.ParentSpanId == volume.SpanId);
        }

        Assert.All(
            spans.Where(span => span != run && span.Source.Name.StartsWith("ToNNO.", StringComparison.Ordinal)),
            span => Assert.Single(volumes, volume => volume.TraceId == span.TraceId));
    }

    /// <summary>Lets no volume be completed until it is set: a run lasts as long as the commands that it is given.</summary>
    private TaskCompletionSource HoldRowsUp()
    {
        var heldUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _store.Before = call => call.Operation == StoreOperation.Write && call.Path.Contains("/rows-", StringComparison.Ordinal) ? heldUp.Task : Task.CompletedTask;
        return heldUp;
    }

    /// <summary>The events of a run up to its end.</summary>
    private async Task<IReadOnlyList<RunEventView>> WatchedAsync(string run)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        deadline.CancelAfter(_patience);
        return await _client.EventsAsync(run, deadline.Token).ToListAsync(deadline.Token);
    }

    private async Task<SubmittedView> SubmitAsync(string run, int volumes, bool bad = false, int edge = 14)
    {
        for (var at = 0; at < volumes; at++)
        {
            _work.Write($"{run}-{at}.nii", Workplace.Volume(at, edge).Plain());
        }

        if (bad)
        {
            _work.Write($"{run}-bad.nii", Encoding.ASCII.GetBytes("This is a text, and no volume."));
        }

        return await _client.SubmitAsync(new RunOrder { RunId = run, Sources = [_work.In], Model = "builtin:sum", Directions = 96 }, Cancel);
    }
}
