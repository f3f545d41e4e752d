using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;

namespace ToNNO.Bench;

/// <summary>Encoding alone, with a ResNet-18 of random weights: our encoders, the tuned PyTorch script and ONNX Runtime, in turns, on slices
/// that lie ready; and the memory of ten thousand batches.</summary>
/// <remarks>Each way has all cores: ours and ONNX Runtime one thread in as many callers, PyTorch its own threads. Processor time bears
/// a busy machine better than the clock; ratios are best over best.</remarks>
internal static class EncodersBench
{
    private const int Turns = 5;
    private const double TurnSeconds = 4;
    private const string Builtin = "builtin", Bf16 = "builtin_bf16", Program = "torchscript", Onnx = "onnxruntime";
    private const string PyTorch = "pytorch", PyTorchOptimised = "pytorch_optimised", PyTorchChannelsLast = "pytorch_channels_last", PyTorchBf16 = "pytorch_bf16";

    public static object Measure(string[] arguments)
    {
        using var folder = new BenchFolder();
        var peer = PeerScript.Find();
        BenchModel.Save(folder[Builtin], EncoderPrecision.Fp32);
        BenchModel.Save(folder[Bf16], EncoderPrecision.Bf16);
        int[] sizes = arguments is [] ? [128, 224] : [.. arguments.Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
        if (peer is not null)
        {
            peer.Export(WriteJob(folder, sizes[0], batch: 1, batches: 1));
            BenchModel.SaveProgram(folder[Program], folder[$"{sizes[0]}.ts"]);
        }

        return new
        {
            cores = Environment.ProcessorCount,
            turns = Turns,
            memory = EncodersMemory.Measure(folder[Builtin], peer is null ? null : folder[Program]), // first, in a process that holds little
            by_size = sizes.ToDictionary(size => $"{size}", size => Measure(folder, peer, size)),
        };
    }

    private static object Measure(BenchFolder folder, PeerScript? peer, int size)
    {
        var batch = TorchSliceEncoder.CpuBatchOf(size);
        var slices = Slices(batch, size);
        var ways = new Dictionary<string, Func<int, Speed>>();
        var logits = new Dictionary<string, float[]>();
        var used = new List<IDisposable>();
        try
        {
            void AddOurs(string name, string model)
            {
                var encoder = EncoderFactory.Open(model, "cpu");
                used.Add(encoder);
                var format = new SliceFormat(size, BenchModel.PixelMm);
                float[] Encode(int count)
                {
                    var of = new float[count];
                    encoder.Encode(slices.AsSpan(0, count * size * size), count, format, of);
                    return of;
                }

                logits[name] = Encode(batch);
                ways[name] = batches => InThreads(batches, batch, () => Encode(batch));
            }

            AddOurs(Builtin, folder[Builtin]);
            if (BenchModel.Opens(folder[Bf16]))
            {
                AddOurs(Bf16, folder[Bf16]);
            }

            // As many as take our fastest some seconds; found by one turn that does not count.
            var trial = ways[Builtin](2 * Environment.ProcessorCount);
            var batches = Math.Max(1, (int)(TurnSeconds / trial.Seconds)) * 2 * Environment.ProcessorCount;
            if (peer is not null)
            {
                var job = WriteJob(folder, size, batch, batches);
                AddOurs(Program, folder[Program]);
                peer.ExportOnnx(job);
                var onnx = new OnnxPeer(folder[$"{size}.onnx"]);
                used.Add(onnx);
                logits[Onnx] = onnx.Encode(slices, batch, size);
                ways[Onnx] = count => InThreads(count, batch, () => onnx.Encode(slices, batch, size));
                Speed Script(int count, params string[] options)
                {
                    var outcome = peer.MeasureEncoding(job, options);
                    return new Speed(count * batch, outcome.Seconds, outcome.CpuSeconds);
                }

                ways[PyTorch] = count => Script(count);
                ways[PyTorchOptimised] = count => Script(count, "optimise");
                ways[PyTorchChannelsLast] = count => Script(count, "channels_last");
                ways[PyTorchBf16] = count => Script(count, "bf16");
            }

            return Describe(InTurns(ways, batches, size), logits, batches * batch);
        }
        finally
        {
            used.ForEach(one => one.Dispose());
        }
    }

    private static Dictionary<string, List<Speed>> InTurns(Dictionary<string, Func<int, Speed>> ways, int batches, int size)
    {
        var speeds = ways.Keys.ToDictionary(name => name, _ => new List<Speed>());
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var (name, measure) in ways)
            {
                var speed = measure(batches);
                speeds[name].Add(speed);
                Console.Error.WriteLine(FormattableString.Invariant($"{size} {name}: {speed.PerSecond:F1} slices/s, {speed.PerCpuSecond:F1} a processor second"));
            }
        }

        return speeds;
    }

    private static object Describe(Dictionary<string, List<Speed>> speeds, Dictionary<string, float[]> logits, int slices) => new
    {
        slices_a_turn = slices,
        ways = speeds.ToDictionary(way => way.Key, way => new
        {
            slices_per_s = way.Value.Max(speed => speed.PerSecond),
            slices_per_cpu_s = way.Value.Max(speed => speed.PerCpuSecond),
            cpu_spread = way.Value.Max(speed => speed.PerCpuSecond) / way.Value.Min(speed => speed.PerCpuSecond),
            over = speeds.Where(other => other.Key != way.Key).ToDictionary(
                other => other.Key,
                other => new
                {
                    wall = way.Value.Max(speed => speed.PerSecond) / other.Value.Max(speed => speed.PerSecond),
                    cpu = way.Value.Max(speed => speed.PerCpuSecond) / other.Value.Max(speed => speed.PerCpuSecond),
                }),
            largest_difference_to_builtin = logits.TryGetValue(way.Key, out var of) ? of.Zip(logits[Builtin], (a, b) => Math.Abs(a - b)).Max() : double.NaN,
        }),
        spread_of_logits = logits[Builtin].Max() - logits[Builtin].Min(),
    };

    /// <summary>Encodes batches on as many threads as there are cores.</summary>
    private static Speed InThreads(int batches, int batch, Action encode)
    {
        var threads = Environment.ProcessorCount;
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            for (var at = 0; at < batches / threads; at++)
            {
                encode();
            }
        })).ToList();
        var (begun, cpu) = (Stopwatch.GetTimestamp(), BenchRun.CpuTime());
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        return new Speed(batches / threads * threads * batch, Stopwatch.GetElapsedTime(begun).TotalSeconds, (BenchRun.CpuTime() - cpu).TotalSeconds);
    }

    /// <summary>Slices of rising brightness, so that logits differ.</summary>
    private static float[] Slices(int count, int size)
    {
        var (random, slices) = (new Random(3), new float[count * size * size]);
        for (var at = 0; at < slices.Length; at++)
        {
            slices[at] = random.NextSingle() * (1 + (at / (size * size))) / count;
        }

        return slices;
    }

    private static string WriteJob(BenchFolder folder, int size, int batch, int batches)
    {
        var job = folder[$"encode{size}.json"];
        File.WriteAllText(job, JsonSerializer.Serialize(new
        {
            size,
            batch,
            batches,
            threads = Environment.ProcessorCount,
            weights = Path.Combine(folder[Builtin], ModelFolder.WeightsFile),
            program = folder[$"{size}.ts"],
            onnx = folder[$"{size}.onnx"],
        }));
        return job;
    }

    private sealed record Speed(long Slices, double Seconds, double CpuSeconds)
    {
        public double PerSecond => Slices / Seconds;

        public double PerCpuSecond => Slices / CpuSeconds;
    }
}
