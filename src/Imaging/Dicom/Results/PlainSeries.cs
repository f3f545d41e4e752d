using System.Buffers.Binary;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A made-up volume as a CT series of one file a slice: what programs are tried with.</summary>
public static class PlainSeries
{
    private const string CtImageStorage = "1.2.840.10008.5.1.4.1.1.2";

    /// <summary>Stored values of an intensity of 1.</summary>
    private const int Steps = 10_000;

    /// <summary>Characters of a value of type SH (PS3.5, 6.2).</summary>
    private const int MostOfAShortString = 16;

    private static readonly TypedTag _patientName = new(0x0010_0010, "PN");
    private static readonly TypedTag _patientId = new(0x0010_0020, "LO");
    private static readonly TypedTag _studyId = new(0x0020_0010, "SH");

    /// <summary>Of which a CT is to tell, be it nothing (type 2 of PS3.3, A.3).</summary>
    private static readonly TypedTag[] _empty =
    [
        new(0x0008_0020, "DA"), new(0x0008_0030, "TM"), new(0x0008_0050, "SH"), new(0x0008_0090, "PN"), // study date, time, accession, physician
        new(0x0010_0030, "DA"), new(0x0010_0040, "CS"), // birth date, sex
        new(0x0018_0060, "DS"), new(0x0018_5100, "CS"), new(0x0020_0012, "IS"), ResultTags.Laterality, new(0x0020_1040, "LO"), // kVp, patient's position, acquisition number, position reference
    ];

    public static string SeriesUidOf(string name) => DerivedUid.Of(name, "series");

    public static string StudyUidOf(string study) => DerivedUid.Of(study, "study");

    /// <summary>The slices, in the order of k.</summary>
    /// <param name="volume">Intensities from 0 to 6. Its axes are at right angles and right-handed: DICOM knows no other stacks.</param>
    /// <param name="name">Decides the UIDs.</param>
    /// <param name="study">What the study and its patient are called, by whom who keeps it may find it again.</param>
    public static IEnumerable<PlainSlice> Slices(Volume volume, string name, string study)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var (shape, affine) = (volume.Geometry.Shape, volume.Geometry.Affine);
        for (var k = 0; k < shape.K; k++)
        {
            using var file = new MemoryStream();
            var uid = DerivedUid.Of(name, "instance", $"{k}");
            ResultObject.WriteMeta(file, CtImageStorage, uid);
            var set = new WrittenSet();
            foreach (var tag in _empty)
            {
                set.Text(tag, "");
            }

            set
                .Text(ResultTags.SopClassUid, CtImageStorage).Text(ResultTags.SopInstanceUid, uid)
                .Text(ResultTags.ImageType, @"DERIVED\SECONDARY\AXIAL")
                .Text(ResultTags.Modality, "CT").Text(ResultTags.Manufacturer, "ToNNO")
                .Text(_patientName, study).Text(_patientId, study).Text(_studyId, study[..Math.Min(study.Length, MostOfAShortString)])
                .Text(ResultTags.SeriesInstanceUid, SeriesUidOf(name)).Whole(ResultTags.SeriesNumber, 1)
                .Text(new(DicomTag.StudyInstanceUid, "UI"), StudyUidOf(study))
                .Text(new(DicomTag.FrameOfReferenceUid, "UI"), DerivedUid.Of(name, "frame of reference"))
                .Whole(ResultTags.InstanceNumber, k + 1)
                .Decimals(ResultTags.ImagePositionPatient, Lps(affine.ToWorld(0, 0, k)))
                .Decimals(ResultTags.ImageOrientationPatient, [.. Lps(affine.I.Normalized()), .. Lps(affine.J.Normalized())])
                .Decimals(ResultTags.PixelSpacing, affine.J.Length, affine.I.Length) // between rows, then between columns
                .Decimals(ResultTags.SliceThickness, affine.K.Length)
                .Shorts(ResultTags.SamplesPerPixel, 1).Text(ResultTags.PhotometricInterpretation, "MONOCHROME2")
                .Shorts(ResultTags.Rows, shape.J).Shorts(ResultTags.Columns, shape.I)
                .Shorts(ResultTags.BitsAllocated, 16).Shorts(ResultTags.BitsStored, 16).Shorts(ResultTags.HighBit, 15).Shorts(ResultTags.PixelRepresentation, 0)
                .Decimals(ResultTags.RescaleIntercept, 0).Decimals(ResultTags.RescaleSlope, 1.0 / Steps)
                .Bytes(ResultTags.PixelWords, Plane(volume, k))
                .WriteTo(file);
            yield return new(uid, file.ToArray());
        }
    }

    /// <summary>A place or a direction as DICOM has it: to the left, to the back, to the head.</summary>
    private static double[] Lps(Vector3D ras) => [-ras.X, -ras.Y, ras.Z];

    private static byte[] Plane(Volume volume, int k)
    {
        var shape = volume.Geometry.Shape;
        var bytes = new byte[shape.I * shape.J * sizeof(ushort)];
        for (var at = 0; at < shape.I * shape.J; at++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at * sizeof(ushort)), checked((ushort)Math.Round(Steps * volume[at % shape.I, at / shape.I, k])));
        }

        return bytes;
    }
}

/// <param name="File">A DICOM file.</param>
public sealed record PlainSlice(string InstanceUid, byte[] File);
