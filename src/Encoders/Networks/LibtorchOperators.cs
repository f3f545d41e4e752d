using System.Text;
using TorchSharp;

namespace ToNNO.Encoders.Networks;

/// <summary>The names of the operators <c>torch.NAME</c> that the libtorch in this process has.</summary>
/// <remarks>Libtorch offers no list to TorchSharp, and a program that asks for one that is absent, of a newer PyTorch or taken out since,
/// ends the process. But the library holds each of its operators' names as a text, <c>aten::NAME</c>.</remarks>
internal static class LibtorchOperators
{
    private const int Chunk = 1 << 22;
    private const int LongestName = 256;

    private static readonly Lazy<HashSet<string>?> _names = new(Find);

    /// <returns>False where the library was found, and holds no such name.</returns>
    public static bool MayHave(string name) => _names.Value is not { } names || names.Contains(name);

    private static HashSet<string>? Find()
    {
        torch.InitializeDeviceType(DeviceType.CPU); // the library is loaded now
        const string Maps = "/proc/self/maps";
        var library = File.Exists(Maps)
            ? File.ReadLines(Maps).Select(line => line.Split(' ')[^1]).FirstOrDefault(path => path.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal))
            : null;
        return library is null || !File.Exists(library) ? null : NamesIn(library);
    }

    private static HashSet<string> NamesIn(string library)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        using var content = new FileStream(library, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0); // not mapped: that would count as this process's memory
        var buffer = new byte[Chunk];
        for (var held = 0; ;)
        {
            var read = content.Read(buffer, held, buffer.Length - held);
            if (read == 0)
            {
                return names;
            }

            held += read;
            Collect(buffer.AsSpan(0, held), names);
            // A name may lie across the border; what is met twice is there once.
            var kept = Math.Min(LongestName, held);
            buffer.AsSpan(held - kept, kept).CopyTo(buffer);
            held = kept;
        }
    }

    private static void Collect(ReadOnlySpan<byte> bytes, HashSet<string> names)
    {
        var prefix = "aten::"u8;
        for (int at; (at = bytes.IndexOf(prefix)) >= 0;)
        {
            bytes = bytes[(at + prefix.Length)..];
            var length = 0;
            while (length < bytes.Length && (char.IsAsciiLetterOrDigit((char)bytes[length]) || bytes[length] == '_'))
            {
                length++;
            }

            if (length > 0)
            {
                names.Add(Encoding.ASCII.GetString(bytes[..length]));
            }
        }
    }
}
