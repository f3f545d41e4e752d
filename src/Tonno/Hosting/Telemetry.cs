using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Resources;

namespace ToNNO.Tonno.Hosting;

internal static class Telemetry
{
    /// <summary>Exports all our instruments by OTLP where the standard <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to.</summary>
    public static IServiceCollection AddTelemetry(this IServiceCollection services)
    {
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 })
        {
            services.AddOpenTelemetry()
                .ConfigureResource(resource => resource.AddService(AkkaNode.SystemName)) // OTEL_SERVICE_NAME goes before it
                .WithMetrics(metrics => metrics.AddMeter("ToNNO.*"))
                .WithTracing(tracing => tracing.AddSource("ToNNO.*", "Microsoft.AspNetCore"))
                .UseOtlpExporter();
        }

        return services;
    }
}
