using ToNNO.Coordinator.Api;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Selection;

namespace ToNNO.Tonno.Sources;

/// <summary>Gathers the volumes of one source after the other.</summary>
/// <param name="storeRoot">The output folder: what lies in it is no input. Null where none is named.</param>
/// <param name="rules">Choose among DICOM series; null takes them all.</param>
/// <param name="channels">How the file names of each channel end; empty where every file is a volume.</param>
/// <param name="remote">Files that lie on no disk.</param>
/// <param name="salt">Of the hashes in names; empty for none.</param>
internal sealed class SourceLister(string? storeRoot, SelectionRules? rules, IReadOnlyList<string> channels, IRemoteFiles remote, string salt)
{
    /// <summary>By what tells a volume from others: its file, or its files' common name.</summary>
    private readonly SortedDictionary<string, FoundVolume> _found = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, LeftOutFile> _leftOut = new(StringComparer.Ordinal);

    /// <summary>Of series, by their URIs: one that two sources name is judged once.</summary>
    private readonly Dictionary<string, Verdict> _verdicts = new(StringComparer.Ordinal);

    /// <summary>What each place of a series holds of it, by its URI: also of those that rules left out.</summary>
    private readonly Dictionary<string, InstanceSet> _instances = new(StringComparer.Ordinal);
    private readonly SiblingFiles _siblings = new();

    /// <exception cref="CommandException">The source is none, or contradicts itself or another.</exception>
    public void Add(string source)
    {
        if (remote.Holds(source))
        {
            AddRemote(source);
        }
        else if (source.Contains("://", StringComparison.Ordinal))
        {
            throw new CommandException(
                ExitCodes.Usage, "input.unsupported", $"{source} is no file or folder, nor azure://CONTAINER/PREFIX or dicomweb+https://PACS/PATH, and this version reads nothing else: copy the volumes there.");
        }
        else if (Manifest.IsOne(source))
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
        MarkSplitSeries();
        var inputs = VolumeNames.Name(_found, salt);
        var takenBy = inputs.Zip(_found.Values).Where(pair => pair.Second.Rule is not null).ToDictionary(pair => pair.First.VolumeId, pair => pair.Second.Rule!);
        return new SourceListing(inputs, [.. _leftOut.Values], takenBy, rules?.Account(_verdicts.Values) ?? []);
    }

    /// <summary>Marks series that lie in several places, unless these are copies: each would be a volume, and sound by itself, where every second slice lies
    /// in the one and the others in the other, or the stack was cut in two.</summary>
    private void MarkSplitSeries()
    {
        foreach (var places in _instances.GroupBy(place => SeriesUri.TryParse(place.Key)!.Key).Where(places => places.DistinctBy(place => place.Value).Count() > 1))
        {
            foreach (var uri in places.Select(place => place.Key).Where(_found.ContainsKey))
            {
                _found[uri] = _found[uri] with { Files = [(SeriesUri.TryParse(uri)! with { IsSplit = true }).ToString()] };
            }
        }
    }

    private void AddManifest(string path)
    {
        foreach (var row in Manifest.Read(path))
        {
            if ((row.IsVolume ? (row.Uri, new FoundVolume(row.Id, [row.Uri])) : SourceListing.ExtensionOf(row.Uri).Length > 0 ? ByName(row) : Within(row)) is not var (key, volume))
            {
                continue; // the rules left out what it names
            }

            var known = _found.GetValueOrDefault(key)?.Row;
            if (known is not null || !_found.TryAdd(key, volume with { Name = row.Id, Row = row }))
            {
                throw row.Refused("uri_repeated", $"names the volume of line {known?.Line}{(known?.Manifest == row.Manifest ? "" : $" of {known?.Manifest}")} once more: leave one of them.");
            }
        }

        var rows = _found.Values.Select(volume => volume.Row).OfType<ManifestRow>();
        if (rows.GroupBy(row => row.Id, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Count() > 1) is { } shared) // each manifest by itself has been looked at
        {
            throw shared.Last().Refused("id_repeated", $"has the id {shared.Key}, which is also in {shared.First().Manifest}: give each volume its own.");
        }
    }

    /// <summary>A NIfTI file, with the files of the other channels.</summary>
    private (string Key, FoundVolume Volume) ByName(ManifestRow row) => ChannelFile.Of(row.Uri, channels) is { } channel
        ? (channel.Volume, new FoundVolume(row.Id, channel.Files(_siblings)))
        : (row.Uri, new FoundVolume(row.Id, [row.Uri]));

    /// <summary>The one volume of a folder or zip that a manifest names, or the file itself.</summary>
    /// <returns>Null where the rules left out all that it holds.</returns>
    private (string Key, FoundVolume Volume)? Within(ManifestRow row)
    {
        var within = new SourceLister(storeRoot, rules, channels, remote, salt);
        if (remote.Holds(row.Uri))
        {
            within.AddRemote(row.Uri);
        }
        else
        {
            within.AddPath(Path.TrimEndingDirectorySeparator(row.Uri));
        }

        foreach (var (file, leftOut) in within._leftOut)
        {
            _leftOut.TryAdd(file, leftOut);
        }

        foreach (var (uri, instances) in within._instances)
        {
            _instances.TryAdd(uri, instances);
        }

        foreach (var (uri, verdict) in within._verdicts)
        {
            _verdicts.TryAdd(uri, verdict);
        }

        return within._found.Count == 0 ? null
            : within._found.Count == 1 ? (within._found.First().Key, within._found.First().Value)
            : throw row.Refused("ambiguous", $"names a folder or zip of {within._found.Count} inputs (volumes, or files that may be parts of one and cannot be read; tonno plan lists them): give each volume a line of its own, and take out what is none.");
    }

    private void AddPath(string path)
    {
        var isFolder = Directory.Exists(path);
        var (volumes, others, unlistable) = isFolder ? FilesIn(path) : ([], [path], []);
        var dicom = new DicomSources(path, channels.Count, withFacts: rules is not null, isFile: !isFolder, salt);
        dicom.Look(others);
        foreach (var folder in unlistable)
        {
            _found.TryAdd(folder, new FoundVolume($"folder-{VolumeSource.ShortHash(folder, salt)}", [folder])); // whom its name names cannot be told
        }

        if (Take(path, volumes, dicom) + unlistable.Count == 0)
        {
            AddAsItIs(path, isFolder, dicom);
        }
    }

    /// <summary>Adds the blob of that name, or those below it; of a PACS what an address names or finds.</summary>
    private void AddRemote(string address)
    {
        var path = RemotePlaces.Folder(address);
        var files = remote.List(path, below: true, CancellationToken.None);
        if (storeRoot is { } store && remote.Holds(store) && RemotePlaces.Folder(store) + "/" is var results)
        {
            if ((path + "/").StartsWith(results, StringComparison.Ordinal))
            {
                throw new CommandException(
                    ExitCodes.Usage, "output.holds_input", $"The output {storeRoot} holds the input {path}, so that results would be taken for inputs; give another.");
            }

            files = [.. files.Where(file => !file.StartsWith(results, StringComparison.Ordinal))];
        }

        var isFile = files.Count == 0;
        var volumes = files.Where(file => SourceListing.ExtensionOf(file).Length > 0).ToList();

        _siblings.Add(volumes);
        var dicom = new DicomSources(path, channels.Count, withFacts: rules is not null, isFile, salt);
        dicom.Look(isFile ? [path] : [.. files.Where(file => SourceListing.ExtensionOf(file).Length == 0)], remote);
        if (Take(path, volumes, dicom) == 0)
        {
            AddAsItIs(path, isFolder: false, dicom);
        }
    }

    /// <summary>Takes what a source was found to hold.</summary>
    /// <returns>How many volumes, those that rules left out among them.</returns>
    private int Take(string path, List<string> volumes, DicomSources dicom)
    {
        var inputs = dicom.Inputs();
        foreach (var (uri, name, facts, instances) in inputs)
        {
            var verdict = facts is null ? null : rules?.Judge(facts);
            if (verdict is not null)
            {
                _verdicts.TryAdd(uri, verdict);
            }

            if (instances is { } set)
            {
                _instances.TryAdd(uri, set);
            }

            if (verdict?.Reason is { } reason)
            {
                _leftOut.TryAdd(uri, new LeftOutFile(uri, reason, verdict.Rule));
            }
            else
            {
                _found.TryAdd(UnnamedUri.Split(uri).Uri, new FoundVolume(name, [uri], Rule: verdict?.Rule));
            }
        }

        foreach (var (file, reason) in dicom.LeftOut)
        {
            _leftOut.TryAdd(file, new LeftOutFile(file, reason));
        }

        var halves = dicom.Voxels.ToHashSet(StringComparer.Ordinal);
        foreach (var half in halves.Where(half => !_siblings.IsPair(SourceListing.StemOfVoxels(half)!) || halves.Contains(Path.ChangeExtension(half, null))))
        {
            _leftOut.TryAdd(half, new LeftOutFile(half, RejectReason.NiftiPairIncomplete.Code()));
        }

        foreach (var file in volumes)
        {
            if (ChannelFile.Of(file, channels) is { } channel && channel.Files(_siblings) is var files && files.Contains(file))
            {
                var name = VolumeNames.NameBelow(path, channel.Name);
                _found.TryAdd(channel.Volume, dicom.IsRepeated(file[..file.LastIndexOf('/')], Path.GetFileName(name))
                    ? new FoundVolume($"source-{VolumeSource.ShortHash(channel.Volume, salt)}", [.. files.Select(UnnamedUri.Of)])
                    : new FoundVolume(name, files));
            }
            else
            {
                _leftOut.TryAdd(file, new LeftOutFile(file, SourceListing.NoChannel));
            }
        }

        return volumes.Count + inputs.Count;
    }

    /// <summary>Adds a source that holds no volume, or is one by its name: whichever, it is looked at when it is read.</summary>
    private void AddAsItIs(string path, bool isFolder, DicomSources dicom)
    {
        var channel = isFolder ? null : ChannelFile.Of(path, channels);
        var own = Path.GetFileName(Path.TrimEndingDirectorySeparator(channel?.Name ?? path[..^SourceListing.ExtensionOf(path).Length]));
        var isRepeated = dicom.IsRepeated(own);
        var name = !RemotePlaces.BearsNames(path) ? $"dicomweb-{VolumeSource.ShortHash(path, salt)}" // whose filter may name a patient
            : isRepeated ? $"source-{VolumeSource.ShortHash(path, salt)}"
            : own;
        var files = channel?.Files(_siblings) ?? [path];
        _found.TryAdd(channel?.Volume ?? path, new FoundVolume(name, !isFolder && isRepeated ? [.. files.Select(UnnamedUri.Of)] : files));
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
                    if (entry is DirectoryInfo { LinkTarget: not null })
                    {
                        _leftOut.TryAdd(path, new LeftOutFile(path, SourceListing.LinkedFolder));
                    }
                    else if (entry is DirectoryInfo)
                    {
                        if (store is null || !Below(path).StartsWith(store, StringComparison.Ordinal))
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
