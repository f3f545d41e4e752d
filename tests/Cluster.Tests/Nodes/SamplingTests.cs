using System.Diagnostics;
using System.Text;
using OpenTelemetry.Trace;
using ToNNO.Coordinator.Api;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.Hosting;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Whatever a sampler leaves out, what failed and what was slow is exported.</summary>
public sealed class SamplingTests : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];
    private OtlpReceiver _receiver = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _receiver = await OtlpReceiver.StartAsync(Cancel);

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        await _receiver.DisposeAsync();
        _work.Dispose();
    }

    /// <summary>Two runs, of which the second is to come out after the first: then the first one's spans are not on their way any more.</summary>
    [Fact]
    public async Task Node_ThatIsToSampleNothing_ExportsWhatFailed()
    {
        _work.Write("good/sound.nii", Workplace.Volume(1).Plain());
        _work.Write("bad/refused.nii", Encoding.ASCII.GetBytes("A text, and no volume."));
        var ports = FreePorts.Find(2);
        _nodes.Add(new NodeProcess(
            "node",
            ports[1],
            ["--roles", "coordinator,slice,recon", "--store", _work.Out, "--port", $"{ports[0]}", "--listen", $"127.0.0.1:{ports[1]}", "--device", "cpu", "--encoders", "1"],
            new Dictionary<string, string>(_receiver.Environment) { ["OTEL_TRACES_SAMPLER"] = "always_off" },
            _work["node.log"]));
        await Eventually.HoldsAsync("the node is ready", _patience, _nodes[0].IsReadyAsync);
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{ports[1]}/"), "");
        foreach (var folder in new[] { "good", "bad" })
        {
            await client.SubmitAsync(new RunOrder { RunId = folder, Sources = [Path.Combine(_work.In, folder)], Model = "builtin:sum", Directions = 16 }, Cancel);
            await client.EventsAsync(folder, Cancel).ToListAsync(Cancel);
        }

        Assert.Equal((1, 1), ((await client.RunAsync("good", Cancel)).Counts.Completed, (await client.RunAsync("bad", Cancel)).Counts.Quarantined));
        await Eventually.HoldsAsync("the volume that was refused is told of", _patience, () => Task.FromResult(_receiver.Spans.Any(span => span is { Name: "volume", Failure: "nifti.not_nifti" })));
        Assert.All(_receiver.Spans, span => Assert.NotNull(span.Failure));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Span_ThatNobodyPicked_IsExportedIfItFailed(bool failed)
    {
        using var spans = new TraceSampling.FailedSpans();
        using var span = new Activity("lease");
        span.Start().SetStatus(failed ? ActivityStatusCode.Error : ActivityStatusCode.Unset);
        spans.OnEnd(span);
        Assert.Equal(failed, span.Recorded);
    }

    [Theory]
    [InlineData(null, null, "ParentBased{AlwaysOnSampler}")]
    [InlineData("parentbased_always_on", null, "ParentBased{AlwaysOnSampler}")]
    [InlineData("always_on", null, "AlwaysOnSampler")]
    [InlineData("always_off", null, "AlwaysOffSampler")]
    [InlineData("traceidratio", "0.25", "TraceIdRatioBasedSampler{0.250000}")]
    [InlineData("traceidratio", "many", "TraceIdRatioBasedSampler{1.000000}")]
    [InlineData("parentbased_always_off", null, "ParentBased{AlwaysOffSampler}")]
    [InlineData("parentbased_traceidratio", "0.01", "ParentBased{TraceIdRatioBasedSampler{0.010000}}")]
    public void SamplerOf_StandardNames_AreTheStandardSamplers(string? name, string? argument, string description) =>
        Assert.Equal(description, TraceSampling.SamplerOf(name, argument).Description);

    /// <summary>What is left out is recorded, so that its end is seen; what is picked stays picked.</summary>
    [Theory]
    [InlineData("always_off", SamplingDecision.RecordOnly)]
    [InlineData("always_on", SamplingDecision.RecordAndSample)]
    public void RecordingSampler_OfAnother_DropsNothing(string name, SamplingDecision decision)
    {
        var parameters = new SamplingParameters(default, ActivityTraceId.CreateRandom(), "volume", ActivityKind.Internal);
        Assert.Equal(decision, new TraceSampling.RecordingSampler(TraceSampling.SamplerOf(name, null)).ShouldSample(parameters).Decision);
    }
}
