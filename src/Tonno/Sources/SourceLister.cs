using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>Gathers the volumes of one source after the other.</summary>
/// <inheritdoc cref="SourceListing.List"/>
internal sealed class SourceLister(string? storeRoot, IReadOnlyList<string> channels)
{
    /// <summary>By what tells a volume from others: its file, or its files' common name.</summary>
    private readonly SortedDictionary<string, FoundVolume> _found = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _leftOut = new(StringComparer.Ordinal);
    private readonly SiblingFiles _siblings = new();

    /// <exception cref="CommandException">The source is none, or contradicts itself or another.</exception>
    public void Add(string source)
    {
        if (source.Contains("://", StringComparison.Ordinal))
        {
            throw new CommandException(
                ExitCodes.Usage, "input.unsupported", $"{source} is no file or folder, and this version reads nothing else: copy the volumes to a disk.");
        }

        if (Manifest.IsOne(source))
        {
            AddManifest(Path.GetFullPath(source));
        }
        else
        {
            AddPath(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)));
        }
    }

    public SourceListing ToListing()
    {
        var inputs = VolumeNames.Name(_found);
        var labels = inputs.Zip(_found.Values).Where(pair => pair.Second.Row?.Label is { Length: > 0 }).ToDictionary(pair => pair.First.VolumeId, pair => pair.Second.Row!.Label!);
        return new SourceListing(inputs, [.. _leftOut.Select(pair => new LeftOutFile(pair.Key, pair.Value))], labels);
    }

    private void AddManifest(string path)
    {
        foreach (var row in Manifest.Read(path))
        {
            var (key, files) = row.IsVolume ? (row.Uri, [row.Uri])
                : SourceListing.ExtensionOf(row.Uri).Length > 0 ? ByName(row.Uri)
                : Within(row);
            var known = _found.GetValueOrDefault(key)?.Row;
            if (known is not null || !_found.TryAdd(key, new FoundVolume(row.Id, files, row)))
            {
                throw row.Refused("uri_repeated", $"names the volume of line {known?.Line}{(known?.Manifest == row.Manifest ? "" : $" of {known?.Manifest}")} once more: leave one of them.");
            }
        }

        var rows = _found.Values.Select(volume => volume.Row).OfType<ManifestRow>();
        if (rows.GroupBy(row => row.Id, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Select(row => row.Manifest).Distinct().Count() > 1) is { } shared)
        {
            throw shared.Last().Refused("id_repeated", $"has the id {shared.Key}, which is also in {shared.First().Manifest}: give each volume its own.");
        }
    }

    /// <summary>A NIfTI file, with the files of the other channels.</summary>
    private (string Key, IReadOnlyList<string> Files) ByName(string file) =>
        ChannelFile.Of(file, channels) is { } channel ? (channel.Volume, channel.Files(_siblings)) : (file, [file]);

    /// <summary>The one volume of a folder or zip that a manifest names, or the file itself.</summary>
    private (string Key, IReadOnlyList<string> Files) Within(ManifestRow row)
    {
        var within = new SourceLister(storeRoot, channels);
        within.AddPath(Path.TrimEndingDirectorySeparator(row.Uri));
        foreach (var (file, reason) in within._leftOut)
        {
            _leftOut.TryAdd(file, reason);
        }

        return within._found.Count == 1
            ? (within._found.First().Key, within._found.First().Value.Files)
            : throw row.Refused("ambiguous", $"names a folder or zip of {within._found.Count} volumes: give each of them a line of its own.");
    }

    private void AddPath(string path)
    {
        var isFolder = Directory.Exists(path);
        var (volumes, others, unlistable) = isFolder ? FilesIn(path) : ([], [path], []);
        var dicom = new DicomSources(path, channels.Count);
        dicom.Look(others);
        foreach (var folder in unlistable)
        {
            _found.TryAdd(folder, new FoundVolume(VolumeNames.NameBelow(path, folder), [folder]));
        }

        foreach (var (uri, name) in dicom.Inputs())
        {
            _found.TryAdd(uri, new FoundVolume(name, [uri]));
        }

        foreach (var (file, reason) in dicom.LeftOut)
        {
            _leftOut.TryAdd(file, reason);
        }

        foreach (var file in volumes)
        {
            if (ChannelFile.Of(file, channels) is { } channel && channel.Files(_siblings) is var files && files.Contains(file))
            {
                _found.TryAdd(channel.Volume, new FoundVolume(VolumeNames.NameBelow(path, channel.Name), files));
            }
            else
            {
                _leftOut.TryAdd(file, SourceListing.NoChannel);
            }
        }

        if (volumes.Count + unlistable.Count + dicom.Inputs().Count == 0)
        {
            var channel = isFolder ? null : ChannelFile.Of(path, channels);
            _found.TryAdd(
                channel?.Volume ?? path,
                new FoundVolume(
                    Path.GetFileName(Path.TrimEndingDirectorySeparator(channel?.Name ?? path[..^SourceListing.ExtensionOf(path).Length])), channel?.Files(_siblings) ?? [path]));
        }
    }

    /// <summary>The files of NIfTI names below a folder, all others, and the folders that cannot be listed: these are inputs too, which the run
    /// refuses beside the good ones.</summary>
    private (List<string> Volumes, List<string> Others, List<string> Unlistable) FilesIn(string folder)
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
                        (SourceListing.ExtensionOf(entry.Name).Length > 0 ? volumes : others).Add(path);
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
}
