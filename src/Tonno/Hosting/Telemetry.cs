using System.Collections;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ToNNO.Tonno.Hosting;

internal static class Telemetry
{
    /// <summary>The path that metrics are served at.</summary>
    public const string Metrics = "/metrics";
    private const string OtlpPrefix = "OTEL_EXPORTER_OTLP_";

    /// <summary>Pushes metrics, spans and logs by OTLP, each where the standard variables say where to (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or its own), unless
    /// <c>OTEL_..._EXPORTER</c> is none. Volumes have trace ids without that, too, by which the lines of all nodes' logs belong together.</summary>
    /// <param name="scraped">Also gives the metrics to a Prometheus that asks for them: see <see cref="MapMetrics"/>.</param>
    public static void AddTelemetry(this IHostApplicationBuilder builder, bool scraped)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value);
        string? Variable(string name) => variables.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;
        bool IsPushed(string signal) =>
            Variable($"OTEL_{signal}_EXPORTER") != "none" && (Variable($"{OtlpPrefix}{signal}_ENDPOINT") ?? Variable($"{OtlpPrefix}ENDPOINT")) is not null;
        builder.Configuration.AddInMemoryCollection(variables.Where(pair => pair.Key.StartsWith("OTEL_", StringComparison.Ordinal))); // where the exporters look for them; our hosts read no others
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(AkkaNode.SystemName).AddEnvironmentVariableDetector()); // the later goes first: OTEL_SERVICE_NAME
        if (scraped || IsPushed("METRICS"))
        {
            telemetry.WithMetrics(metrics =>
            {
                metrics.AddMeter("ToNNO.*", "System.Runtime").AddView(DurationBuckets.Of).SetExemplarFilter(ExemplarFilterType.TraceBased);
                _ = scraped ? metrics.AddPrometheusExporter() : metrics;
                _ = IsPushed("METRICS") ? metrics.AddOtlpExporter(otlp => OfSignal(otlp, "METRICS", Variable)) : metrics;
            });
        }

        telemetry.WithTracing(tracing =>
        {
            tracing.AddSource("ToNNO.*", "Microsoft.AspNetCore");
            _ = IsPushed("TRACES")
                ? tracing.SetSampling(Variable("OTEL_TRACES_SAMPLER"), Variable("OTEL_TRACES_SAMPLER_ARG")).AddOtlpExporter(otlp => OfSignal(otlp, "TRACES", Variable))
                : tracing.SetSampler(new AlwaysOffSampler());
        });
        if (IsPushed("LOGS"))
        {
            telemetry.WithLogging(
                logging => logging.AddProcessor(new TracedLogs()).AddOtlpExporter(otlp => OfSignal(otlp, "LOGS", Variable)),
                options => options.IncludeFormattedMessage = true);
        }
    }

    /// <summary>Calls the spans of requests by method and route, as semantic conventions have it.</summary>
    public static void NameRequests(this WebApplication app) => app.Use((context, next) =>
    {
        if (Activity.Current is { } request && context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } route })
        {
            request.DisplayName = $"{context.Request.Method} {route}";
            request.SetTag("http.route", route);
        }

        return next(context);
    });

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

    /// <summary>Takes up a signal's own variables; the exporter has read those of all.</summary>
    private static void OfSignal(OtlpExporterOptions otlp, string signal, Func<string, string?> variable)
    {
        string? Own(string name) => variable($"{OtlpPrefix}{signal}_{name}");
        otlp.Protocol = Own("PROTOCOL") switch
        {
            "grpc" => OtlpExportProtocol.Grpc,
            "http/protobuf" => OtlpExportProtocol.HttpProtobuf,
            _ => otlp.Protocol,
        };
        otlp.Headers = Own("HEADERS") ?? otlp.Headers;
        otlp.TimeoutMilliseconds = int.TryParse(Own("TIMEOUT"), out var milliseconds) ? milliseconds : otlp.TimeoutMilliseconds;
        if (Uri.TryCreate(Own("ENDPOINT"), UriKind.Absolute, out var endpoint))
        {
            otlp.Endpoint = endpoint;
        }
    }
}
