using System.Text.Json.Nodes;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Models;

/// <summary>The beginning of a model folder for a PyTorch network: metadata to correct, a program that exports, and what both mean.</summary>
public static class ModelSkeleton
{
    /// <summary>Files that hold comments; <c>metadata.json</c> cannot.</summary>
    private static readonly string[] _written = ["export.py", "README.md"];

    /// <param name="path">Must not exist, or be an empty folder.</param>
    /// <param name="channels">Channels of a slice.</param>
    /// <param name="classes">A name for each logit.</param>
    /// <param name="size">Edge of a slice in pixels, or null for any.</param>
    /// <param name="pixelMm">Pixel size of the training in mm, or null for the volume's own.</param>
    /// <exception cref="EncoderException"><c>model.exists</c>, <c>model.unwritable</c>, or what is asked for makes no model.</exception>
    public static void Write(string path, int channels, IReadOnlyList<string> classes, int? size, double? pixelMm)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelFolder.ThrowIfTaken(path);
        var metadata = MetadataJson.Write(new ModelMetadata
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))),
            Version = "0.1.0",
            Task = "What the classes are, in one sentence",
            Description = "The network, and what it was trained on",
            Classes = classes,
            Architecture = new TorchScriptArchitecture(channels, classes.Count),
            SliceSize = size,
            PixelMm = pixelMm,
            Intensities = [.. Enumerable.Repeat(new IntensityMap(0, 1, 0), channels)],
            Training = new JsonObject { ["data"] = "", ["script"] = "", ["scores"] = new JsonObject() },
        });
        try
        {
            Directory.CreateDirectory(path);
            File.WriteAllBytes(Path.Combine(path, ModelFolder.MetadataFile), metadata);
            foreach (var name in _written)
            {
                using var source = typeof(ModelSkeleton).Assembly.GetManifestResourceStream($"ToNNO.Encoders.Models.Skeleton.{name}")!;
                using var file = new FileStream(Path.Combine(path, name), FileMode.CreateNew, FileAccess.Write);
                source.CopyTo(file);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EncoderException(EncoderError.ModelUnwritable, $"No model can be written to {path}: {error.Message}", error);
        }
    }
}
