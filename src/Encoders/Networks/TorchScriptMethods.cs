using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace ToNNO.Encoders.Networks;

/// <summary>The methods of a TorchScript program's module. Libtorch knows them, but TorchSharp offers no list, and asking it for
/// one that is absent ends the process.</summary>
/// <remarks>The file is a zip: <c>data.pkl</c> is the pickled module, which begins with the name of its class, and <c>code</c>
/// holds the classes' sources by module.</remarks>
internal static partial class TorchScriptMethods
{
    private const int MaxNameBytes = 4096;

    /// <summary>The pairs of methods that class activation maps are made with: <c>features</c> and <c>head</c> for the layer
    /// <c>features</c>, <c>features_NAME</c> and <c>head_NAME</c> for the layer NAME.</summary>
    /// <returns>The layer <c>features</c> first, the others as they follow in the source.</returns>
    public static IReadOnlyList<(string Name, string Features, string Head)> LayersOf(byte[] file)
    {
        const string Features = "features", Head = "head";
        var methods = Of(file);
        return
        [
            .. methods
                .Where(method => (method == Features || method.StartsWith($"{Features}_", StringComparison.Ordinal)) && method.Length != Features.Length + 1)
                .Select(method => (Suffix: method[Features.Length..], Features: method))
                .Where(pair => methods.Contains(Head + pair.Suffix, StringComparer.Ordinal))
                .OrderBy(pair => pair.Suffix.Length > 0)
                .Select(pair => (pair.Suffix.Length > 0 ? pair.Suffix[1..] : Features, pair.Features, Head + pair.Suffix))
                .DistinctBy(layer => layer.Item1, StringComparer.Ordinal),
        ];
    }

    /// <param name="file">A file that libtorch has loaded.</param>
    /// <returns>Names in the order of the source; none where the file is laid out otherwise.</returns>
    private static List<string> Of(byte[] file)
    {
        using var archive = new ZipArchive(new MemoryStream(file, writable: false));
        var module = archive.Entries.FirstOrDefault(entry => entry.Name == "data.pkl" && entry.FullName.Count(c => c == '/') == 1);
        if (module is null || ClassOf(module) is not { } name)
        {
            return [];
        }

        var (folder, dot) = (module.FullName[..^module.Name.Length], name.LastIndexOf('.'));
        var source = archive.GetEntry($"{folder}code/{name[..dot].Replace('.', '/')}.py");
        return source is null ? [] : MethodsOf(source, name[(dot + 1)..]);
    }

    /// <summary>The qualified name after the pickle's first two opcodes, PROTO 2 and GLOBAL.</summary>
    private static string? ClassOf(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        var start = new byte[MaxNameBytes];
        start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (start is not [0x80, 2, (byte)'c', ..])
        {
            return null;
        }

        var parts = Encoding.UTF8.GetString(start.AsSpan(3)).Split('\n', 3);
        return parts.Length == 3 ? $"{parts[0]}.{parts[1]}" : null;
    }

    private static List<string> MethodsOf(ZipArchiveEntry entry, string type)
    {
        using var reader = new StreamReader(entry.Open());
        var (methods, inside) = (new List<string>(), false);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith("class ", StringComparison.Ordinal))
            {
                inside = line.StartsWith($"class {type}(", StringComparison.Ordinal);
            }
            else if (inside && Method().Match(line) is { Success: true } method)
            {
                methods.Add(method.Groups["name"].Value);
            }
        }

        return methods;
    }

    [GeneratedRegex(@"^  def (?<name>\w+)\(\w")] // the first argument bears whatever name its author gave it
    private static partial Regex Method();
}
