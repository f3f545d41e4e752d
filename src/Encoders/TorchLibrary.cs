using System.Runtime.InteropServices;

namespace ToNNO.Encoders;

/// <summary>libtorch, which builds for nodes that do not encode go without (TonnoTorch=none).</summary>
public static class TorchLibrary
{
    public static bool IsThere { get; } = NativeLibrary.TryLoad("LibTorchSharp", typeof(TorchSharp.torch).Assembly, null, out _);

    /// <exception cref="EncoderException"><c>encoder.torch_missing</c></exception>
    public static void Require()
    {
        if (!IsThere)
        {
            throw Missing();
        }
    }

    public static EncoderException Missing() => new(
        EncoderError.TorchMissing, "This build of tonno is without libtorch, and can neither encode nor look into a network: take the one for encoders (the image tonno-slice).");
}
