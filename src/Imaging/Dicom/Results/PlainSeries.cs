using System.Buffers.Binary;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A made-up volume as a CT series of one file a slice: what programs are tried with.</summary>
public static class PlainSeries
{
    private const string CtImageStorage = "1.2.840.10008.5.1.4.1.1.2";

    /// <summary>Stored values of an intensity of 1.</summary>
    private const int Steps = 10_000;

    /// <summary>The files, in the order of k.</summary>
    /// <param name="volume">Intensities from 0 to 6. Its axes are at right angles and right-handed: DICOM knows no other stacks.</param>
    /// <param name="name">Decides the UIDs.</param>
    public static IEnumerable<byte[]> Files(Volume volume, string name)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var (shape, affine) = (volume.Geometry.Shape, volume.Geometry.Affine);
        for (var k = 0; k < shape.K; k++)
        {
            using var file = new MemoryStream();
            var uid = DerivedUid.Of(name, "instance", $"{k}");
            ResultObject.WriteMeta(file, CtImageStorage, uid);
            new WrittenSet()
                .Text(ResultTags.SopClassUid, CtImageStorage).Text(ResultTags.SopInstanceUid, uid)
                .Text(ResultTags.ImageType, @"DERIVED\SECONDARY\AXIAL")
                .Text(ResultTags.Modality, "CT")
                .Text(ResultTags.SeriesInstanceUid, DerivedUid.Of(name, "series")).Whole(ResultTags.SeriesNumber, 1)
                .Text(new(DicomTag.StudyInstanceUid, "UI"), DerivedUid.Of(name, "study"))
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
            yield return file.ToArray();
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
