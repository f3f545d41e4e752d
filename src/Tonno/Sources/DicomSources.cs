using System.Collections.Frozen;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Storage;
using ToNNO.Tonno.Selection;

namespace ToNNO.Tonno.Sources;

/// <summary>The DICOM series of a source, and what else its zips hold.</summary>
/// <param name="root">The source: a folder or a file.</param>
/// <param name="channelCount">Channels of the model that are told by file names; 0 where every file is a volume.</param>
/// <param name="withFacts">Also gathers what series are chosen by.</param>
/// <param name="isFile">The source is one file.</param>
/// <param name="salt">Of keys and hashes; empty for none.</param>
internal sealed class DicomSources(string root, int channelCount, bool withFacts, bool isFile, string salt)
{
    /// <summary>Files on no disk that are looked at at once: each costs an answer's time, and little else.</summary>
    private const int LooksAtOnce = 16;

    /// <summary>Files whose heads are held until they are taken.</summary>
    private const int LooksInARow = 4096;

    /// <summary>What programs call a file while they copy it, or pack it, after its own extension.</summary>
    private static readonly FrozenSet<string> _copying = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, ".part", ".partial", ".tmp", ".filepart", ".crdownload", ".download", ".gz");

    /// <summary>The folder that names begin below.</summary>
    private readonly string _base = isFile ? ParentOf(root) : root;

    /// <summary>By container and series key; the container of a folder's files is the source.</summary>
    private readonly Dictionary<(string Container, string Key), Series> _series = [];
    private readonly Dictionary<(string Container, string Key), SeriesFacts> _facts = [];
    private readonly List<(string Uri, string Name)> _others = [];
    private readonly List<(string File, string Reason)> _leftOut = [];

    /// <summary>What all files in or below a folder, or in a zip, say of their patients.</summary>
    private readonly Dictionary<string, PatientWords> _patients = new(StringComparer.Ordinal);

    /// <summary>Of the file that was taken last.</summary>
    private (DicomObject? Of, IReadOnlyList<string> Words) _words = (null, []);
    private readonly List<string> _voxels = [];

    /// <summary>Files that are nothing known, each with its folder or zip.</summary>
    private readonly List<(string Uri, string Folder, string Name)> _unknown = [];

    /// <summary>Folders and zips of slices, each with the extensions that they have there.</summary>
    private readonly HashSet<(string Folder, string Extension)> _slicesLie = [];

    /// <summary>Files that no volume is made of, each with the reason.</summary>
    public IReadOnlyList<(string File, string Reason)> LeftOut => _leftOut;

    /// <summary>Files of no zip that are called as the voxels of a pair.</summary>
    public IReadOnlyList<string> Voxels => _voxels;

    /// <summary>True where a name repeats what any DICOM file of the source says of its patient.</summary>
    public bool IsRepeated(string name) => IsRepeated(_base, name);

    /// <summary>True where the name of a folder on the way, or what follows, repeats what a DICOM file in or below it says of its patient. Files that lie elsewhere have no
    /// say: else a name would change as the archive grows.</summary>
    /// <param name="container">A folder or zip.</param>
    /// <param name="rest">What a name has besides; empty for none.</param>
    public bool IsRepeated(string container, string rest)
    {
        bool Is(string folder, string name) => _patients.GetValueOrDefault(folder)?.IsRepeatedBy(name) == true;
        var isRepeated = rest.Length > 0 ? Is(container, rest) : container == _base && Is(_base, Path.GetFileName(_base));
        for (var at = container; at.Length > _base.Length && !isRepeated; at = ParentOf(at))
        {
            isRepeated = Is(at, Path.GetFileName(at));
        }

        return isRepeated;
    }

    /// <summary>Looks at files, and into those that are zips.</summary>
    /// <param name="remote">The files lie there; null for a disk.</param>
    /// <exception cref="BlobStoreException">The store that they lie in fails.</exception>
    public void Look(IReadOnlyList<string> files, IRemoteFiles? remote = null)
    {
        foreach (var some in files.Chunk(LooksInARow))
        {
            LookAt(some, remote);
        }

        JudgeUnknown();
    }

    private void LookAt(string[] files, IRemoteFiles? remote)
    {
        var (found, refused) = (new FoundFiles?[files.Length], new RejectReason?[files.Length]);
        Parallel.For(0, files.Length, new ParallelOptions { MaxDegreeOfParallelism = remote is null ? 1 : LooksAtOnce }, at =>
        {
            try
            {
                found[at] = DicomListing.Look(files[at], remote, withFacts);
            }
            catch (ImagingException cannot)
            {
                refused[at] = cannot.Reason;
            }
        });
        foreach (var (at, file) in files.Index())
        {
            var zip = found[at]?.IsZip == true ? file : null;
            foreach (var listed in found[at]?.Dicom ?? [])
            {
                Take(listed, zip);
            }

            var others = found[at]?.Others ?? [];
            var isEmpty = zip is not null && zip != root && found[at]!.Dicom.Count == 0 && !others.Any(entry => SourceListing.ExtensionOf(entry).Length > 0 || EntryUri.IsCalledZip(entry));
            foreach (var entry in isEmpty ? [] : others)
            {
                TakeOther(zip, entry, others);
            }

            if (refused[at] == RejectReason.ZipDamaged)
            {
                _others.Add((file, $"zip-{VolumeSource.ShortHash(file, salt)}")); // whom its name names cannot be told
            }
            else if (refused[at] is { } reason && file != root) // the source itself is refused by name
            {
                // A file of no volume's name that cannot be opened, or a link to none: whether it is a slice cannot be known, so it is accounted for.
                _leftOut.Add((file, reason.Code()));
            }
            else if (isEmpty)
            {
                _leftOut.Add((zip!, RejectReason.ZipEmpty.Code()));
            }
        }
    }

    /// <summary>What the run may take, and under which name; of series, where they were gathered, with their facts.</summary>
    public IReadOnlyList<(string Uri, string Name, SeriesFacts? Facts, InstanceSet? Instances)> Inputs()
    {
        var crowded = _series.Values.CountBy(series => series.Folder).Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. _others.Select(other => (EntryUri.TryParse(other.Uri) is { } entry ? IsRepeated(entry.Zip, entry.Entry) : IsRepeated(ParentOf(other.Uri), other.Name))
                ? (UnnamedUri.Of(other.Uri), $"source-{VolumeSource.ShortHash(other.Uri, salt)}", (SeriesFacts?)null, (InstanceSet?)null)
                : (other.Uri, other.Name, null, null)),
            .. _series.Select(pair => (Uri(pair.Key.Container, pair.Key.Key, pair.Value), Name(pair.Key.Key, pair.Value), _facts.GetValueOrDefault(pair.Key), (InstanceSet?)pair.Value.Instances)),
        ];

        string Uri(string container, string key, Series series) =>
            new SeriesUri(series.IsInZip || container != root || isFile ? container : series.Folder + (series.IsSpread ? SeriesUri.Below : ""), key, Salt: salt).ToString();

        string Name(string key, Series series)
        {
            if (!RemotePlaces.BearsNames(root))
            {
                return $"series-{key}";
            }

            var name = VolumeNames.NameBelow(_base, series.IsInZip || (isFile && series.Folder == root) ? Path.ChangeExtension(series.Folder, null) : series.Folder);
            var isRepeated = isFile && !series.IsInZip ? IsRepeated(name) : IsRepeated(series.Folder, "");
            return series.IsNamedBeyondAscii || isRepeated ? $"series-{key}" : crowded.Contains(series.Folder) || series.IsSpread ? $"{name}-{key[..8]}" : name;
        }
    }

    /// <summary>Judges what is nothing known by what lies beside it, when all has been looked at.</summary>
    private void JudgeUnknown()
    {
        foreach (var (uri, folder, name) in _unknown)
        {
            var whole = _copying.Contains(Path.GetExtension(name)) ? Path.GetFileNameWithoutExtension(name) : name;
            if (!RemotePlaces.BearsNames(root) || (!name.StartsWith('.') && _slicesLie.Contains((folder, Path.GetExtension(whole)))))
            {
                // An instance of a PACS, whatever it answers, or called as the slices beside it are: it may have been one.
                _others.Add((uri, $"dicom-{VolumeSource.ShortHash(uri, salt)}"));
            }
            else
            {
                _leftOut.Add((uri, SourceListing.NotAVolume));
            }
        }

        _unknown.Clear();
    }

    /// <summary>The folder of a file or folder, on a disk or not.</summary>
    private static string ParentOf(string path) => RemotePlaces.IsOne(path) ? path[..path.LastIndexOf('/')] : Path.GetDirectoryName(path)!;

    private void Take(ListedFile listed, string? zip)
    {
        var uri = zip is null ? listed.Path : new EntryUri(zip, listed.Path).ToString();
        var key = listed.Content is { Role: DicomRole.Slice } && channelCount <= 1 ? SeriesUri.KeyBy(listed.Content.SeriesKey, salt) : "";
        if (listed.Content is { } content)
        {
            var withInstance = content.Role != DicomRole.Slice || (key.Length > 0 && !_series.ContainsKey((zip ?? root, key)));
            var container = zip ?? ParentOf(listed.Path);
            _words = content.SaysTheSameAs(_words.Of) ? _words : (content, PatientWords.Of(content));
            for (var at = container; at?.Length >= _base.Length; at = ParentOf(at))
            {
                if (!_patients.TryGetValue(at, out var words))
                {
                    _patients[at] = words = new PatientWords();
                }

                words.Add(_words.Words);
            }

            _patients[container].AddOwn(content, withInstance);
        }

        switch (listed.Content)
        {
            case null:
                // Whose slice it is, and whom its name names, cannot be told.
                _others.Add((uri, $"dicom-{VolumeSource.ShortHash(uri, salt)}"));
                break;
            case { Role: not DicomRole.Slice } when uri == root:
                break; // asked for by name, so refused, not left out
            case { Role: DicomRole.Slice } when channelCount > 1:
                _leftOut.Add((uri, RejectReason.DicomOneChannel.Code()));
                break;
            case { Role: DicomRole.Slice } slice:
                _slicesLie.Add((zip ?? ParentOf(listed.Path), Path.GetExtension(listed.Path)));
                var (container, folder) = zip is not null ? (zip, zip) : listed.Path == root ? (root, root) : (root, ParentOf(listed.Path));
                _series[(container, key)] = _series.TryGetValue((container, key), out var known)
                    ? known.With(folder, slice)
                    : new Series(slice.IsNamedBeyondAscii, folder, IsSpread: false, IsInZip: zip is not null, default(InstanceSet) + slice.InstanceMark);
                if (withFacts)
                {
                    _facts.TryAdd((container, key), new SeriesFacts());
                    _facts[(container, key)].Add(listed.Facts);
                }

                break;
            case { Role: DicomRole.Localizer }:
                _leftOut.Add((uri, RejectReason.DicomLocalizer.Code()));
                break;
            case { Role: DicomRole.OtherImage }:
                _leftOut.Add((uri, RejectReason.DicomNotAStack.Code()));
                break;
            default:
                _leftOut.Add((uri, RejectReason.DicomNotImage.Code()));
                break;
        }
    }

    /// <summary>Takes a NIfTI file of a zip; a file of no such name, in a zip or not, is no input, unless it lies among slices and is called as they are.</summary>
    /// <param name="beside">All that the zip holds besides DICOM.</param>
    private void TakeOther(string? zip, string entry, IReadOnlyList<string> beside)
    {
        if (zip is null)
        {
            if (entry != root && SourceListing.StemOfVoxels(entry) is not null)
            {
                _voxels.Add(entry);
            }
            else if (entry != root)
            {
                _unknown.Add((entry, ParentOf(entry), Path.GetFileName(entry)));
            }

            return;
        }

        var uri = new EntryUri(zip, entry).ToString();
        if (SourceListing.ExtensionOf(entry) is not { Length: > 0 } extension)
        {
            if (EntryUri.IsCalledZip(entry))
            {
                _leftOut.Add((uri, SourceListing.NestedZip));
            }
            else if (SourceListing.StemOfVoxels(entry) is not { } stem)
            {
                _unknown.Add((uri, zip, Path.GetFileName(entry)));
            }
            else if (!beside.Any(other => SourceListing.IsHeaderOf(other, stem)) || beside.Contains(Path.ChangeExtension(entry, null)))
            {
                _leftOut.Add((uri, RejectReason.NiftiPairIncomplete.Code()));
            }

            return;
        }

        if (channelCount > 1)
        {
            _leftOut.Add((uri, SourceListing.NoChannel));
            return;
        }

        _others.Add((uri, Path.Combine(VolumeNames.NameBelow(_base, Path.ChangeExtension(zip, null)), entry[..^extension.Length])));
    }

    /// <param name="Folder">The folder, or zip, that all of its slices lie in or below.</param>
    /// <param name="IsSpread">They lie in several folders.</param>
    /// <param name="IsNamedBeyondAscii">See <see cref="DicomObject.IsNamedBeyondAscii"/>; of any of its slices.</param>
    private sealed record Series(bool IsNamedBeyondAscii, string Folder, bool IsSpread, bool IsInZip, InstanceSet Instances)
    {
        public Series With(string folder, DicomObject slice)
        {
            var more = this with { IsNamedBeyondAscii = IsNamedBeyondAscii || slice.IsNamedBeyondAscii, Instances = Instances + slice.InstanceMark };
            if (folder == Folder)
            {
                return more;
            }

            var common = Folder;
            while (folder != common && !folder.StartsWith(common + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                common = ParentOf(common);
            }

            return more with { Folder = common, IsSpread = true };
        }
    }
}
