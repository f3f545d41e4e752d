using System.Diagnostics;
using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using static TorchSharp.torch;

namespace ToNNO.Bench;

/// <summary>What class activation maps cost beside the logits alone: slices per second of processor time on one thread, each way in
/// turn and the best of several rounds.</summary>
internal static class CamBench
{
    private const int Rounds = 9;

    public static object Measure(string[] arguments) => new
    {
        small_cnn_64 = Measure(new SmallCnn(SmallNetwork()), size: 64, count: 64),
        resnet18_128 = Measure(Residual(), size: 128, count: 16),
    };

    private static SmallCnnArchitecture SmallNetwork() => new()
    {
        Layers = [.. Enumerable.Range(0, 3).Select(_ => new ConvLayer { Channels = 16 })],
    };

    private static ResNet Residual()
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(18);
        var state = architecture.StateShapes().ToDictionary(
            pair => pair.Key,
            pair => pair.Value.Length == 1 ? ones(pair.Value) : Noise(pair.Value));
        return new ResNet(architecture, state);
    }

    /// <summary>Weights that keep activations near one.</summary>
    private static Tensor Noise(long[] shape)
    {
        var random = new Random(1);
        var fan = shape[1..].Aggregate(1L, (product, length) => product * length);
        var values = new float[shape[0] * fan];
        foreach (ref var value in values.AsSpan())
        {
            value = (float)((random.NextDouble() - 0.5) * Math.Sqrt(12.0 / fan));
        }

        return tensor(values, shape);
    }

    private static Dictionary<string, Speed> Measure(SliceNetwork network, int size, int count)
    {
        var card = new EncoderCard { Name = "bench", Sha256 = "", Classes = ["class"], Intensities = [IntensityMap.Identity] };
        using var encoder = new TorchSliceEncoder(network, card, "cpu");
        var format = new SliceFormat(size, 1);
        var random = new Random(2);
        var slices = new float[count * size * size];
        foreach (ref var pixel in slices.AsSpan())
        {
            pixel = random.NextSingle();
        }

        var logits = new float[count];
        var ways = new Dictionary<string, Action> { ["logits"] = () => encoder.Encode(slices, count, format, logits) };
        foreach (var layer in encoder.CamLayers)
        {
            var edge = encoder.CamGrid(format, layer).Edge;
            var maps = new float[count * edge * edge];
            foreach (var kind in layer == encoder.CamLayers[0] ? new[] { CamKind.LayerCam, CamKind.GradCam } : [CamKind.LayerCam])
            {
                ways[$"{kind} {layer}"] = () => encoder.EncodeCam(slices, count, format, new CamRequest(kind, layer, [0]), logits, maps);
            }
        }

        var fastest = ways.Keys.ToDictionary(name => name, _ => double.MaxValue);
        using var process = Process.GetCurrentProcess();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var (name, run) in ways)
            {
                process.Refresh();
                var start = process.TotalProcessorTime;
                run();
                process.Refresh();
                fastest[name] = Math.Min(fastest[name], (process.TotalProcessorTime - start).TotalSeconds);
            }
        }

        return fastest.ToDictionary(
            pair => pair.Key, pair => new Speed(Math.Round(count / pair.Value, 1), Math.Round(pair.Value / fastest["logits"], 2)));
    }

    private sealed record Speed(double SlicesPerSecond, double TimeOverLogits);
}
