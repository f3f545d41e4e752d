using System.Runtime.InteropServices;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Checking;

/// <summary>What PyTorch says of a model: slices and their logits, from <c>reference.safetensors</c> in the model's folder.</summary>
/// <remarks>The file is no part of the model: its hash does not depend on it.</remarks>
/// <param name="Size">Edge of the slices in pixels.</param>
/// <param name="Slices">Pixels <c>[count, channels, size, size]</c>, mapped by the intensity window.</param>
/// <param name="Logits"><c>[count, classes]</c>.</param>
public sealed record ModelReference(int Count, int Size, float[] Slices, float[] Logits)
{
    public const string FileName = "reference.safetensors";

    private const string SlicesName = "slices", LogitsName = "logits";
    private const long MaxBytes = 1 << 30;

    /// <summary>Reads a folder's reference; null where it carries none.</summary>
    /// <exception cref="EncoderException"><c>model.reference_invalid</c>: it is none of this model.</exception>
    public static ModelReference? Read(string folder, EncoderCard card)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(card);
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        using var scope = NewDisposeScope();
        try
        {
            using var file = ModelFolder.Open(path);
            if (file.Length > MaxBytes)
            {
                throw Invalid(path, $"it has {file.Length} bytes, more than {MaxBytes}: some slices are enough");
            }

            var (slices, logits) = Shapes(Safetensors.ReadHeader(file, path), card, path);
            var (pixels, answers) = (empty(slices), empty(logits));
            file.Position = 0;
            Safetensors.ReadInto(file, new Dictionary<string, Tensor> { [SlicesName] = pixels, [LogitsName] = answers }, path);
            return new ModelReference(
                (int)slices[0], (int)slices[3], Finite(pixels, slices[0], "pixel", path), Finite(answers, slices[0], "logit", path));
        }
        catch (EncoderException error) when (error.Error is EncoderError.WeightsCorrupt or EncoderError.WeightsMismatch or EncoderError.ModelUnsupported)
        {
            throw new EncoderException(EncoderError.ReferenceInvalid, error.Message, error);
        }
    }

    /// <summary>The shapes of slices and logits, checked against the card before anything is allocated.</summary>
    private static (long[] Slices, long[] Logits) Shapes(IReadOnlyList<SafetensorsEntry> entries, EncoderCard card, string path)
    {
        long[] Shape(string name) => entries.FirstOrDefault(entry => entry.Name == name) is { } found
            ? [.. found.Shape]
            : throw Invalid(path, $"it holds no tensor \"{name}\"");
        if (entries.FirstOrDefault(entry => entry.Name is not (SlicesName or LogitsName)) is { } other)
        {
            throw Invalid(path, $"it holds a tensor \"{other.Name}\" beside \"{SlicesName}\" and \"{LogitsName}\"");
        }

        var (slices, logits) = (Shape(SlicesName), Shape(LogitsName));
        if (slices is not [> 0, _, var height, var width] || height != width || height < 1)
        {
            throw Invalid(path, $"its slices are [{string.Join(", ", slices)}] and not [count, channels, S, S]");
        }

        if (slices[1] != card.Channels)
        {
            throw Invalid(path, $"its slices have {slices[1]} channels, and the metadata say {card.Channels}");
        }

        if (card.SliceSize is { } size && size != height)
        {
            throw Invalid(path, $"its slices are {height} x {width} pixels, and the metadata say {size} x {size}");
        }

        return logits is [var count, var classes] && count == slices[0] && classes == card.Classes.Count
            ? (slices, logits)
            : throw Invalid(path, $"its logits are [{string.Join(", ", logits)}], where {slices[0]} slices and {card.Classes.Count} classes have [{slices[0]}, {card.Classes.Count}]");
    }

    private static float[] Finite(Tensor tensor, long count, string what, string path)
    {
        var values = MemoryMarshal.Cast<byte, float>(tensor.bytes).ToArray();
        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0 ? values : throw Invalid(path, $"slice {bad / (values.Length / count)} has the {what} {values[bad]}");
    }

    private static EncoderException Invalid(string path, string what) =>
        new(EncoderError.ReferenceInvalid, $"{path} is no reference of this model: {what}. Write it again from the network that was exported.");
}
