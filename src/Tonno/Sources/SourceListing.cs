using System.Security.Cryptography;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>Finds the volumes that the user's sources name, and gives each a name in the store.</summary>
internal static class SourceListing
{
    private const int LongestName = 120;
    private static readonly string[] Suffixes = [".nii.gz", ".nii", ".hdr"];

    /// <summary>Lists the volumes of files and folders. A file is taken as it is; of a folder, all that bear a NIfTI name.</summary>
    /// <param name="storeRoot">The output folder: what lies in it is a result, never an input.</param>
    /// <exception cref="CommandException">A source does not exist.</exception>
    public static IReadOnlyList<RunInput> List(IEnumerable<string> sources, string storeRoot)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal); // path, name it suggests
        foreach (var source in sources)
        {
            var path = Path.GetFullPath(source);
            if (File.Exists(path))
            {
                found.TryAdd(path, Stem(Path.GetFileName(path)));
            }
            else if (Directory.Exists(path))
            {
                foreach (var file in VolumesIn(path, Path.GetFullPath(storeRoot)))
                {
                    found.TryAdd(file, Stem(Path.GetRelativePath(path, file)));
                }
            }
            else
            {
                throw new CommandException(ExitCodes.Usage, "input.not_found", $"There is no file or folder {source}; check the path given with -i.");
            }
        }

        return Name(found);
    }

    private static IEnumerable<string> VolumesIn(string folder, string storeRoot)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = 0 };
        var store = Path.TrimEndingDirectorySeparator(storeRoot) + Path.DirectorySeparatorChar;
        return Directory.EnumerateFiles(folder, "*", options)
            .Where(file => Suffixes.Any(suffix => file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)))
            .Where(file => !file.StartsWith(store, StringComparison.Ordinal));
    }

    /// <summary>The names are the sources' own; where two would share one, each of them gets a hash of its path besides, so that a
    /// name depends on no order of listing.</summary>
    private static IReadOnlyList<RunInput> Name(SortedDictionary<string, string> found)
    {
        var shared = found.Values.Select(Safe).CountBy(name => name, StringComparer.OrdinalIgnoreCase)
            .Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. found.Select(pair =>
        {
            var name = Safe(pair.Value);
            return new RunInput(new VolumeId(shared.Contains(name) ? $"{name}-{ShortHash(pair.Key)}" : name), pair.Key);
        })];
    }

    private static string Stem(string path)
    {
        var suffix = Suffixes.FirstOrDefault(suffix => path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) ?? "";
        return path[..^suffix.Length];
    }

    /// <summary>Letters, digits, '.', '_' and '-': a name that every store and file system takes.</summary>
    private static string Safe(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var letter in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' ? letter : '_');
        }

        var safe = text.ToString().TrimStart('.');
        // Cut or changed, a name alone may no longer tell two sources apart.
        return safe.Length is 0 or > LongestName || !name.All(char.IsAscii)
            ? $"{safe[..Math.Min(safe.Length, LongestName)]}-{ShortHash(name)}"
            : safe;
    }

    private static string ShortHash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8];
}
