using System.Runtime.InteropServices;

namespace ToNNO.Encoders.Networks;

/// <summary>Knows by libtorch's words that memory did not do; TorchSharp hands on nothing else of its errors.</summary>
internal static class OutOfMemory
{
    /// <summary>CUDA's allocator and the processor's, on Linux and on Windows (c10/core/impl/alloc_cpu.cpp), and C++'s own.</summary>
    private static readonly string[] _words = ["out of memory", "can't allocate memory", "not enough memory", "bad_alloc"];

    public static bool Is(Exception error) =>
        error is ExternalException && _words.Any(words => error.Message.Contains(words, StringComparison.OrdinalIgnoreCase));
}
