using System.Runtime.InteropServices;

namespace ToNNO.Encoders;

/// <summary>libtorch, which builds for nodes that do not encode go without (TonnoTorch=none).</summary>
public static class TorchLibrary
{
    /// <summary>c10's levels (c10/util/logging_is_not_google_glog.h): 0 information, 1 warning, 2 error.</summary>
    private const int LogErrors = 2;

    public static bool IsThere { get; } = Load();

    private static bool IsSound { get; } = !IsThere || OneDnn.SetRight();

    /// <exception cref="EncoderException"><c>encoder.torch_missing</c>, <c>encoder.processor_unsound</c></exception>
    public static void Require()
    {
        if (!IsThere)
        {
            throw Missing();
        }

        if (!IsSound)
        {
            throw new EncoderException(
                EncoderError.ProcessorUnsound,
                "This virtual machine hides its processor's caches, by whose sizes this libtorch divides its work, so that it would compute wrongly: " +
                "have the hypervisor pass them on (QEMU: -cpu host,host-cache-info=on,+topoext), or take another machine.");
        }
    }

    public static EncoderException Missing() => new(
        EncoderError.TorchMissing, "This build of tonno is without libtorch, and can neither encode nor look into a network: take the one for encoders (the image tonno-slice).");

    /// <summary>Loads it, and has it speak of errors alone: on a processor that NNPACK does not know it would warn of that at every convolution.</summary>
    private static bool Load()
    {
        var torch = typeof(TorchSharp.torch).Assembly;
        if (!NativeLibrary.TryLoad("LibTorchSharp", torch, null, out _))
        {
            return false;
        }

        if (NativeLibrary.TryLoad("libc10.so", torch, null, out var core) && NativeLibrary.TryGetExport(core, "FLAGS_caffe2_log_level", out var level))
        {
            Marshal.WriteInt32(level, LogErrors);
        }

        return true;
    }
}
