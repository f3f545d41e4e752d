using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Models;

/// <summary>A model on disk: a folder with <c>metadata.json</c> and <c>weights.safetensors</c>, or for a TorchScript program
/// <c>model.ts</c>.</summary>
/// <remarks>The model's SHA-256 is that of the two files' bytes in this order:
/// <c>cat metadata.json weights.safetensors | sha256sum</c>.</remarks>
public static class ModelFolder
{
    public const string MetadataFile = "metadata.json";
    public const string WeightsFile = "weights.safetensors";
    public const string ProgramFile = "model.ts";

    private const int MaxMetadataBytes = 4 << 20;

    /// <summary>Reads a model; its network is on the CPU.</summary>
    /// <param name="precision">The numbers that its network is to compute with, or null for those of its metadata.</param>
    /// <exception cref="EncoderException">The model is missing or unsound.</exception>
    public static SliceModel Load(string path, EncoderPrecision? precision = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (metadata, contentPath) = ReadMetadata(path, hash);
        var numbers = precision ?? metadata.Precision;
        using var file = Open(contentPath);
        using var content = new HashingStream(file, hash);
        SliceNetwork network = metadata.Architecture switch
        {
            SmallCnnArchitecture architecture => ReadSmallCnn(architecture, content, contentPath),
            ResNetArchitecture architecture => ReadResNet(architecture, numbers, content, contentPath),
            TorchScriptArchitecture => ReadProgram(metadata, numbers, content, contentPath),
            var other => throw new InvalidOperationException($"Unknown architecture {other.Name}."),
        };
        return new SliceModel(ToCard(path, metadata, hash), metadata, network);
    }

    /// <summary>The card that <see cref="Load"/> would give, without a network.</summary>
    /// <exception cref="EncoderException">The model is missing or its metadata are unsound.</exception>
    public static EncoderCard ReadCard(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (metadata, contentPath) = ReadMetadata(path, hash);
        using var file = Open(contentPath);
        using var content = new HashingStream(file, hash);
        Translate(contentPath, () => content.CopyTo(Stream.Null));
        return ToCard(path, metadata, hash);
    }

    /// <summary>Writes a model; the folder appears complete or not at all.</summary>
    /// <param name="path">Must not exist, or be an empty folder: a model is pinned by its hash and never changed in place.</param>
    /// <returns>The card that <see cref="Load"/> will give.</returns>
    /// <exception cref="EncoderException">Something is there already.</exception>
    public static EncoderCard Save(string path, ModelMetadata metadata, TrainableNetwork network)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(network);
        return metadata.Architecture.Equals(network.Architecture)
            ? Save(path, metadata, network.State())
            : throw new ArgumentException("The metadata describe another network than the one to save.", nameof(metadata));
    }

    /// <summary>Writes a model of given weights; the folder appears complete or not at all.</summary>
    /// <param name="path">Must not exist, or be an empty folder.</param>
    /// <param name="weights">Float32 tensors by name, those that the metadata's architecture has; a TorchScript program comes from PyTorch alone.</param>
    /// <returns>The card that <see cref="Load"/> will give.</returns>
    /// <exception cref="EncoderException">Something is there already.</exception>
    public static EncoderCard Save(string path, ModelMetadata metadata, IReadOnlyDictionary<string, Tensor> weights)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(weights);
        if (metadata.Architecture is TorchScriptArchitecture
            || (metadata.Architecture is ResNetArchitecture residual && !residual.StateShapes().Keys.ToHashSet().SetEquals(weights.Keys)))
        {
            throw new ArgumentException("These are not the weights of the network that the metadata describe.", nameof(weights));
        }

        ThrowIfTaken(path);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
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
                Safetensors.Write(file, weights.ToDictionary(pair => pair.Key, pair => pair.Value.detach().cpu().contiguous()));
                file.Flush(flushToDisk: true);
            }

            using (var file = File.OpenRead(weightsPath))
            {
                using var written = new HashingStream(file, hash);
                written.CopyTo(Stream.Null);
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

    /// <exception cref="EncoderException">Something is there already, other than an empty folder.</exception>
    public static void ThrowIfTaken(string path)
    {
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw new EncoderException(EncoderError.ModelExists, $"{path} exists already: choose a new folder for the model, or remove it.");
        }
    }

    private static SmallCnn ReadSmallCnn(SmallCnnArchitecture architecture, HashingStream content, string path)
    {
        long needed = 0, channels = architecture.InputChannels;
        foreach (var layer in architecture.Layers)
        {
            needed += layer.Channels * ((channels * layer.Kernel * layer.Kernel) + 1);
            channels = layer.Channels;
        }

        CheckLength(content.Length, needed, path);
        var network = new SmallCnn(architecture);
        try
        {
            ReadWeights(content, network.State(), path, skip: null);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private static ResNet ReadResNet(ResNetArchitecture architecture, EncoderPrecision precision, HashingStream content, string path)
    {
        var shapes = architecture.StateShapes();
        CheckLength(content.Length, shapes.Values.Sum(shape => shape.Aggregate(1L, (product, length) => product * length)), path);
        using var scope = NewDisposeScope();
        var state = shapes.ToDictionary(pair => pair.Key, pair => empty(pair.Value), StringComparer.Ordinal);
        ReadWeights(content, state, path, skip: name => name.EndsWith(".num_batches_tracked", StringComparison.Ordinal));
        return new ResNet(architecture, state, precision);
    }

    private static TorchScriptNetwork ReadProgram(ModelMetadata metadata, EncoderPrecision precision, HashingStream content, string path)
    {
        if (content.Length > Array.MaxLength)
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported, $"{path} has {content.Length} bytes, and programs of over two gigabytes are not read: export a smaller network.");
        }

        var bytes = new byte[content.Length];
        Translate(path, () => content.ReadExactly(bytes));
        return new TorchScriptNetwork(bytes, path, precision, metadata.CamCells);
    }

    private static void ReadWeights(HashingStream content, IReadOnlyDictionary<string, Tensor> tensors, string path, Func<string, bool>? skip)
    {
        Translate(path, () => Safetensors.ReadInto(content, tensors, path, skip));
        CheckFinite(tensors, path);
    }

    private static EncoderCard ToCard(string path, ModelMetadata metadata, IncrementalHash hash) =>
        metadata.ToCard(Convert.ToHexStringLower(hash.GetHashAndReset()), Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))));

    /// <summary>Reads the metadata, and says where what they describe lies.</summary>
    private static (ModelMetadata Metadata, string ContentPath) ReadMetadata(string path, IncrementalHash hash)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Directory.Exists(path))
        {
            throw new EncoderException(
                EncoderError.ModelMissing,
                $"There is no model folder {path}: give a folder with {MetadataFile} and {WeightsFile} or {ProgramFile}, or {SumEncoder.ModelName}.");
        }

        var metadataPath = Path.Combine(path, MetadataFile);
        var metadata = MetadataJson.Parse(ReadMetadataBytes(metadataPath, hash), metadataPath);
        return (metadata, Path.Combine(path, metadata.Architecture is TorchScriptArchitecture ? ProgramFile : WeightsFile));
    }

    private static byte[] ReadMetadataBytes(string path, IncrementalHash hash)
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

    /// <summary>Refuses a file that is far too short before the network that it cannot fill is allocated.</summary>
    private static void CheckLength(long length, long weights, string path)
    {
        var needed = sizeof(float) * weights;
        if (length < needed)
        {
            throw new EncoderException(
                length == 0 ? EncoderError.WeightsCorrupt : EncoderError.WeightsMismatch,
                $"{path} has {length} bytes, but the network that the metadata describe needs over {needed}: take metadata and weights from the same training.");
        }
    }

    private static void CheckFinite(IReadOnlyDictionary<string, Tensor> tensors, string path)
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

    internal static FileStream Open(string path)
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
