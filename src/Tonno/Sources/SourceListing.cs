using System.Security.Cryptography;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>The volumes that the user's sources name, each with a name in the store.</summary>
/// <param name="LeftOut">Files of folders and zips that could be taken for inputs, but are none, each with the reason.</param>
internal sealed record SourceListing(IReadOnlyList<RunInput> Inputs, IReadOnlyList<LeftOutFile> LeftOut)
{
    /// <summary>The reason of files whose names end like no channel's.</summary>
    public const string NoChannel = "channels.no_name";

    private const int LongestName = 120;
    private static readonly string[] Suffixes = [".nii.gz", ".nii", ".hdr"];

    /// <summary>Lists the volumes of files, folders and zips. A file is taken as it is; of a folder or zip, all that bear a NIfTI name, and each
    /// DICOM series, told by content.</summary>
    /// <remarks>A source that is missing, and a folder without volumes, is listed too: the run refuses it beside the good ones,
    /// and accounts for it. So is a volume that lacks a channel: it is listed with the file that should be there.</remarks>
    /// <param name="storeRoot">The output folder: what lies in it is a result, never an input. Null where none is named.</param>
    /// <param name="channels">How the file names of each channel end, before the extension; empty where every file is a volume.</param>
    /// <exception cref="CommandException">The output folder holds a source folder, or a source is no path.</exception>
    public static SourceListing List(IEnumerable<string> sources, string? storeRoot, params IReadOnlyList<string> channels)
    {
        var found = new SortedDictionary<string, Found>(StringComparer.Ordinal);
        var leftOut = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var siblings = new Siblings();
        foreach (var source in sources)
        {
            if (source.Contains("://", StringComparison.Ordinal))
            {
                throw new CommandException(
                    ExitCodes.Usage, "input.unsupported", $"{source} is no file or folder, and this version reads nothing else: copy the volumes to a disk.");
            }

            var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source));
            var isFolder = Directory.Exists(path);
            var (volumes, others, unlistable) = isFolder ? FilesIn(path, storeRoot) : ([], [path], []);
            var dicom = new DicomSources(path, channels.Count);
            dicom.Look(others);
            foreach (var folder in unlistable)
            {
                found.TryAdd(folder, new Found(NameBelow(path, folder), [folder]));
            }

            foreach (var (uri, name) in dicom.Inputs())
            {
                found.TryAdd(uri, new Found(name, [uri]));
            }

            foreach (var (file, reason) in dicom.LeftOut)
            {
                leftOut.TryAdd(file, reason);
            }

            foreach (var file in volumes)
            {
                if (Channel.Of(file, channels) is { } channel && channel.Files(siblings) is var files && files.Contains(file))
                {
                    found.TryAdd(channel.Volume, new Found(NameBelow(path, channel.Name), files));
                }
                else
                {
                    leftOut.TryAdd(file, NoChannel);
                }
            }

            if (volumes.Count + unlistable.Count + dicom.Inputs().Count == 0)
            {
                var channel = isFolder ? null : Channel.Of(path, channels);
                found.TryAdd(channel?.Volume ?? path, new Found(Path.GetFileName(Path.TrimEndingDirectorySeparator(channel?.Name ?? path[..^ExtensionOf(path).Length])), channel?.Files(siblings) ?? [path]));
            }
        }

        return new SourceListing(Name(found), [.. leftOut.Select(pair => new LeftOutFile(pair.Key, pair.Value))]);
    }

    /// <summary>The same, but of NIfTI files one frame, by which the volumes are then also named.</summary>
    public SourceListing OfFrame(int frame) => this with
    {
        Inputs = [.. Inputs.Select(input => input.Uris.All(IsNifti)
            ? new RunInput(new VolumeId($"{input.VolumeId}-frame{frame}"), [.. input.Uris.Select(uri => FrameUri.Of(uri, frame))])
            : input)],
    };

    private static bool IsNifti(string uri) => SeriesUri.TryParse(uri) is null && !Directory.Exists(uri);

    /// <summary>The name that a volume's files suggest, from the source folder on; where they have no other than their channels', their folder's.</summary>
    public static string NameBelow(string folder, string name)
    {
        var below = Path.GetRelativePath(folder, Path.TrimEndingDirectorySeparator(name));
        return below == "." ? Path.GetFileName(folder) : below;
    }

    /// <summary>The files of NIfTI names below a folder, all others, and the folders that cannot be listed: these are inputs too, which the run
    /// refuses beside the good ones.</summary>
    private static (List<string> Volumes, List<string> Others, List<string> Unlistable) FilesIn(string folder, string? storeRoot)
    {
        var store = storeRoot is null ? null : Below(Path.TrimEndingDirectorySeparator(Path.GetFullPath(storeRoot)));
        if (store is not null && Below(folder).StartsWith(store, StringComparison.Ordinal))
        {
            throw new CommandException(
                ExitCodes.Usage, "output.holds_input", $"The output folder {storeRoot} holds the input folder {folder}, so that results would be taken for inputs; give another.");
        }

        var (volumes, others, unlistable, waiting) = (new List<string>(), new List<string>(), new List<string>(), new Stack<string>([folder]));
        while (waiting.TryPop(out var next))
        {
            try
            {
                foreach (var entry in new DirectoryInfo(next).GetFileSystemInfos())
                {
                    var path = Path.Combine(next, entry.Name);
                    // A link to a file is one; a link to a folder is not followed, since it may lead in a circle.
                    if (entry is DirectoryInfo)
                    {
                        if (entry.LinkTarget is null && (store is null || !Below(path).StartsWith(store, StringComparison.Ordinal)))
                        {
                            waiting.Push(path);
                        }
                    }
                    else
                    {
                        (ExtensionOf(entry.Name).Length > 0 ? volumes : others).Add(path);
                    }
                }
            }
            catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
            {
                unlistable.Add(next);
            }
        }

        return (volumes, others, unlistable);

        static string Below(string folder) => Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
    }

    /// <summary>The names are the sources' own; where two would share one, each of them gets a hash of its path besides, so that a
    /// name depends on no order of listing.</summary>
    private static IReadOnlyList<RunInput> Name(SortedDictionary<string, Found> found)
    {
        var shared = found.Values.Select(volume => Safe(volume.Name)).CountBy(name => name, StringComparer.OrdinalIgnoreCase)
            .Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. found.Select(pair =>
        {
            var name = Safe(pair.Value.Name);
            return new RunInput(new VolumeId(shared.Contains(name) ? $"{name}-{ShortHash(pair.Key)}" : name), pair.Value.Files);
        })];
    }

    public static string ExtensionOf(string file) => Suffixes.FirstOrDefault(suffix => file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) ?? "";

    /// <summary>Letters, digits, '.', '_' and '-': a name that every store and file system takes.</summary>
    private static string Safe(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var letter in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' ? letter : '_');
        }

        var safe = text.ToString().TrimStart('.', '-'); // hidden, or taken for an option
        // Cut or changed, a name alone may no longer tell two sources apart.
        return safe.Length == 0 ? ShortHash(name)
            : safe.Length > LongestName || !name.All(char.IsAscii) ? $"{safe[..Math.Min(safe.Length, LongestName)]}-{ShortHash(name)}"
            : safe;
    }

    public static string ShortHash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8];

    /// <param name="Name">The name that the volume's files suggest.</param>
    /// <param name="Files">By channel.</param>
    private sealed record Found(string Name, IReadOnlyList<string> Files);

    /// <summary>A file that is one channel of a volume.</summary>
    /// <param name="Name">Path without extension, and without what tells the channel.</param>
    private sealed record Channel(string Name, string File, string Extension, IReadOnlyList<string> Endings)
    {
        /// <summary>Names the volume: its file where that is the only one.</summary>
        public string Volume => Endings.Count == 0 ? File : Name;

        /// <returns>Null where the file's name ends like no channel's.</returns>
        public static Channel? Of(string file, IReadOnlyList<string> endings)
        {
            var stem = file[..^ExtensionOf(file).Length];
            var ending = endings.Count == 0 ? "" : endings.Where(ending => stem.EndsWith(ending, StringComparison.Ordinal)).MaxBy(ending => ending.Length);
            return ending is null ? null : new Channel(stem[..^ending.Length], file, file[stem.Length..], endings);
        }

        /// <summary>The volume's files by channel: those beside this one, of whichever extension.</summary>
        public IReadOnlyList<string> Files(Siblings siblings) =>
            Endings.Count == 0 ? [File] : [.. Endings.Select(ending => siblings.Find(Name + ending) ?? Name + ending + Extension)];
    }

    /// <summary>Files by their paths without extension. Each folder is looked into once: an archive has a hundred thousand files.</summary>
    private sealed class Siblings
    {
        private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
        private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

        /// <summary>The file of that name; of several with other extensions the first by name.</summary>
        public string? Find(string stem)
        {
            var folder = Path.GetDirectoryName(stem)!;
            if (_folders.Add(folder))
            {
                foreach (var file in In(folder).Order(StringComparer.Ordinal))
                {
                    if (ExtensionOf(file) is { Length: > 0 } extension)
                    {
                        _files.TryAdd(file[..^extension.Length], file);
                    }
                }
            }

            return _files.GetValueOrDefault(stem);
        }

        private static string[] In(string folder)
        {
            try
            {
                return Directory.GetFiles(folder);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                return []; // what should lie there is refused by its name
            }
        }
    }
}
