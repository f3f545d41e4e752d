using System.Security.Cryptography;
using System.Text.Json;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Training;

/// <summary>What an interrupted training goes on from: one file, replaced as a whole after each evaluation.</summary>
/// <remarks>A line of JSON with the SHA-256 of what follows it, then a safetensors file.</remarks>
/// <param name="History">The evaluations so far, in order.</param>
/// <param name="Now">After the last of them.</param>
/// <param name="Best">Weights at the best of them; null before the first.</param>
internal sealed record TrainingCheckpoint(IReadOnlyList<TrainingEvaluation> History, SliceTrainingState Now, IReadOnlyDictionary<string, float[]>? Best)
{
    private const int MaxLineBytes = 16 << 20;
    private const string NowPrefix = "now.";
    private const string BestPrefix = "best.";

    private sealed record Line(string Key, string Sha256, int Step, IReadOnlyList<TrainingEvaluation> History);

    /// <summary>Writes the file anew; a failure leaves the one that was there.</summary>
    /// <param name="key">Names all that decides the weights: data, options, program.</param>
    /// <exception cref="EncoderException">The file system refuses it.</exception>
    public void Write(string path, string key)
    {
        using var content = new MemoryStream();
        using (NewDisposeScope())
        {
            Safetensors.Write(content, Flat().ToDictionary(pair => pair.Key, pair => tensor(pair.Value), StringComparer.Ordinal));
        }

        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        var line = JsonSerializer.SerializeToUtf8Bytes(new Line(key, Convert.ToHexStringLower(SHA256.HashData(bytes)), Now.Step, History));
        var temporary = path + ".tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                file.Write(line);
                file.WriteByte((byte)'\n');
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EncoderException(EncoderError.ModelUnwritable, $"{path} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Reads the file, if there is one.</summary>
    /// <param name="like">A state of the network and optimizer that the file must fit.</param>
    /// <exception cref="EncoderException">The file is damaged, or of another training.</exception>
    public static TrainingCheckpoint? TryRead(string path, string key, SliceTrainingState like)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EncoderException(EncoderError.ModelUnreadable, $"{path} cannot be read: {error.Message}", error);
        }

        var end = bytes.AsSpan(0, Math.Min(bytes.Length, MaxLineBytes)).IndexOf((byte)'\n');
        var line = end < 0 ? null : Parse(bytes.AsSpan(0, end));
        if (line is null || line.Sha256 != Convert.ToHexStringLower(SHA256.HashData(bytes.AsSpan(end + 1))))
        {
            throw new EncoderException(EncoderError.CheckpointCorrupt, $"{path} is damaged, so the training cannot go on from it: remove it, and the training begins anew.");
        }

        if (line.Key != key)
        {
            throw new EncoderException(
                EncoderError.CheckpointOther,
                $"{path} is of a training with other volumes, labels or options: give those to go on with it, or remove it to begin anew.");
        }

        var template = line.History.Count > 0 ? new TrainingCheckpoint([], like, like.Weights()) : new TrainingCheckpoint([], like, null);
        using var scope = NewDisposeScope();
        var tensors = template.Flat().ToDictionary(pair => pair.Key, pair => zeros(pair.Value.Length), StringComparer.Ordinal);
        using var content = new MemoryStream(bytes, end + 1, bytes.Length - end - 1);
        Safetensors.ReadInto(content, tensors, path);
        Dictionary<string, float[]> Part(string prefix) => tensors
            .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value.data<float>().ToArray(), StringComparer.Ordinal);
        return new(line.History, new SliceTrainingState(line.Step, Part(NowPrefix)), template.Best is null ? null : Part(BestPrefix));
    }

    private static Line? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<Line>(json) is { Key: not null, History: not null } line ? line : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private IEnumerable<KeyValuePair<string, float[]>> Flat() => Now.Numbers
        .Select(pair => KeyValuePair.Create(NowPrefix + pair.Key, pair.Value))
        .Concat((Best ?? new Dictionary<string, float[]>()).Select(pair => KeyValuePair.Create(BestPrefix + pair.Key, pair.Value)));
}
