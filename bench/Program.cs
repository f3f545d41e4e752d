using System.Text.Json;
using System.Text.Json.Serialization;

namespace ToNNO.Bench;

/// <summary>Measures, and prints what was measured as one JSON object on the last line.</summary>
internal static class Program
{
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Each benchmark: its name, and what it measures as an object to print.</summary>
    private static readonly Dictionary<string, Func<string[], object>> _benchmarks = new(StringComparer.Ordinal)
    {
        ["adaptive"] = AdaptiveBenchmark.Measure,
        ["autoscaling"] = AutoscalingBench.Measure,
        ["cam"] = CamBench.Measure,
        ["cluster-load"] = ClusterLoadBench.Measure,
        ["cluster-scaling"] = ClusterScalingBench.Measure,
        ["device"] = DeviceBench.Measure,
        ["encoders"] = EncodersBench.Measure,
        ["factorisation"] = KernelsFactorisation.Measure,
        ["fista"] = FistaBenchmark.Measure,
        ["fuzz"] = FuzzBench.Measure,
        ["kernels"] = KernelsBenchmark.Measure,
        ["pipeline"] = PipelineBench.Measure,
        ["reading"] = ReadingBench.Measure,
        ["scaling"] = ScalingBench.Measure,
        ["scheduling"] = SchedulingBench.Measure,
        ["slicing"] = SlicingBench.Measure,
        ["soak"] = SoakBench.Measure,
        ["storage"] = StorageBench.Measure,
        ["table"] = arguments => new { real = RealTable.Measure(arguments), synthetic = SyntheticTable.Measure(arguments) },
        ["table-real"] = RealTable.Measure,
        ["table-synthetic"] = SyntheticTable.Measure,
        ["train"] = TrainingBench.Measure,
    };

    private static int Main(string[] arguments)
    {
        if (arguments is not [var name, .. var rest] || !_benchmarks.TryGetValue(name, out var measure))
        {
            Console.Error.WriteLine($"bench.usage: name a benchmark: bench/run {string.Join('|', _benchmarks.Keys)}.");
            return 2;
        }

        var measured = measure(rest);
        Console.WriteLine(JsonSerializer.Serialize(measured, Json));
        return measured is ICheckedReport { Whole: false } ? 1 : 0;
    }
}
