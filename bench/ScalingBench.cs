using System.Diagnostics;
using System.Globalization;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Bench;

/// <summary>How time grows with directions and with the volume, and how much memory a large volume takes. The encoder is the sum
/// of the pixels, so that slicing, backprojecting and publishing are what is measured.</summary>
internal static class ScalingBench
{
    private const string Model = "builtin:sum";
    private const int Turns = 2;
    private static readonly VolumeShape _large = new(512, 512, 600);

    public static object Measure(string[] arguments)
    {
        using var folder = new BenchFolder();
        var directions = Grow(folder, [(128, 64), (128, 128), (128, 256), (128, 512)]);
        var edges = Grow(folder, [(64, 128), (128, 128), (256, 128)]);
        return new
        {
            against_directions = new
            {
                edge = 128,
                of = directions.Select(point => point.Directions),
                seconds = directions.Select(point => point.Seconds),
                cpu_seconds = directions.Select(point => point.Cpu),
                exponent = Exponents(directions, point => point.Directions),
            },
            against_edge = new
            {
                directions = 128,
                of = edges.Select(point => point.Edge),
                seconds = edges.Select(point => point.Seconds),
                cpu_seconds = edges.Select(point => point.Cpu),
                exponent_in_voxels = Exponents(edges, point => Math.Pow(point.Edge, 3)),
            },
            memory = Memory(folder),
        };
    }

    /// <summary>The fastest of several turns at each point.</summary>
    private static List<Point> Grow(BenchFolder folder, (int Edge, int Directions)[] points)
    {
        var best = points.Select(point => new Point(point.Edge, point.Directions, double.MaxValue, double.MaxValue)).ToList();
        foreach (var edge in points.Select(point => point.Edge).Distinct())
        {
            BenchVolume.Write(folder[$"{edge}.nii"], new(edge, edge, edge), BenchVolume.Texture(new(edge, edge, edge)));
        }

        // The first run of a process pays for compiling what all others use.
        BenchRun.Of(folder[$"{points[0].Edge}.nii"], Model, folder.New(), new MethodOptions { Directions = points[0].Directions });
        for (var turn = 0; turn < Turns; turn++)
        {
            for (var at = 0; at < points.Length; at++)
            {
                var (edge, directions) = points[at];
                var run = BenchRun.Of(folder[$"{edge}.nii"], Model, folder.New(), new MethodOptions { Directions = directions });
                best[at] = best[at] with
                {
                    Seconds = Math.Min(best[at].Seconds, run.Result.Seconds.Total),
                    Cpu = Math.Min(best[at].Cpu, run.Cpu.TotalSeconds),
                };
            }
        }

        return best;
    }

    /// <summary>Of processor time between neighbouring points: 1 is linear growth.</summary>
    private static double[] Exponents(List<Point> points, Func<Point, double> size) =>
        [.. points.Zip(points.Skip(1), (less, more) => Math.Log(more.Cpu / less.Cpu) / Math.Log(size(more) / size(less)))];

    /// <summary>Peak resident memory of <c>tonno run</c> on an int16 volume of 512x512x600, above that of a run on a tiny one.</summary>
    private static object Memory(BenchFolder folder)
    {
        var stored = new short[_large.VoxelCount];
        var random = new Random(1);
        for (var at = 0; at < stored.Length; at++)
        {
            stored[at] = (short)random.Next(-1024, 2000);
        }

        BenchVolume.Write(folder["large.nii"], _large, stored);
        BenchVolume.Write(folder["tiny.nii"], new(16, 16, 16), new float[4096]);
        var (volume, heatmap) = (2 * _large.VoxelCount, 4 * _large.VoxelCount);
        var idle = Peak(folder, "tiny.nii");
        var (peak, seconds) = Peak(folder, "large.nii");
        return new
        {
            shape = _large.ToString(),
            volume_mb = volume / 1e6,
            heatmap_mb = heatmap / 1e6,
            idle_peak_mb = idle.Bytes / 1e6,
            peak_mb = peak / 1e6,
            above_idle_mb = (peak - idle.Bytes) / 1e6,
            limit_mb = ((3 * volume) + heatmap) / 1e6,
            share_of_limit = (peak - idle.Bytes) / ((3.0 * volume) + heatmap),
            share_of_limit_with_idle = peak / ((3.0 * volume) + heatmap),
            seconds,
        };
    }

    private static (long Bytes, double Seconds) Peak(BenchFolder folder, string volume)
    {
        var begun = Stopwatch.GetTimestamp();
        var start = new ProcessStartInfo(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "tonno.dll"), "run", "-i", folder[volume], "-m", Model, "-o", folder.New(), "--directions", "32", "--spacing", "4", "--threshold", "50%", "-q"]);
        using var process = Process.Start(start)!;
        var peak = 0L;
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(20)))
        {
            peak = Math.Max(peak, HighWaterMark(process.Id));
        }

        return process.ExitCode == 0 ? (peak, Stopwatch.GetElapsedTime(begun).TotalSeconds) : throw new InvalidOperationException($"tonno run on {volume} ended with {process.ExitCode}.");
    }

    private static long HighWaterMark(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line.AsSpan(6, line.Length - 9), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it ended
        }
    }

    private sealed record Point(int Edge, int Directions, double Seconds, double Cpu);
}
