using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Commands;

namespace ToNNO.Bench;

/// <summary>The whole of <c>tonno run</c> with a ResNet-18, against a tuned PyTorch script of the same job and against encoding
/// alone, in turns. All have the same random weights, and their heatmaps are held against each other.</summary>
/// <remarks>The volume fills its grid, so that only planes that miss it are saved; a body amid air saves more. Wall times are
/// those of the job, without start-up; processor times bear a busy machine better.</remarks>
internal static class PipelineBench
{
    private const int Turns = 2;
    private const int DirectionCount = 64;
    private const long AloneSlices = 2048;
    private const double Alpha = 1;
    private const string Builtin = "builtin", Program = "torchscript", Bf16 = "builtin_bf16";

    public static object Measure(string[] arguments)
    {
        using var folder = new BenchFolder();
        var peer = PeerScript.Find();
        var models = new List<string> { Builtin };
        BenchModel.Save(folder[Builtin], EncoderPrecision.Fp32);
        BenchModel.Save(folder[Bf16], EncoderPrecision.Bf16);
        if (BenchModel.Opens(folder[Bf16]))
        {
            models.Add(Bf16);
        }

        var sizes = arguments is [] ? ["128", "224"] : arguments;
        return new
        {
            cores = Environment.ProcessorCount,
            directions = DirectionCount,
            alpha = Alpha,
            window = "hann",
            by_size = sizes.ToDictionary(size => size, size => Measure(folder, peer, models, int.Parse(size, CultureInfo.InvariantCulture))),
            overlap = Overlap(folder, 128),
        };
    }

    private static object Measure(BenchFolder folder, PeerScript? peer, IReadOnlyList<string> models, int size)
    {
        var shape = new VolumeShape(size, size, size);
        var samples = BenchVolume.Texture(shape);
        var volume = folder[$"{size}.nii"];
        BenchVolume.Write(volume, shape, samples);
        var method = Method(size);
        var job = peer is null ? "" : WriteJob(folder, shape, samples, method);
        if (peer is not null)
        {
            peer.Export(job);
            BenchModel.SaveProgram(folder[$"{Program}{size}"], folder[$"{size}.ts"]);
            models = [.. models, $"{Program}{size}"];
        }

        var runs = models.ToDictionary(model => model, _ => new List<BenchRun>());
        var (scripts, optimised, alone) = (new List<PeerScript.Outcome>(), new List<PeerScript.Outcome>(), new List<(double Wall, double Cpu)>());
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var model in models)
            {
                var run = BenchRun.Of(volume, folder[model], folder.New(), method);
                runs[model].Add(run);
                Say($"{size} {model}", run.Result.Seconds.Total, run.Cpu.TotalSeconds);
                if (model == Builtin)
                {
                    alone.Add(EncodeAlone(folder[model], run.Result.Slices.Encoded, size));
                    Say($"{size} encoding alone", alone[^1].Wall, alone[^1].Cpu);
                    if (peer is not null)
                    {
                        scripts.Add(peer.Measure(job, optimise: false));
                        Say($"{size} PyTorch", scripts[^1].Seconds, scripts[^1].CpuSeconds);
                        if (turn == 0)
                        {
                            optimised.Add(peer.Measure(job, optimise: true));
                            Say($"{size} PyTorch, optimised", optimised[^1].Seconds, optimised[^1].CpuSeconds);
                        }
                    }
                }
            }
        }

        var (planned, encoded) = (runs[Builtin][0].Result.Slices.Planned, runs[Builtin][0].Result.Slices.Encoded);
        var reference = Heatmap(runs[Builtin][0]);
        var theirs = peer is null ? null : MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(folder[$"{size}.heatmap"])).ToArray();
        return new
        {
            slices_planned = planned,
            slices_encoded = encoded,
            ours = runs.ToDictionary(of => of.Key, of => Describe(of.Value, scripts, optimised, planned, encoded, reference, theirs)),
            pytorch = Describe(scripts, planned),
            pytorch_optimised = Describe(optimised, planned),
            encoding_alone = new
            {
                seconds = alone.Select(turn => turn.Wall),
                cpu_seconds = alone.Select(turn => turn.Cpu),
                encoded_per_s = encoded / alone.Min(turn => turn.Wall),
                run_over_alone = Ratio(runs[Builtin].Select(run => run.Result.Seconds.Total), alone.Select(turn => turn.Wall)),
                run_over_alone_cpu = Ratio(runs[Builtin].Select(run => run.Cpu.TotalSeconds), alone.Select(turn => turn.Cpu)),
            },
        };
    }

    /// <summary>A longer run beside encoding alone, before it and after it: what cutting, backprojecting and publishing add.</summary>
    private static object Overlap(BenchFolder folder, int size)
    {
        var volume = folder["overlap.nii"];
        BenchVolume.Write(volume, new(size, size, size), BenchVolume.Texture(new(size, size, size)));
        var before = EncodeAlone(folder[Builtin], AloneSlices, size);
        var run = BenchRun.Of(volume, folder[Builtin], folder.New(), Method(size) with { Directions = 4 * DirectionCount });
        var after = EncodeAlone(folder[Builtin], AloneSlices, size);
        var share = (double)run.Result.Slices.Encoded / AloneSlices;
        return new
        {
            size,
            slices_encoded = run.Result.Slices.Encoded,
            seconds = run.Result.Seconds.Total,
            starved_seconds = run.Starved.TotalSeconds,
            over_encoding_alone = run.Result.Seconds.Total / (share * (before.Wall + after.Wall) / 2),
            over_encoding_alone_cpu = run.Cpu.TotalSeconds / (share * (before.Cpu + after.Cpu) / 2),
        };
    }

    private static object? Describe(List<PeerScript.Outcome> scripts, long planned) => scripts.Count == 0 ? null : new
    {
        version = scripts[0].Torch,
        seconds = scripts.Select(script => script.Seconds),
        cpu_seconds = scripts.Select(script => script.CpuSeconds),
        encode_share = scripts.Average(script => script.EncodeSeconds / script.Seconds),
        start_up_seconds = scripts.Min(script => script.WholeSeconds - script.Seconds),
        planned_per_s = planned / scripts.Min(script => script.Seconds),
    };

    private static object Describe(
        List<BenchRun> runs, List<PeerScript.Outcome> scripts, List<PeerScript.Outcome> optimised, long planned, long encoded, float[] reference, float[]? theirs)
    {
        var fastest = runs.MinBy(run => run.Result.Seconds.Total)!;
        var stages = fastest.Result.Seconds;
        var heatmap = Heatmap(fastest);
        return new
        {
            seconds = runs.Select(run => run.Result.Seconds.Total),
            cpu_seconds = runs.Select(run => run.Cpu.TotalSeconds),
            start_and_stop_seconds = runs.Min(run => run.Wall.TotalSeconds - run.Result.Seconds.Total),
            planned_per_s = planned / stages.Total,
            encoded_per_s = encoded / stages.Total,
            starved_seconds = fastest.Starved.TotalSeconds,
            stage_seconds = stages,
            over_pytorch = Over(scripts, runs),
            over_pytorch_cpu = OverCpu(scripts, runs),
            over_pytorch_cpu_by_encoded = OverCpu(scripts, runs) * encoded / planned,
            over_pytorch_optimised = Over(optimised, runs),
            over_pytorch_optimised_cpu = OverCpu(optimised, runs),
            relative_l2_to_fp32 = RelativeL2(heatmap, reference),
            relative_l2_to_pytorch = theirs is null ? double.NaN : RelativeL2(heatmap, theirs),
        };
    }

    private static double Over(List<PeerScript.Outcome> scripts, List<BenchRun> runs) =>
        scripts.Count == 0 ? double.NaN : Ratio(scripts.Select(script => script.Seconds), runs.Select(run => run.Result.Seconds.Total));

    private static double OverCpu(List<PeerScript.Outcome> scripts, List<BenchRun> runs) =>
        scripts.Count == 0 ? double.NaN : Ratio(scripts.Select(script => script.CpuSeconds), runs.Select(run => run.Cpu.TotalSeconds));

    private static void Say(string what, double seconds, double cpuSeconds) => Console.Error.WriteLine(FormattableString.Invariant($"{what}: {seconds:F1} s, processor {cpuSeconds:F1} s"));

    /// <summary>Best over best: what others on the machine take, they take now from the one, now from the other.</summary>
    private static double Ratio(IEnumerable<double> slow, IEnumerable<double> fast) => slow.Min() / fast.Min();

    /// <summary>Encodes as many slices as a run did, on as many threads as it has encoders, with nothing beside.</summary>
    private static (double Wall, double Cpu) EncodeAlone(string model, long count, int size)
    {
        using var encoder = EncoderFactory.Open(model, "cpu");
        var format = new SliceFormat(size, BenchModel.PixelMm);
        var batch = TorchSliceEncoder.CpuBatchOf(size);
        var threads = Environment.ProcessorCount;
        var slices = new float[batch * size * size];
        slices.AsSpan().Fill(0.5f);
        void Encode(long batches)
        {
            var logits = new float[batch];
            for (var at = 0L; at < batches; at++)
            {
                encoder.Encode(slices, batch, format, logits);
            }
        }

        Encode(1);
        var (begun, cpu) = (Stopwatch.GetTimestamp(), BenchRun.CpuTime());
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(() => Encode(count / (batch * threads)))).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        return (Stopwatch.GetElapsedTime(begun).TotalSeconds, (BenchRun.CpuTime() - cpu).TotalSeconds);
    }

    private static float[] Heatmap(BenchRun run) =>
        NiftiReader.Read(Path.Combine(run.Folder, "heatmap.nii.gz"), long.MaxValue).Volume.Samples.AsFloats();

    private static double RelativeL2(float[] one, float[] other) =>
        Math.Sqrt(one.Zip(other, (a, b) => Math.Pow((double)a - b, 2)).Sum() / other.Sum(b => Math.Pow(b, 2)));

    private static MethodOptions Method(int size) => new()
    {
        Directions = DirectionCount,
        SpacingMm = size > 200 ? 20 : 5, // wide apart, to be done in minutes
        PixelMm = BenchModel.PixelMm,
        Size = size,
        Alpha = Alpha,
        Window = FilterWindow.Hann,
    };

    private static string WriteJob(BenchFolder folder, VolumeShape shape, float[] samples, MethodOptions method)
    {
        var (raw, job) = (folder[$"{shape.I}.raw"], folder[$"{shape.I}.json"]);
        File.WriteAllBytes(raw, MemoryMarshal.AsBytes(samples.AsSpan()).ToArray());
        var plan = SamplingPlan.For(
            new(shape, AffineTransform.Scaling(1, 1, 1)), DirectionSet.Create(method.Set, method.Directions), method.SpacingMm, method.PixelMm, method.Size);
        static double[] Numbers(Vector3D vector) => [vector.X, vector.Y, vector.Z];
        var directions = Enumerable.Range(0, plan.Directions.Count).Select(at =>
        {
            var frame = SliceFrame.For(plan.Directions.Normals[at]);
            return new { n = Numbers(frame.N), u = Numbers(frame.U), v = Numbers(frame.V), weight = plan.Directions.Weights[at] };
        });
        File.WriteAllText(job, JsonSerializer.Serialize(new
        {
            volume = raw,
            shape = new[] { shape.K, shape.J, shape.I },
            size = plan.Size,
            pixel_mm = plan.PixelMm,
            spacing_mm = plan.SpacingMm,
            offsets_mm = Enumerable.Range(0, plan.OffsetCount).Select(plan.OffsetMm),
            directions,
            alpha = method.Alpha,
            threads = Environment.ProcessorCount,
            weights = Path.Combine(folder[Builtin], ModelFolder.WeightsFile),
            program = folder[$"{shape.I}.ts"],
            heatmap = folder[$"{shape.I}.heatmap"],
        }));
        return job;
    }
}
