using System.Diagnostics;
using System.Diagnostics.Metrics;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>The instruments of all encoders of this process.</summary>
public static class EncoderTelemetry
{
    public const string MeterName = "ToNNO.Encoders";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Histogram<double> _encodeDuration = _meter.CreateHistogram<double>(
        "tonno.slice.encode.duration", "s", "Time of one call that encodes slices.");

    private static readonly Counter<long> _encoded = _meter.CreateCounter<long>(
        "tonno.slice.encoded", "{slice}", "Slices that were given their logits.");

    private static readonly Counter<long> _halved = _meter.CreateCounter<long>(
        "tonno.encoder.batch_halved", "{halving}", "Times that batches were halved since memory did not do for one.");

    static EncoderTelemetry()
    {
        // A count that climbs is a tensor that escaped its dispose scope. (TorchSharp 0.107 counts one tensor too many, for good,
        // for each Parameter ever made: some ten per network that is opened. The memory itself is given back.)
        _ = _meter.CreateObservableGauge(
            "tonno.torch.live_tensors", () => Tensor.TotalCount, "{tensor}", "Tensors that nobody has disposed of.");
        _ = _meter.CreateObservableGauge("tonno.gpu.memory.usage", () => GpuMemory.Measure(used: true), "By", "Memory of a GPU that is in use, by whatever process.");
        _ = _meter.CreateObservableGauge("tonno.gpu.memory.limit", () => GpuMemory.Measure(used: false), "By", "Memory that a GPU has.");
    }

    /// <summary>A process begins to encode on a device: what is counted by the hour begins at zero, so that the first event is an increase.</summary>
    public static void Begin(string device) => BatchHalved(device, 0);

    internal static void Encoded(int slices, TimeSpan duration, string device)
    {
        var tags = new TagList { { "device", device } };
        _encodeDuration.Record(duration.TotalSeconds, tags);
        _encoded.Add(slices, tags);
    }

    internal static void BatchHalved(string device, int times = 1) => _halved.Add(times, new KeyValuePair<string, object?>("device", device));
}
