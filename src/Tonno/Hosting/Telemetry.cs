using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace ToNNO.Tonno.Hosting;

internal static class Telemetry
{
    private const string OtlpPrefix = "OTEL_EXPORTER_OTLP_";

    /// <summary>Exports all our instruments and spans by OTLP where the standard variables say where to (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or those of
    /// one signal).</summary>
    /// <param name="scraped">Also gives the metrics to a Prometheus that asks for them: see <see cref="MapMetrics"/>.</param>
    public static IServiceCollection AddTelemetry(this IServiceCollection services, bool scraped)
    {
        var pushed = Environment.GetEnvironmentVariables().Keys.Cast<string>().Any(name =>
            name.StartsWith(OtlpPrefix, StringComparison.Ordinal) && name.EndsWith("ENDPOINT", StringComparison.Ordinal) && Environment.GetEnvironmentVariable(name) is { Length: > 0 });
        if (!pushed && !scraped)
        {
            return services;
        }

        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(AkkaNode.SystemName)) // OTEL_SERVICE_NAME goes before it
            .WithMetrics(metrics =>
            {
                metrics.AddMeter("ToNNO.*", "System.Runtime");
                _ = scraped ? metrics.AddPrometheusExporter() : metrics;
            });
        _ = pushed ? telemetry.WithTracing(tracing => tracing.AddSource("ToNNO.*", "Microsoft.AspNetCore")).UseOtlpExporter() : telemetry;
        return services;
    }

    /// <summary>Serves <c>/metrics</c>.</summary>
    public static void MapMetrics(this WebApplication app) => app.MapPrometheusScrapingEndpoint("/metrics");
}
