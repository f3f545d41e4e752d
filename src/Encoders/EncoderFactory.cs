using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders;

/// <summary>Opens the encoder that a user names.</summary>
public static class EncoderFactory
{
    /// <summary>True where a model's encoder is an <see cref="IVolumeEncoder"/> that does best to cut slices on its device.</summary>
    /// <inheritdoc cref="Open"/>
    public static bool CutsOnDevice(string model, string device) => model != SumEncoder.ModelName && TorchDevice.IsCuda(device);

    /// <param name="model"><c>builtin:sum</c> or a model folder.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>; the sum encoder always runs on the CPU.</param>
    /// <exception cref="EncoderException">The model or the device cannot be had.</exception>
    public static ISliceEncoder Open(string model, string device)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        TorchDevice.ThrowIfInvalid(device);
        if (model == SumEncoder.ModelName)
        {
            return new SumEncoder();
        }

        ThrowIfBuiltIn(model);
        return OpenFolder(model, device, precision: null, out _);
    }

    /// <summary>All that a node without libtorch can know of a model: what its card says. Nodes that encode try its network when they open it.</summary>
    /// <exception cref="EncoderException">The model is missing or its metadata are unsound.</exception>
    public static EncoderCard ReadCard(string model)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ThrowIfBuiltIn(model);
        return ModelFolder.ReadCard(model);
    }

    private static void ThrowIfBuiltIn(string model)
    {
        if (model.StartsWith("builtin:", StringComparison.Ordinal))
        {
            throw new EncoderException(
                EncoderError.ModelMissing, $"There is no built-in encoder {model}: use {SumEncoder.ModelName} or a model folder.");
        }
    }

    /// <summary>Opens a model folder.</summary>
    /// <param name="precision">Stands in place of the metadata's, or null.</param>
    /// <inheritdoc cref="Open"/>
    internal static TorchSliceEncoder OpenFolder(string path, string device, EncoderPrecision? precision, out ModelMetadata metadata)
    {
        TorchDevice.ThrowIfInvalid(device);
        TorchLibrary.Require();
        var loaded = ModelFolder.Load(path, precision);
        metadata = loaded.Metadata;
        try
        {
            return new TorchSliceEncoder(loaded.Network, loaded.Card, device);
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }
}
