using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Models;

/// <summary>A model on disk: a folder with <c>metadata.json</c> and <c>weights.safetensors</c>.</summary>
/// <remarks>The model's SHA-256 is that of the two files' bytes in this order:
/// <c>cat metadata.json weights.safetensors | sha256sum</c>.</remarks>
public static class ModelFolder
{
    public const string MetadataFile = "metadata.json";
    public const string WeightsFile = "weights.safetensors";

    private const int MaxMetadataBytes = 4 << 20;

    /// <summary>Reads a model; its network is on the CPU.</summary>
    /// <exception cref="EncoderException">The model is missing or unsound.</exception>
    public static SliceModel Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var (metadataPath, weightsPath) = (Path.Combine(path, MetadataFile), Path.Combine(path, WeightsFile));
        if (!Directory.Exists(path))
        {
            throw new EncoderException(
                EncoderError.ModelMissing, $"There is no model folder {path}: give a folder with {MetadataFile} and {WeightsFile}, or {SumEncoder.ModelName}.");
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var metadata = MetadataJson.Parse(ReadMetadata(metadataPath, hash), metadataPath);
        using var file = Open(weightsPath);
        // A file that is far too short is refused before the network that it cannot fill is allocated.
        using var weights = new HashingStream(file, hash);
        CheckLength(file.Length, metadata.Architecture, weightsPath);
        var network = new SmallCnn(metadata.Architecture);
        try
        {
            var tensors = TensorsOf(network);
            Translate(weightsPath, () => Safetensors.ReadInto(weights, tensors, weightsPath));
            CheckFinite(tensors, weightsPath);
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            return new SliceModel(metadata.ToCard(Convert.ToHexStringLower(hash.GetHashAndReset()), name), metadata, network);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Writes a model; the folder appears complete or not at all.</summary>
    /// <param name="path">Must not exist, or be an empty folder: a model is pinned by its hash and never changed in place.</param>
    /// <returns>The card that <see cref="Load"/> will give.</returns>
    /// <exception cref="EncoderException">Something is there already.</exception>
    public static EncoderCard Save(string path, ModelMetadata metadata, SmallCnn network)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(network);
        if (!metadata.Architecture.Equals(network.Architecture))
        {
            throw new ArgumentException("The metadata describe another network than the one to save.", nameof(metadata));
        }

        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new EncoderException(EncoderError.ModelExists, $"{path} exists already: choose a new folder for the model, or remove it.");
        }

        var json = MetadataJson.Write(metadata);
        var parent = Path.GetDirectoryName(target) ?? throw new ArgumentException("A model cannot be the root of a file system.", nameof(path));
        // In the same folder, so that the rename cannot cross file systems.
        var temporary = Path.Combine(parent, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using (var file = Create(Path.Combine(temporary, MetadataFile)))
            {
                file.Write(json);
                file.Flush(flushToDisk: true);
            }

            hash.AppendData(json);
            var weightsPath = Path.Combine(temporary, WeightsFile);
            using (var file = Create(weightsPath))
            {
                using var scope = NewDisposeScope();
                Safetensors.Write(file, TensorsOf(network).ToDictionary(pair => pair.Key, pair => pair.Value.detach().cpu().contiguous()));
                file.Flush(flushToDisk: true);
            }

            using (var file = File.OpenRead(weightsPath))
            {
                using var weights = new HashingStream(file, hash);
                weights.CopyTo(Stream.Null);
            }

            if (Directory.Exists(target))
            {
                Directory.Delete(target);
            }

            Directory.Move(temporary, target);
            return metadata.ToCard(Convert.ToHexStringLower(hash.GetHashAndReset()), Path.GetFileName(target));
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    private static Dictionary<string, Tensor> TensorsOf(SmallCnn network) =>
        network.named_parameters().ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter, StringComparer.Ordinal);

    private static byte[] ReadMetadata(string path, IncrementalHash hash)
    {
        using var file = Open(path);
        if (file.Length > MaxMetadataBytes)
        {
            throw new EncoderException(
                EncoderError.MetadataInvalid, $"{path} has {file.Length} bytes, more than the {MaxMetadataBytes} that metadata may have: shorten it.");
        }

        var bytes = new byte[file.Length];
        Translate(path, () => file.ReadExactly(bytes));
        hash.AppendData(bytes);
        return bytes;
    }

    private static void CheckLength(long length, SmallCnnArchitecture architecture, string path)
    {
        long needed = 0, channels = architecture.InputChannels;
        foreach (var layer in architecture.Layers)
        {
            needed += sizeof(float) * layer.Channels * ((channels * layer.Kernel * layer.Kernel) + 1);
            channels = layer.Channels;
        }

        if (length < needed)
        {
            throw new EncoderException(
                length == 0 ? EncoderError.WeightsCorrupt : EncoderError.WeightsMismatch,
                $"{path} has {length} bytes, but the network that the metadata describe needs over {needed}: take metadata and weights from the same training.");
        }
    }

    private static void CheckFinite(Dictionary<string, Tensor> tensors, string path)
    {
        foreach (var (name, tensor) in tensors)
        {
            foreach (var value in MemoryMarshal.Cast<byte, float>(tensor.bytes))
            {
                if (!float.IsFinite(value))
                {
                    throw new EncoderException(
                        EncoderError.WeightsCorrupt, $"{path} holds the weight {value} in {name}: copy or train the weights again.");
                }
            }
        }
    }

    private static FileStream Open(string path)
    {
        FileStream? file = null;
        Translate(path, () => file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read));
        return file!;
    }

    private static FileStream Create(string path) => new(path, FileMode.CreateNew, FileAccess.Write);

    private static void Translate(string path, Action read)
    {
        try
        {
            read();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new EncoderException(EncoderError.ModelMissing, $"The model lacks {path}: copy the whole model folder.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EncoderException(EncoderError.ModelUnreadable, $"{path} cannot be read: {error.Message}", error);
        }
    }
}
