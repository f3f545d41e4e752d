using System.Diagnostics;
using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Trace;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Tonno.Hosting;

/// <summary>Which spans are exported: those that the sampler of <c>OTEL_TRACES_SAMPLER</c> picks (all, where none is named), and whatever it picks,
/// each that failed and each volume that was slow, of which its own span says so. Whether that is so shows at a span's end, so that all are recorded.</summary>
internal static class TraceSampling
{
    public static TracerProviderBuilder SetSampling(this TracerProviderBuilder tracing, string? sampler, string? argument) =>
        tracing.SetSampler(new RecordingSampler(SamplerOf(sampler, argument))).AddProcessor(new FailedSpans());

    /// <summary>The samplers that OpenTelemetry has names for; all spans, as it wants it, for a name that is none.</summary>
    public static Sampler SamplerOf(string? name, string? argument)
    {
        var ratio = double.TryParse(argument, NumberStyles.Float, CultureInfo.InvariantCulture, out var given) && given is >= 0 and <= 1 ? given : 1;
        return name switch
        {
            "always_on" => new AlwaysOnSampler(),
            "always_off" => new AlwaysOffSampler(),
            "traceidratio" => new TraceIdRatioBasedSampler(ratio),
            "parentbased_always_off" => new ParentBasedSampler(new AlwaysOffSampler()),
            "parentbased_traceidratio" => new ParentBasedSampler(new TraceIdRatioBasedSampler(ratio)),
            _ => new ParentBasedSampler(new AlwaysOnSampler()),
        };
    }

    /// <summary>Records, and does not export, what another leaves out; but of probes and scrapes, which come several times a second, nothing.</summary>
    internal sealed class RecordingSampler(Sampler sampler) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
        {
            foreach (var tag in samplingParameters.Tags ?? [])
            {
                if (tag is { Key: "url.path", Value: string path } && (path == Telemetry.Metrics || path.StartsWith(NodeHealth.Root, StringComparison.Ordinal)))
                {
                    return new(SamplingDecision.Drop);
                }
            }

            var result = sampler.ShouldSample(samplingParameters);
            return result.Decision == SamplingDecision.Drop ? new(SamplingDecision.RecordOnly, result.Attributes, result.TraceStateString ?? "") : result;
        }
    }

    /// <summary>Has spans exported that failed.</summary>
    internal sealed class FailedSpans : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            if (data.Status == ActivityStatusCode.Error)
            {
                data.ActivityTraceFlags |= ActivityTraceFlags.Recorded;
            }
        }
    }
}
