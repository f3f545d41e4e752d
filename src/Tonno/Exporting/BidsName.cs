using System.Text.RegularExpressions;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Exporting;

/// <summary>What the files of a volume's results are called in a BIDS derivative: as the source, where that is named by BIDS, else by the
/// volume's id. Headers are not asked: they may name a patient.</summary>
/// <param name="Folder">Where they lie, from the dataset on.</param>
/// <param name="Entities">The beginning of their names.</param>
/// <param name="Description">What tells these results from others of the same source: letters and digits.</param>
internal sealed partial record BidsName(string Folder, string Entities, string Description)
{
    private const string Program = "tonno";
    private const string DescriptionKey = "desc";

    /// <summary>Entities that come before the source's modality in a name; the order is the standard's.</summary>
    private static readonly string[] _beforeModality = ["sub", "ses", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc", "stain", "rec", "dir", "run"];
    private static readonly string[] _dataTypes = ["anat", "beh", "dwi", "eeg", "fmap", "func", "ieeg", "meg", "micr", "motion", "mrs", "nirs", "perf", "pet"];

    /// <param name="uri">Of the volume's first channel.</param>
    public static BidsName Of(VolumeId volume, string uri)
    {
        var file = VolumeSource.NameOf(uri);
        return OfSource(file[..^SourceListing.ExtensionOf(file).Length], Path.GetFileName(Path.GetDirectoryName(uri)) ?? "") ?? OfId(volume);
    }

    /// <summary>The names of volumes, each its own, whatever file systems make of capitals.</summary>
    public static IReadOnlyDictionary<VolumeId, BidsName> OfAll(IEnumerable<(VolumeId Volume, string Uri)> volumes)
    {
        var names = volumes.ToDictionary(volume => volume.Volume, volume => Of(volume.Volume, volume.Uri));
        var shared = names.Values.CountBy(name => name, SameFiles.Comparer).Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(SameFiles.Comparer);
        return names.ToDictionary(
            pair => pair.Key, pair => shared.Contains(pair.Value) ? pair.Value with { Description = pair.Value.Description + VolumeSource.ShortHash(pair.Key.Value) } : pair.Value);
    }

    /// <summary>What tells the heatmaps of classes apart: nothing where there is one; their letters and digits, and their numbers before these where they
    /// would not.</summary>
    public static IReadOnlyList<string> LabelsOf(IReadOnlyList<string> classes)
    {
        var labels = classes.Select(Label).ToList();
        return classes.Count == 1 ? [""]
            : labels.TrueForAll(label => label.Length > 0) && labels.Distinct(StringComparer.OrdinalIgnoreCase).Count() == labels.Count ? labels
            : [.. labels.Select((label, at) => $"{at + 1}x{label}")];
    }

    /// <param name="label">As in <see cref="LabelsOf"/>.</param>
    /// <param name="ending">Suffix and extension, as in <c>heatmap.nii.gz</c>.</param>
    public string File(string label, string ending) => $"{Folder}/{Entities}_{DescriptionKey}-{Description}{label}_{ending}";

    private static BidsName? OfSource(string stem, string parent)
    {
        if (!SourceName().IsMatch(stem))
        {
            return null;
        }

        var (parts, suffix) = (stem.Split('_')[..^1], stem.Split('_')[^1]);
        var described = parts.FirstOrDefault(part => KeyOf(part) == DescriptionKey)?[(DescriptionKey.Length + 1)..];
        var others = parts.Where(part => KeyOf(part) is not (DescriptionKey or "mod")).ToList();
        others.Insert(others.TakeWhile(part => _beforeModality.Contains(KeyOf(part))).Count(), $"mod-{suffix}");
        var session = parts.FirstOrDefault(part => KeyOf(part) == "ses");
        var dataType = _dataTypes.Contains(parent) ? parent : suffix == "pet" ? "pet" : "anat";
        return new(session is null ? $"{parts[0]}/{dataType}" : $"{parts[0]}/{session}/{dataType}", string.Join('_', others), Program + Label(described ?? ""));
    }

    private static BidsName OfId(VolumeId volume)
    {
        // An id of other letters alone leaves nothing to call it by.
        var subject = $"sub-{(Label(volume.Value) is { Length: > 0 } label ? label : VolumeSource.ShortHash(volume.Value))}";
        return new($"{subject}/anat", subject, Program);
    }

    private static string KeyOf(string part) => part[..part.IndexOf('-', StringComparison.Ordinal)];

    private static string Label(string text) => string.Concat(text.Where(char.IsAsciiLetterOrDigit));

    [GeneratedRegex("^sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*_[A-Za-z0-9]+$")]
    private static partial Regex SourceName();

    /// <summary>Names that would be one file on some disks.</summary>
    private sealed class SameFiles : IEqualityComparer<BidsName>
    {
        public static SameFiles Comparer { get; } = new();

        public bool Equals(BidsName? one, BidsName? other) => string.Equals(one?.File("", ""), other?.File("", ""), StringComparison.OrdinalIgnoreCase);

        public int GetHashCode(BidsName name) => StringComparer.OrdinalIgnoreCase.GetHashCode(name.File("", ""));
    }
}
