using System.Collections;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace ToNNO.Tonno.Hosting;

internal static class Telemetry
{
    private const string Metrics = "/metrics";
    private const string OtlpPrefix = "OTEL_EXPORTER_OTLP_";

    /// <summary>Exports all our instruments and spans by OTLP where the standard variables say where to (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or those of
    /// one signal).</summary>
    /// <param name="scraped">Also gives the metrics to a Prometheus that asks for them: see <see cref="MapMetrics"/>.</param>
    public static void AddTelemetry(this IHostApplicationBuilder builder, bool scraped)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(pair => KeyValuePair.Create((string)pair.Key, (string?)pair.Value))
            .Where(pair => pair.Key.StartsWith("OTEL_", StringComparison.Ordinal)).ToList();
        var pushed = variables.Any(pair => pair.Key.StartsWith(OtlpPrefix, StringComparison.Ordinal) && pair.Key.EndsWith("ENDPOINT", StringComparison.Ordinal) && pair.Value is { Length: > 0 });
        if (!pushed && !scraped)
        {
            return;
        }

        builder.Configuration.AddInMemoryCollection(variables); // where the exporters look for them; our hosts read no others
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(AkkaNode.SystemName).AddEnvironmentVariableDetector()) // the later goes first: OTEL_SERVICE_NAME
            .WithMetrics(metrics =>
            {
                metrics.AddMeter("ToNNO.*", "System.Runtime").AddView(DurationBuckets.Of).SetExemplarFilter(ExemplarFilterType.TraceBased);
                _ = scraped ? metrics.AddPrometheusExporter() : metrics;
            });
        string? Variable(string name) => variables.FirstOrDefault(pair => pair.Key == name).Value;
        _ = pushed
            ? telemetry.WithTracing(tracing => tracing.AddSource("ToNNO.*", "Microsoft.AspNetCore").SetSampling(Variable("OTEL_TRACES_SAMPLER"), Variable("OTEL_TRACES_SAMPLER_ARG"))).UseOtlpExporter()
            : telemetry;
    }

    /// <summary>Serves <c>/metrics</c>.</summary>
    public static void MapMetrics(this WebApplication app)
    {
        var watch = app.Services.GetRequiredService<ScrapeWatch>();
        app.Use(async (context, next) =>
        {
            await next(context).ConfigureAwait(false);
            if (context.Request.Path == Metrics)
            {
                watch.Scraped();
            }
        });
        app.MapPrometheusScrapingEndpoint(Metrics);
    }
}
