using System.IO.Hashing;
using System.Text;

namespace ToNNO.Imaging.Dicom;

/// <summary>What a DICOM file tells of itself while sources are listed.</summary>
public sealed class DicomObject
{
    /// <summary>What is shorter is looked for as a word of its own: there are people called Li.</summary>
    private const int ShortestWithinWords = 4;

    private readonly IReadOnlyList<string> _identifying;

    private DicomObject(string seriesKey, DicomRole role, ulong instanceMark, IReadOnlyList<string> identifying) =>
        (SeriesKey, Role, InstanceMark, _identifying) = (seriesKey, role, instanceMark, identifying);

    /// <summary>See <see cref="SeriesUri.Key"/>, without a salt.</summary>
    public string SeriesKey { get; }

    public DicomRole Role { get; }

    /// <summary>Tells instances apart: of two copies it is the same. It stays in the process that lists.</summary>
    public ulong InstanceMark { get; }

    /// <summary>True where a text (a folder's name) repeats what the file says of its patient, by name, number or date, and the file does not
    /// say that its patient cannot be told.</summary>
    public bool IsRepeatedBy(string text)
    {
        var (squeezed, words) = (Squeeze(text), Words(text).ToHashSet(StringComparer.Ordinal));
        return _identifying.Any(value => value.Length < ShortestWithinWords ? words.Contains(value) : squeezed.Contains(value, StringComparison.Ordinal));
    }

    /// <returns>Null where the file does not say of which series, or of which kind, it is.</returns>
    internal static DicomObject? Of(DataSet head)
    {
        if (head.Find(DicomTag.FirstDirectoryRecord) is not null)
        {
            return new("", DicomRole.NotImage, 0, []); // a DICOMDIR, as discs and exports have one, is of no series
        }

        if (head.Text(DicomTag.SeriesInstanceUid) is not { } series || head.Text(DicomTag.SopClassUid) is not { } sopClass)
        {
            return null;
        }

        var identifying = head.Text(DicomTag.PatientIdentityRemoved) == "YES" ? []
            : DicomTag.Identifying.Select(head.Text).OfType<string>().SelectMany(text => Words(text).Append(Squeeze(text))).SelectMany(Spellings).Where(word => word.Length > 1).Distinct();
        var role = ImageKinds.RoleOf(sopClass);
        var isLocalizer = role == DicomRole.Slice && head.Text(DicomTag.ImageType)?.Split('\\').Contains("LOCALIZER") == true;
        var mark = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(head.Text(DicomTag.SopInstanceUid) ?? ""));
        return new(SeriesUri.KeyOf(series), isLocalizer ? DicomRole.Localizer : role, mark, [.. identifying]);
    }

    /// <summary>A word as people who name folders write it, too: a date with the day or the month first, letters with marks by those without.</summary>
    private static IEnumerable<string> Spellings(string word)
    {
        yield return word;
        if (word.Length == 8 && word.All(char.IsAsciiDigit))
        {
            var (year, month, day) = (word[..4], word[4..6], word[6..]);
            yield return day + month + year;
            yield return month + day + year;
        }

        if (!word.All(char.IsAscii))
        {
            yield return word.Replace("ä", "ae", StringComparison.Ordinal).Replace("ö", "oe", StringComparison.Ordinal).Replace("ü", "ue", StringComparison.Ordinal).Replace("ß", "ss", StringComparison.Ordinal);
            yield return string.Concat(word.Normalize(NormalizationForm.FormD).Where(char.IsAscii));
        }
    }

    private static string Squeeze(string text) => string.Concat(text.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    private static string[] Words(string text) =>
        new string([.. text.ToLowerInvariant().Select(letter => char.IsLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
