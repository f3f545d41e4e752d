using System.IO.Enumeration;
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
    /// <remarks>A source that is missing, and a folder without volumes, is listed too: the run refuses it beside the good ones,
    /// and accounts for it.</remarks>
    /// <param name="storeRoot">The output folder: what lies in it is a result, never an input.</param>
    /// <exception cref="CommandException">The output folder holds a source folder, or a folder cannot be listed.</exception>
    public static IReadOnlyList<RunInput> List(IEnumerable<string> sources, string storeRoot)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal); // path, name it suggests
        foreach (var source in sources)
        {
            var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source));
            var volumes = Directory.Exists(path) ? VolumesIn(path, storeRoot) : [];
            foreach (var file in volumes)
            {
                found.TryAdd(file, Stem(Path.GetRelativePath(path, file)));
            }

            if (volumes.Count == 0)
            {
                found.TryAdd(path, Stem(Path.GetFileName(path)));
            }
        }

        return Name(found);
    }

    private static List<string> VolumesIn(string folder, string storeRoot)
    {
        var (below, store) = (Below(folder), Below(Path.TrimEndingDirectorySeparator(Path.GetFullPath(storeRoot))));
        if (below.StartsWith(store, StringComparison.Ordinal))
        {
            throw new CommandException(
                ExitCodes.Usage, "output.holds_input", $"The output folder {storeRoot} holds the input folder {folder}, so that results would be taken for inputs; give another.");
        }

        try
        {
            // A link to a file is one; a link to a folder is not followed, since it may lead in a circle.
            return [.. new FileSystemEnumerable<string>(
                folder,
                (ref FileSystemEntry entry) => entry.ToFullPath(),
                new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = 0 })
            {
                ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
                ShouldRecursePredicate = (ref FileSystemEntry entry) =>
                    !entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && !Below(entry.ToFullPath()).StartsWith(store, StringComparison.Ordinal),
            }.Where(file => Suffixes.Any(suffix => file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)))];
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "input.unreadable", $"The folder {folder} cannot be listed: {failed.Message}");
        }

        static string Below(string folder) => Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
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
