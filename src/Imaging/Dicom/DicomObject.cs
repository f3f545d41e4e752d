using System.IO.Hashing;
using System.Text;

namespace ToNNO.Imaging.Dicom;

/// <summary>What a DICOM file tells of itself while sources are listed.</summary>
public sealed class DicomObject
{
    private DicomObject(string seriesKey, DicomRole role) => (SeriesKey, Role) = (seriesKey, role);

    /// <summary>See <see cref="SeriesUri.Key"/>, without a salt.</summary>
    public string SeriesKey { get; }

    public DicomRole Role { get; }

    /// <summary>Tells instances apart: of two copies it is the same. It stays in the process that lists.</summary>
    public ulong InstanceMark => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(SopInstanceUid));

    /// <summary>Empty where the file does not tell.</summary>
    internal string SopInstanceUid { get; private init; } = "";

    /// <summary>Names, numbers and dates of its patient and study, as stored; nothing where it says that its patient cannot be told from the rest.</summary>
    internal IReadOnlyList<string> Identifying { get; private init; } = [];

    /// <summary>UIDs of its study and series, likewise.</summary>
    internal IReadOnlyList<string> Uids { get; private init; } = [];

    /// <summary>Its patient's name has letters beyond ASCII, which people who name folders write in many ways.</summary>
    public bool IsNamedBeyondAscii { get; private init; }

    /// <summary>True where both say the same of patient and study, and are of one series.</summary>
    public bool SaysTheSameAs(DicomObject? other) => other is not null && Identifying.SequenceEqual(other.Identifying) && Uids.SequenceEqual(other.Uids);

    /// <returns>Null where the file does not say of which series, or of which kind, it is.</returns>
    internal static DicomObject? Of(DataSet head)
    {
        if (head.Find(DicomTag.FirstDirectoryRecord) is not null)
        {
            return new("", DicomRole.NotImage); // a DICOMDIR, as discs and exports have one, is of no series
        }

        if (head.Text(DicomTag.SeriesInstanceUid) is not { } series || head.Text(DicomTag.SopClassUid) is not { } sopClass)
        {
            return null;
        }

        var canBeTold = head.Text(DicomTag.PatientIdentityRemoved) != "YES";
        var role = ImageKinds.RoleOf(sopClass);
        var isLocalizer = role == DicomRole.Slice && head.Text(DicomTag.ImageType)?.Split('\\').Contains("LOCALIZER") == true;
        return new(SeriesUri.KeyOf(series), isLocalizer ? DicomRole.Localizer : role)
        {
            SopInstanceUid = head.Text(DicomTag.SopInstanceUid) ?? "",
            Identifying = canBeTold ? [.. DicomTag.IdentifyingNames.Select(head.Text).OfType<string>().Select(Parts), .. DicomTag.IdentifyingNumbers.Select(head.Text).OfType<string>()] : [],
            Uids = canBeTold ? [series, .. head.Text(DicomTag.StudyInstanceUid) is { } study ? [study] : Array.Empty<string>()] : [],
            IsNamedBeyondAscii = canBeTold && head.Text(DicomTag.PatientName)?.All(letter => letter is >= ' ' and <= '~') == false,
        };
    }

    /// <summary>Family, given and middle names, without what goes before and behind them: Mr, as a word, would be in many a folder's name (PS3.5, 6.2.1).</summary>
    private static string Parts(string names)
    {
        const int NamesOfOne = 3;
        return string.Join(' ', names.Split('\\', '=').SelectMany(name => name.Split('^').Take(NamesOfOne)));
    }
}
