using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using ToNNO.Tests.Support;

namespace ToNNO.Bench;

/// <summary>Other processes: <c>tonno</c> commands to wait for, and what the system knows of those that run.</summary>
internal static class BenchProcess
{
    /// <summary>Runs a command to its end, with one thread in each encoder.</summary>
    /// <returns>Its exit code, and what it said on either stream.</returns>
    public static async Task<(int ExitCode, string Said)> TonnoAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using var process = Process.Start(TonnoStart.Of(environment, arguments))!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(said));
    }

    /// <summary>Resident memory, bytes; 0 of a process that has ended.</summary>
    public static long ResidentBytes(int id) => Of(id, process => process.WorkingSet64);

    /// <summary>Zero of a process that has ended.</summary>
    public static TimeSpan ProcessorTime(int id) => Of(id, process => process.TotalProcessorTime);

    /// <summary>By thread, seconds so far on a core, and ready to run but in the queue for one.</summary>
    public static Dictionary<string, (double OnCore, double Queued)> Threads(int id)
    {
        var threads = new Dictionary<string, (double, double)>();
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{id}/task"))
        {
            try
            {
                var nanoseconds = File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToList();
                threads[thread] = (nanoseconds[0] / 1e9, nanoseconds[1] / 1e9);
            }
            catch (IOException)
            {
                // The thread has ended.
            }
        }

        return threads;
    }

    private static T Of<T>(int id, Func<Process, T> fact)
        where T : struct
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return fact(process);
        }
        catch (Exception ended) when (ended is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return default;
        }
    }
}
