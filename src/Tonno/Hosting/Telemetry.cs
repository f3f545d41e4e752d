using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;

namespace ToNNO.Tonno.Hosting;

internal static class Telemetry
{
    /// <summary>Exports all our instruments by OTLP where the standard <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to.</summary>
    public static IServiceCollection AddTelemetry(this IServiceCollection services)
    {
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 })
        {
            services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("ToNNO.*")).UseOtlpExporter();
        }

        return services;
    }
}
