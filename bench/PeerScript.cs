using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace ToNNO.Bench;

/// <summary>The PyTorch script of the same job, <c>bench/peer/tonno_peer.py</c>, and a Python that has torch.</summary>
internal sealed class PeerScript
{
    private readonly string _python;

    private PeerScript(string python) => _python = python;

    private static string Script => Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "bench", "peer", "tonno_peer.py");

    /// <summary>A Python that imports torch: the one that <c>TONNO_PYTHON</c> names, one on the PATH, or Debian's.</summary>
    /// <returns>Null, said aloud, where there is none.</returns>
    public static PeerScript? Find()
    {
        foreach (var python in new[] { Environment.GetEnvironmentVariable("TONNO_PYTHON"), "python3", "/usr/bin/python3" }.OfType<string>())
        {
            if (Run(python, ["-c", "import torch"]).ExitCode == 0)
            {
                return new PeerScript(python);
            }
        }

        Console.Error.WriteLine("bench.no_peer: no Python here imports torch (Debian: apt install python3-torch; or set TONNO_PYTHON), so nothing is measured against PyTorch.");
        return null;
    }

    /// <summary>Writes the job's TorchScript program.</summary>
    public void Export(string job) => Checked("export", job);

    /// <summary>Writes the job's network for ONNX Runtime.</summary>
    public void ExportOnnx(string job) => Checked("onnx", job);

    /// <summary>Runs the job.</summary>
    /// <param name="optimise">Also <c>torch.jit.optimize_for_inference</c>.</param>
    public Outcome Measure(string job, bool optimise) => Outcome.Of(optimise ? ["run", job, "optimise"] : ["run", job], Checked);

    /// <summary>Encodes the job's batches, on slices that lie ready.</summary>
    /// <param name="options"><c>optimise</c>, <c>channels_last</c> or <c>bf16</c>.</param>
    public Outcome MeasureEncoding(string job, params string[] options) => Outcome.Of(["encode", job, .. options], Checked);

    private string Checked(params string[] arguments)
    {
        var (exitCode, output, errors) = Run(_python, [Script, .. arguments]);
        return exitCode == 0 ? output : throw new InvalidOperationException($"The PyTorch script ended with {exitCode}: {errors}");
    }

    private static (int ExitCode, string Output, string Errors) Run(string python, string[] arguments)
    {
        var start = new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // What suits it best: its threads in torch, and an allocator that keeps its pages.
        start.Environment.Remove("MALLOC_ARENA_MAX");
        start.Environment.Remove("MALLOC_MMAP_THRESHOLD_");
        start.Environment["MALLOC_MMAP_MAX_"] = "0";
        start.Environment["MALLOC_TRIM_THRESHOLD_"] = "100000000000";
        start.Environment["MALLOC_TOP_PAD_"] = "268435456";
        start.Environment["OMP_WAIT_POLICY"] = "passive"; // a thread that spins for its fellows would count as work
        start.Environment["OMP_NUM_THREADS"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture);
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.GetAwaiter().GetResult());
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (127, "", $"{python} is not there");
        }
    }

    /// <param name="Seconds">The job without start-up, loading the network and warming it up.</param>
    /// <param name="CpuSeconds">Processor time of the same.</param>
    /// <param name="WholeSeconds">With all of that.</param>
    internal sealed record Outcome(double Seconds, double CpuSeconds, double EncodeSeconds, double WholeSeconds, string Torch)
    {
        public static Outcome Of(string[] arguments, Func<string[], string> run)
        {
            var begun = Stopwatch.GetTimestamp();
            var node = JsonNode.Parse(run(arguments))!;
            double Seconds(string name) => node[name]!.GetValue<double>();
            return new Outcome(
                Seconds("seconds"), Seconds("cpu_seconds"), Seconds("encode_seconds"), Stopwatch.GetElapsedTime(begun).TotalSeconds, node["torch"]!.GetValue<string>());
        }
    }
}
