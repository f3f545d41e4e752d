using System.IO.Compression;
using System.IO.Hashing;
using System.Text.RegularExpressions;

namespace ToNNO.Encoders.Networks;

/// <summary>Looks at the operators of a TorchScript file before libtorch does: one that it does not know ends the process, since
/// TorchSharp does not catch that exception.</summary>
internal static partial class TorchScriptOperators
{
    /// <summary>A program of a thousand layers has a hundredth of it.</summary>
    private const int MaxSourceBytes = 64 << 20;

    /// <summary>Libraries of operators that libtorch brings along; the code of <c>torch.*</c> itself is written without one.</summary>
    private static readonly string[] _known = ["aten", "prim", "prims", "quantized", "mkldnn", "mkldnn_prepacked", "onednn", "prepacked"];

    /// <summary>What is written like an operator and is none.</summary>
    private static readonly string[] _written = ["device", "Generator"];

    /// <exception cref="EncoderException">The bytes are no TorchScript file, or ask for operators that libtorch does not have.</exception>
    public static void Check(byte[] file, string source)
    {
        try
        {
            using var archive = new ZipArchive(new MemoryStream(file, writable: false));
            RequireWhole(archive, source);
            var code = archive.Entries.Where(entry => entry.FullName.Contains("/code/", StringComparison.Ordinal) && entry.Name.EndsWith(".py", StringComparison.Ordinal)).ToList();
            if (code.Count == 0)
            {
                throw Foreign(source, "it holds no program");
            }

            foreach (var entry in code)
            {
                var text = Texts().Replace(Read(entry, source), "\"\"");
                if (Own().Matches(text).Select(match => match.Groups["name"].Value).FirstOrDefault(name => !_written.Contains(name) && !LibtorchOperators.MayHave(name)) is { } absent)
                {
                    throw new EncoderException(
                        EncoderError.ModelUnsupported,
                        $"{source} needs the operator torch.{absent}, which this libtorch does not have: export the network with another version of PyTorch, or without it.");
                }

                var unknown = Operators().Matches(text).FirstOrDefault(match => !_known.Contains(match.Groups["library"].Value, StringComparer.Ordinal));
                if (unknown is not null)
                {
                    throw new EncoderException(
                        EncoderError.ModelUnsupported,
                        $"{source} needs the operator {unknown.Groups["library"].Value}::{unknown.Groups["name"].Value}, which libtorch alone does not have: " +
                        "export the network with operators of PyTorch only.");
                }
            }
        }
        catch (InvalidDataException error)
        {
            throw Foreign(source, "it is no zip archive", error);
        }
    }

    /// <summary>Holds every entry against its checksum: neither libtorch nor the runtime's zip reader does.</summary>
    private static void RequireWhole(ZipArchive archive, string source)
    {
        var buffer = new byte[1 << 16];
        foreach (var entry in archive.Entries)
        {
            var checksum = new Crc32();
            using var content = entry.Open();
            for (int read; (read = content.Read(buffer)) > 0;)
            {
                checksum.Append(buffer.AsSpan(0, read));
            }

            if (checksum.GetCurrentHashAsUInt32() != entry.Crc32)
            {
                throw new EncoderException(
                    EncoderError.WeightsCorrupt, $"{source} is damaged: {entry.FullName} in it does not match its checksum. Copy or export it again.");
            }
        }
    }

    private static string Read(ZipArchiveEntry entry, string source)
    {
        if (entry.Length > MaxSourceBytes)
        {
            throw Foreign(source, $"its program claims {entry.Length} bytes");
        }

        using var reader = new StreamReader(entry.Open());
        return reader.ReadToEnd();
    }

    private static EncoderException Foreign(string source, string what, Exception? inner = null) =>
        new(EncoderError.WeightsCorrupt, $"{source} is no TorchScript program: {what}. Export it with torch.jit.save; torch.save makes another kind of file.", inner);

    [GeneratedRegex(@"\btorch\.(?<name>\w+)\(")]
    private static partial Regex Own();

    /// <summary>Literals, whose words are no operators.</summary>
    [GeneratedRegex(@"""(?:[^""\\]|\\.)*""")]
    private static partial Regex Texts();

    [GeneratedRegex(@"\bops\.(?<library>\w+)\.(?<name>\w+)")]
    private static partial Regex Operators();
}
