using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Selection;

namespace ToNNO.Tonno.Sources;

/// <summary>The volumes that the user's sources name, each with a name in the store.</summary>
/// <param name="LeftOut">Files of folders and zips that could be taken for inputs, but are none, each with the reason.</param>
/// <param name="TakenBy">The selection rule that took a volume; of those that none did, nothing.</param>
/// <param name="Rules">What each of the rules took and left.</param>
internal sealed record SourceListing(
    IReadOnlyList<RunInput> Inputs, IReadOnlyList<LeftOutFile> LeftOut, IReadOnlyDictionary<VolumeId, string> TakenBy, IReadOnlyList<RuleAccount> Rules)
{
    /// <summary>The reason of files whose names end like no channel's.</summary>
    public const string NoChannel = "channels.no_name";

    /// <summary>The reason of links to folders, which may lead in a circle.</summary>
    public const string LinkedFolder = "folder.linked";

    /// <summary>The reason of files that are neither NIfTI nor DICOM.</summary>
    public const string NotAVolume = "file.not_volume";

    /// <summary>The reason of zips within zips, which are not looked into.</summary>
    public const string NestedZip = "zip.nested";

    private static readonly string[] Suffixes = [".nii.gz", ".nii", ".hdr.gz", ".hdr"];

    private static readonly string[] VoxelSuffixes = [".img.gz", ".img"];

    /// <summary>Lists the volumes of files, folders, zips, blob prefixes and manifests. A file is taken as it is; of a folder or zip, all that bear a NIfTI name,
    /// and each DICOM series, told by content; of a manifest, its rows.</summary>
    /// <remarks>A source that is missing, and a folder without volumes, is listed too: the run refuses it beside the good ones,
    /// and accounts for it. So is a volume that lacks a channel: it is listed with the file that should be there.</remarks>
    /// <param name="storeRoot">The output folder: what lies in it is a result, never an input. Null where none is named.</param>
    /// <param name="channels">How the file names of each channel end, before the extension; empty where every file is a volume.</param>
    /// <exception cref="CommandException">The output folder holds a source folder, a source is no path, or a manifest contradicts itself.</exception>
    public static SourceListing List(IEnumerable<string> sources, string? storeRoot, params IReadOnlyList<string> channels) => List(sources, storeRoot, null, channels, new RemotePlaces(), "");

    /// <inheritdoc cref="List(IEnumerable{string}, string, IReadOnlyList{string})"/>
    /// <param name="remote">Files that lie on no disk.</param>
    /// <param name="rules">Choose among DICOM series; null takes them all. Other volumes are taken as they are.</param>
    /// <param name="salt">Of the hashes in names and series' keys: letters, digits, '-' and '_', at most 64; empty for none.</param>
    public static SourceListing List(
        IEnumerable<string> sources, string? storeRoot, SelectionRules? rules, IReadOnlyList<string> channels, IRemoteFiles remote, string salt)
    {
        var lister = new SourceLister(storeRoot, rules, channels, remote, salt);
        // Manifests first: theirs are the names of the volumes that others name, too.
        foreach (var source in sources.OrderBy(source => Manifest.IsOne(source) && !remote.Holds(source) ? 0 : 1))
        {
            lister.Add(source);
        }

        return lister.ToListing();
    }

    /// <summary>The same, but of NIfTI files one frame, by which the volumes are then also named.</summary>
    public SourceListing OfFrame(int frame)
    {
        var taken = Inputs.Select(input => input.VolumeId.Value).ToHashSet(StringComparer.OrdinalIgnoreCase);
        RunInput Of(RunInput input) => input.Uris.All(IsNifti)
            ? input with { VolumeId = Named(input), Uris = [.. input.Uris.Select(uri => FrameUri.Of(uri, frame))] }
            : input;
        VolumeId Named(RunInput input)
        {
            var name = $"{input.VolumeId}-frame{frame}";
            while (taken.Contains(name))
            {
                name = $"{name}-{VolumeSource.ShortHash(input.VolumeId.Value)}";
            }

            return new(name);
        }

        return this with
        {
            Inputs = [.. Inputs.Select(Of)],
            TakenBy = Inputs.Where(input => TakenBy.ContainsKey(input.VolumeId)).ToDictionary(input => Of(input).VolumeId, input => TakenBy[input.VolumeId]),
        };
    }

    /// <summary>The same, but DICOM series of a tilted gantry are resampled, not refused.</summary>
    public SourceListing ResamplingTilted()
    {
        static string Of(string uri) => SeriesUri.TryParse(uri) is { } series ? (series with { ResamplesTilted = true }).ToString() : uri;
        return this with { Inputs = [.. Inputs.Select(input => input with { Uris = [.. input.Uris.Select(Of)] })] };
    }

    /// <summary>The extension of a NIfTI name; empty where a file bears none.</summary>
    public static string ExtensionOf(string file) => Suffixes.FirstOrDefault(suffix => file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) ?? "";

    /// <summary>True for a file that is called as the header of a pair of that name.</summary>
    public static bool IsHeaderOf(string file, string stem) =>
        ExtensionOf(file) is { Length: > 0 } extension && extension.StartsWith(".hdr", StringComparison.OrdinalIgnoreCase) && file[..^extension.Length] == stem;

    /// <summary>Path without extension of a file that is called as the voxels of a pair; null of others.</summary>
    public static string? StemOfVoxels(string file) =>
        VoxelSuffixes.FirstOrDefault(suffix => file.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) is { } suffix ? file[..^suffix.Length] : null;

    private static bool IsNifti(string uri) => SeriesUri.TryParse(uri) is null && FrameUri.Split(uri).Frame is null && !Directory.Exists(uri);
}
