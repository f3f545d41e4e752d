using System.Diagnostics;
using System.Diagnostics.Metrics;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;

namespace ToNNO.Bench;

/// <summary>A volume run as <c>tonno run</c> runs it: a node in this process, its actors, its store, a published result.</summary>
/// <param name="Wall">From the node's start to its end.</param>
/// <param name="Cpu">Processor time of the whole process meanwhile.</param>
/// <param name="Starved">Time that encoders waited for pixels, all together.</param>
internal sealed record BenchRun(VolumeResult Result, string Folder, TimeSpan Wall, TimeSpan Cpu, TimeSpan Starved)
{
    public static BenchRun Of(string volume, string model, string output, MethodOptions method, string device = "cpu")
    {
        var settings = SettingsOf(model, method);
        var starved = 0.0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Name == SliceTelemetry.MeterName && instrument.Name == "tonno.slice.encoder_starved")
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        var turn = new Lock();
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag is { Key: "of", Value: "pixels" })
                {
                    lock (turn)
                    {
                        starved += seconds;
                    }
                }
            }
        });
        listener.Start();
        GC.Collect();
        var (begun, cpu) = (Stopwatch.GetTimestamp(), CpuTime());
        var concluded = RunJob.ExecuteAsync(
            LocalResources.Options(output, device), settings, [new RunInput(new VolumeId("volume"), [volume])], new QuietDisplay(), CancellationToken.None)
            .GetAwaiter().GetResult();
        var (wall, spent) = (Stopwatch.GetElapsedTime(begun), CpuTime() - cpu);
        if (concluded is not [{ State: VolumeState.Completed or VolumeState.Warning }])
        {
            throw new InvalidOperationException($"The run failed: {string.Join(", ", concluded)}.");
        }

        var folder = Path.Combine(output, "volume");
        var result = Documents.TryParse<VolumeResult>(File.ReadAllBytes(Path.Combine(folder, VolumeResult.FileName)))!;
        return new BenchRun(result, folder, wall, spent, TimeSpan.FromSeconds(starved));
    }

    public static TimeSpan CpuTime() => Process.GetCurrentProcess().TotalProcessorTime;

    private static RunSettings SettingsOf(string model, MethodOptions method)
    {
        using var encoder = EncoderFactory.Open(model, "cpu");
        return SettingsResolution.Resolve(model, encoder.Card, method);
    }
}
