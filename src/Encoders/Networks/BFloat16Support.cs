using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>Knows where bfloat16 is computed by the hardware. Elsewhere oneDNN emulates it, slower than float32.</summary>
internal static class BFloat16Support
{
    /// <summary>AVX512-BF16 or AMX-BF16 (Intel 64 Architectures Software Developer's Manual, vol. 2, CPUID leaf 7).</summary>
    public static bool OnCpu { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7
        && (((X86Base.CpuId(7, 1).Eax >> 5) & 1) != 0 || ((X86Base.CpuId(7, 0).Edx >> 22) & 1) != 0);

    /// <exception cref="EncoderException">The device does not compute with these numbers.</exception>
    public static void ThrowIfAbsent(EncoderPrecision precision, Device device)
    {
        if (precision == EncoderPrecision.Bf16 && device.type == DeviceType.CPU && !OnCpu)
        {
            throw new EncoderException(
                EncoderError.DeviceUnavailable,
                "The model asks for bfloat16, and this processor has neither AVX512-BF16 nor AMX: set tonno.precision to float32 in its metadata.json, or choose another machine.");
        }
    }
}
