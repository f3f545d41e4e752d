using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Turns the names that users give devices (<c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c>) into devices that are there.</summary>
public static class TorchDevice
{
    /// <exception cref="EncoderException">The name is none of these, or the device is absent.</exception>
    public static Device Resolve(string name)
    {
        var index = ParseCudaIndex(name);
        TorchLibrary.Require();
        if (name == "cpu" || (name == "auto" && !cuda.is_available()))
        {
            return CPU;
        }

        var devices = cuda.is_available() ? cuda.device_count() : 0;
        return index < devices
            ? new Device(DeviceType.CUDA, index)
            : throw new EncoderException(
                EncoderError.DeviceUnavailable,
                devices == 0
                    ? $"Device {name} was asked for, but this process sees no CUDA device: use --device cpu, or install the driver and build with TonnoTorch=cuda."
                    : $"Device {name} was asked for, but this process sees only cuda:0 to cuda:{devices - 1}: choose one of them.");
    }

    /// <summary>What encoders call the device of a name; the name itself, where it is not there, which shows when a model is opened on it.</summary>
    public static string NameOf(string name)
    {
        try
        {
            return Resolve(name).ToString();
        }
        catch (EncoderException)
        {
            return name;
        }
    }

    /// <summary>Has a device compute something, so that what its first use takes, some seconds for a GPU's driver, is behind.</summary>
    /// <exception cref="EncoderException">The name is none of these, or the device is absent or does not work.</exception>
    public static void Open(string name)
    {
        var device = Resolve(name);
        try
        {
            using var scope = NewDisposeScope();
            _ = ones(1, device: device).sum().item<float>();
        }
        catch (ExternalException broken)
        {
            throw new EncoderException(EncoderError.DeviceUnavailable, $"Device {device} is there, but does not compute: {broken.Message}", broken);
        }
    }

    /// <summary>True where a name means a CUDA device.</summary>
    /// <inheritdoc cref="Resolve"/>
    public static bool IsCuda(string name) => Resolve(name).type == DeviceType.CUDA;

    /// <summary>Checks a name's form without loading torch.</summary>
    /// <exception cref="EncoderException">The name is no device's.</exception>
    public static void ThrowIfInvalid(string name) => ParseCudaIndex(name);

    private static int ParseCudaIndex(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name is "auto" or "cpu" or "cuda")
        {
            return 0;
        }

        if (name.StartsWith("cuda:", StringComparison.Ordinal)
            && byte.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return index;
        }

        throw new EncoderException(EncoderError.DeviceInvalid, $"\"{name}\" is no device: use auto, cpu or cuda:N, as in cuda:0.");
    }
}
