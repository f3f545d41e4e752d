using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace ToNNO.Bench;

/// <summary>The C kernels of <c>bench/native</c>, built on first use.</summary>
internal static unsafe partial class KernelsNative
{
    private const string Library = "backproject";

    /// <summary>Where the built library lies; null where there is no gcc, or it cannot build for this processor.</summary>
    private static readonly Lazy<string?> _built = new(Build);

    static KernelsNative() => NativeLibrary.SetDllImportResolver(
        Assembly.GetExecutingAssembly(), (name, _, _) => name == Library && _built.Value is { } path ? NativeLibrary.Load(path) : 0);

    public static bool Present => _built.Value is not null;

    /// <summary>Processor time of the calling thread, seconds: unlike the clock, it stands still while others have the core.</summary>
    public static double ThreadSeconds()
    {
        const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID
        return GetClock(ThreadCpuTime, out var time) == 0
            ? time.Seconds + (1e-9 * time.Nanoseconds)
            : throw new InvalidOperationException("The thread's clock cannot be read.");
    }

    [LibraryImport(Library, EntryPoint = "knots512")]
    public static partial void Knots512(Problem* problem);

    [LibraryImport(Library, EntryPoint = "knots256")]
    public static partial void Knots256(Problem* problem);

    [LibraryImport(Library, EntryPoint = "gather512")]
    public static partial void Gather512(Problem* problem);

    [LibraryImport(Library, EntryPoint = "gather256")]
    public static partial void Gather256(Problem* problem);

    [LibraryImport(Library, EntryPoint = "permute512")]
    public static partial void Permute512(Problem* problem);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetClock(int clock, out Time time);

    private static string? Build()
    {
        var source = Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "bench", "native", "backproject.c");
        var target = Path.Combine(AppContext.BaseDirectory, "libbackproject.so");
        var start = new ProcessStartInfo("gcc", ["-O3", "-march=native", "-shared", "-fPIC", source, "-o", target]) { RedirectStandardError = true };
        try
        {
            using var gcc = Process.Start(start)!;
            var said = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            if (gcc.ExitCode == 0)
            {
                return target;
            }

            Console.Error.WriteLine($"bench.no_c: gcc could not build {source}: {said}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine("bench.no_c: gcc was not found; the C kernels are left out.");
        }

        return null;
    }

    /// <summary>The C's <c>problem</c>, field by field.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Problem
    {
        public int I, J, K, Directions, Length, PerSpacing;
        public fixed double StepI[3];
        public fixed double StepJ[3];
        public fixed double StepK[3];
        public fixed double Origin[3];
        public double Spacing;
        public double* Normals;
        public double* Weights;
        public float* Profiles;
        public float* Slab;
    }

    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
