using System.IO.Hashing;
using System.Text;

namespace ToNNO.Imaging.Dicom;

/// <summary>What a DICOM file tells of itself while sources are listed.</summary>
public sealed class DicomObject
{
    private DicomObject(string seriesKey, DicomRole role, string instance, IReadOnlyList<string> identifying, bool isNamedBeyondAscii) =>
        (SeriesKey, Role, SopInstanceUid, Identifying, IsNamedBeyondAscii) = (seriesKey, role, instance, identifying, isNamedBeyondAscii);

    /// <summary>See <see cref="SeriesUri.Key"/>, without a salt.</summary>
    public string SeriesKey { get; }

    public DicomRole Role { get; }

    /// <summary>Tells instances apart: of two copies it is the same. It stays in the process that lists.</summary>
    public ulong InstanceMark => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(SopInstanceUid));

    /// <summary>Empty where the file does not tell.</summary>
    internal string SopInstanceUid { get; }

    /// <summary>What it says of its patient and study, as stored; nothing where it says that its patient cannot be told from the rest.</summary>
    internal IReadOnlyList<string> Identifying { get; }

    /// <summary>Its patient's name has letters beyond ASCII, which people who name folders write in many ways.</summary>
    public bool IsNamedBeyondAscii { get; }

    /// <returns>Null where the file does not say of which series, or of which kind, it is.</returns>
    internal static DicomObject? Of(DataSet head)
    {
        if (head.Find(DicomTag.FirstDirectoryRecord) is not null)
        {
            return new("", DicomRole.NotImage, "", [], false); // a DICOMDIR, as discs and exports have one, is of no series
        }

        if (head.Text(DicomTag.SeriesInstanceUid) is not { } series || head.Text(DicomTag.SopClassUid) is not { } sopClass)
        {
            return null;
        }

        var canBeTold = head.Text(DicomTag.PatientIdentityRemoved) != "YES";
        var isBeyondAscii = canBeTold && head.Text(DicomTag.PatientName)?.All(letter => letter is >= ' ' and <= '~') == false;
        var role = ImageKinds.RoleOf(sopClass);
        var isLocalizer = role == DicomRole.Slice && head.Text(DicomTag.ImageType)?.Split('\\').Contains("LOCALIZER") == true;
        return new(
            SeriesUri.KeyOf(series),
            isLocalizer ? DicomRole.Localizer : role,
            head.Text(DicomTag.SopInstanceUid) ?? "",
            canBeTold ? [.. DicomTag.Identifying.Select(head.Text).OfType<string>()] : [],
            isBeyondAscii);
    }
}
