using System.Text;
using ToNNO.Contracts;
using ToNNO.Imaging;

namespace ToNNO.Tonno.Sources;

/// <summary>The names of volumes in the store, made of where they lie.</summary>
internal static class VolumeNames
{
    private const int LongestName = 120;

    /// <summary>Of the hash that a shared name gets.</summary>
    private const int HashDigits = 8;

    /// <summary>The name that a volume's files suggest, from the source folder on; where they have no other than their channels', their folder's.</summary>
    public static string NameBelow(string folder, string name)
    {
        var below = Path.GetRelativePath(folder, Path.TrimEndingDirectorySeparator(name));
        return below == "." ? Path.GetFileName(folder) : below;
    }

    /// <summary>The names are the sources' own; where two would share one, each of them gets a hash of its path besides, so that a
    /// name depends on no order of listing, and again should another be called so. Those of manifests stay.</summary>
    /// <param name="found">By what tells a volume from others.</param>
    /// <param name="salt">Of the hashes; empty for none.</param>
    public static IReadOnlyList<RunInput> Name(SortedDictionary<string, FoundVolume> found, string salt)
    {
        var (names, digits) = (found.Values.Select(volume => Safe(volume.Name, salt)).ToList(), 0);
        while (names.CountBy(name => name, StringComparer.OrdinalIgnoreCase).Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(StringComparer.OrdinalIgnoreCase) is { Count: > 0 } shared)
        {
            digits += HashDigits; // should two hashes be alike, more of them are not
            names = [.. names.Zip(found, (name, pair) => pair.Value.Row is null && shared.Contains(name) ? $"{name}-{Pseudonym.Of(pair.Key, salt)[..digits]}" : name)];
        }

        return [.. names.Zip(found.Values, (name, volume) => new RunInput(new VolumeId(name), volume.Files, volume.Row?.Label))];
    }

    /// <summary>True for letters, digits, '.', '_' and '-', not too many: a name that every store and file system takes.</summary>
    public static bool IsSafe(string name) => Safe(name, "") == name;

    private static string Safe(string name, string salt)
    {
        var text = new StringBuilder(name.Length);
        foreach (var letter in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' ? letter : '_');
        }

        var safe = text.ToString().TrimStart('.', '-'); // hidden, or taken for an option
        // Cut or changed, a name alone may no longer tell two sources apart.
        return safe.Length == 0 ? VolumeSource.ShortHash(name, salt)
            : safe.Length > LongestName || !name.All(char.IsAscii) ? $"{safe[..Math.Min(safe.Length, LongestName)]}-{VolumeSource.ShortHash(name, salt)}"
            : safe;
    }
}
