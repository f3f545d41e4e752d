using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>A span, as it came in.</summary>
/// <param name="Process">As which its process exports: <c>service.instance.id</c>.</param>
/// <param name="ParentId">Empty where it has none.</param>
/// <param name="Events">What happened meanwhile, with what is told of it.</param>
/// <param name="Failure">What its status says where that is an error; else null.</param>
internal sealed record OtlpSpan(
    string Process,
    string TraceId,
    string SpanId,
    string ParentId,
    string Name,
    IReadOnlyDictionary<string, string> Attributes,
    IReadOnlyList<(string TraceId, string SpanId)> Links,
    IReadOnlyList<(string Name, IReadOnlyDictionary<string, string> Attributes)> Events,
    string? Failure);

/// <summary>Takes what processes export by OTLP over HTTP. Of spans it reads what the tests look at (opentelemetry/proto/trace/v1); of all
/// else it keeps the bytes.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public ConcurrentQueue<OtlpSpan> Spans { get; } = [];

    /// <summary>What came: traces, metrics, logs.</summary>
    public ConcurrentDictionary<string, bool> Signals { get; } = [];

    /// <summary>Of logs, what a line says, and the trace that its record belongs to; empty where it has none.</summary>
    public ConcurrentQueue<(string Text, string TraceId)> Logs { get; } = [];

    /// <summary>All that came, traces, metrics and logs, as it came.</summary>
    public ConcurrentQueue<byte[]> Received { get; } = [];

    /// <summary>What tells a process to export here, and soon.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
    };

    public static async Task<OtlpReceiver> StartAsync(CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new OtlpReceiver(builder.Build());
        receiver._app.MapPost("/v1/{signal}", receiver.TakeAsync);
        await receiver._app.StartAsync(cancel);
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context, string signal)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        Received.Enqueue(body.ToArray());
        Signals[signal] = true;
        foreach (var span in signal == "traces" ? ReadSpans(body.ToArray()) : [])
        {
            Spans.Enqueue(span);
        }

        foreach (var line in signal == "logs" ? ReadLogs(body.ToArray()) : [])
        {
            Logs.Enqueue(line);
        }

        context.Response.ContentType = "application/x-protobuf"; // an empty answer: all was taken
    }

    private static IEnumerable<OtlpSpan> ReadSpans(byte[] request) =>
        from resource in Of(request, 1)
        let process = Attributes(Of(resource, 1).Single(), 1)["service.instance.id"]
        from scope in Of(resource, 2)
        from span in Of(scope, 2)
        let status = Of(span, 15).SingleOrDefault() ?? []
        select new OtlpSpan(
            process,
            Hex(Of(span, 1).Single()),
            Hex(Of(span, 2).Single()),
            Hex(Of(span, 4).SingleOrDefault() ?? []),
            Text(Of(span, 5).Single()),
            Attributes(span, 9),
            [.. Of(span, 13).Select(link => (Hex(Of(link, 1).Single()), Hex(Of(link, 2).Single())))],
            [.. Of(span, 11).Select(happened => (Text(Of(happened, 2).Single()), (IReadOnlyDictionary<string, string>)Attributes(happened, 3)))],
            Fields(status).Any(field => field is { Number: 3, Value: 2 }) ? Text(Of(status, 2).SingleOrDefault() ?? []) : null);

    private static IEnumerable<(string Text, string TraceId)> ReadLogs(byte[] request) =>
        from resource in Of(request, 1)
        from scope in Of(resource, 2)
        from record in Of(scope, 2)
        select (Text(Of(Of(record, 5).SingleOrDefault() ?? [], 1).SingleOrDefault() ?? []), Hex(Of(record, 9).SingleOrDefault() ?? []));

    private static Dictionary<string, string> Attributes(byte[] message, int number) =>
        Of(message, number).ToDictionary(attribute => Text(Of(attribute, 1).Single()), attribute => Fields(Of(attribute, 2).Single()).Select(value => value.Number == 1 ? Text(value.Bytes) : value.Value.ToString(CultureInfo.InvariantCulture)).FirstOrDefault(""));

    private static IEnumerable<byte[]> Of(byte[] message, int number) => Fields(message).Where(field => field.Number == number).Select(field => field.Bytes);

    private static IEnumerable<(int Number, byte[] Bytes, ulong Value)> Fields(byte[] message)
    {
        using var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            var number = WireFormat.GetTagFieldNumber(tag);
            yield return WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => (number, input.ReadBytes().ToByteArray(), 0),
                WireFormat.WireType.Varint => (number, [], input.ReadUInt64()),
                WireFormat.WireType.Fixed64 => (number, [], input.ReadFixed64()),
                _ => (number, [], input.ReadFixed32()),
            };
        }
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);
}
