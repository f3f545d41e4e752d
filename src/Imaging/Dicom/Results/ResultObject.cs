using System.Globalization;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>What a Parametric Map and a Segmentation have in common: patient, study, frame of reference, equipment, and frames that lie where the
/// source's slices lie (PS3.3, A.51 and A.75, C.7.6.16 and C.7.6.17).</summary>
internal static class ResultObject
{
    /// <summary>Raised when the same result is written as other bytes: the objects are then other instances.</summary>
    private const string Layout = "tonno-dicom-1";

    private const string Manufacturer = "ToNNO";
    private const string ExplicitLittleEndian = "1.2.840.10008.1.2.1";

    /// <summary>Names this program in its files; never changed.</summary>
    public static string Implementation { get; } = DerivedUid.Of("tonno");

    public static (string Value, string Scheme, string Meaning) SourceImage { get; } = ("121322", "DCM", "Source image for image processing operation");

    /// <summary>The UID of the object, or of what belongs to it.</summary>
    /// <param name="kind">What the object is, and whatever besides the origin decides its bytes.</param>
    public static string UidOf(ResultOrigin origin, params string[] kind) => DerivedUid.Of(
    [
        Layout, origin.SourceSha256, origin.WorkKey, origin.HeatmapSha256, origin.OrderedAt.UtcTicks.ToString(CultureInfo.InvariantCulture),
        origin.ClassNumber.ToString(CultureInfo.InvariantCulture), origin.Version, .. kind,
    ]);

    /// <summary>The UID of a series of objects: one for each class of the result.</summary>
    public static string SeriesUidOf(ResultOrigin origin, params string[] kind) => DerivedUid.Of(
        [Layout, "series", origin.SourceSha256, origin.WorkKey, origin.OrderedAt.UtcTicks.ToString(CultureInfo.InvariantCulture), .. kind]);

    /// <summary>Writes all that stands before the data set.</summary>
    public static void WriteMeta(Stream stream, string sopClass, string instanceUid)
    {
        var meta = new WrittenSet()
            .Bytes(ResultTags.MetaVersion, [0, 1])
            .Text(ResultTags.MediaStorageSopClassUid, sopClass)
            .Text(ResultTags.MediaStorageSopInstanceUid, instanceUid)
            .Text(ResultTags.TransferSyntaxUid, ExplicitLittleEndian)
            .Text(ResultTags.ImplementationClassUid, Implementation)
            .Text(ResultTags.ImplementationVersionName, Manufacturer);
        var length = (int)meta.LengthBytes;
        meta.Longs(ResultTags.MetaGroupLength, length);
        stream.Write(new byte[DicomFile.SniffBytes - 4]);
        stream.Write("DICM"u8);
        meta.WriteTo(stream);
    }

    /// <summary>The attributes of both kinds.</summary>
    /// <param name="label">Of the content, in capitals.</param>
    /// <param name="description">The series', and with the class the object's.</param>
    public static WrittenSet Begin(SourceSeries source, ResultOrigin origin, string label, string description)
    {
        var (date, time) = (
            origin.OrderedAt.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture), origin.OrderedAt.UtcDateTime.ToString("HHmmss.ffffff", CultureInfo.InvariantCulture));
        var shape = source.Header.Shape;
        var set = new WrittenSet()
            .Text(ResultTags.SeriesDate, date).Text(ResultTags.SeriesTime, time)
            .Text(ResultTags.ContentDate, date).Text(ResultTags.ContentTime, time)
            .Text(ResultTags.Manufacturer, Manufacturer)
            .Text(ResultTags.ManufacturerModelName, Manufacturer)
            .Text(ResultTags.DeviceSerialNumber, "0") // of a program that has none
            .Text(ResultTags.SoftwareVersions, PlainText.Of(origin.Version, 64))
            .Text(ResultTags.SeriesDescription, PlainText.Of(description, 64))
            .Text(ResultTags.ContentQualification, "RESEARCH")
            .Text(ResultTags.ContentLabel, label)
            .Text(ResultTags.ContentDescription, PlainText.Of($"{description}: {origin.ClassName}", 64))
            .Text(ResultTags.ContentCreatorName, Manufacturer)
            .Whole(ResultTags.InstanceNumber, origin.ClassNumber)
            .Shorts(ResultTags.SamplesPerPixel, 1)
            .Text(ResultTags.PhotometricInterpretation, "MONOCHROME2")
            .Shorts(ResultTags.Rows, shape.J).Shorts(ResultTags.Columns, shape.I)
            .Text(ResultTags.BurnedInAnnotation, "NO")
            .Text(ResultTags.LossyImageCompression, "00")
            .Sequence(ResultTags.ReferencedSeriesSequence, new WrittenSet()
                .Text(ResultTags.SeriesInstanceUid, source.SeriesInstanceUid)
                .Sequence(ResultTags.ReferencedInstanceSequence, source.Slices.DistinctBy(slice => slice.SopInstanceUid).Select(Reference)));
        source.Carried.AddTo(set);
        return set;
    }

    /// <summary>Pixel measures and orientation, which all frames share.</summary>
    public static WrittenSet SharedGroups(SourceSeries source)
    {
        var (first, last) = (source.Slices[0].Place, source.Slices[^1].Place);
        var spacing = (last.Position - first.Position).Length / (source.Slices.Count - 1);
        return new WrittenSet()
            .Sequence(ResultTags.PixelMeasuresSequence, new WrittenSet()
                .Decimals(ResultTags.PixelSpacing, first.RowSpacingMm, first.ColumnSpacingMm)
                .Decimals(ResultTags.SliceThickness, source.ThicknessMm ?? spacing)
                .Decimals(ResultTags.SpacingBetweenSlices, spacing))
            .Sequence(ResultTags.PlaneOrientationSequence, new WrittenSet().Decimals(
                ResultTags.ImageOrientationPatient,
                first.RowDirection.X, first.RowDirection.Y, first.RowDirection.Z, first.ColumnDirection.X, first.ColumnDirection.Y, first.ColumnDirection.Z));
    }

    /// <summary>What is a frame's own: its place, which is its slice's, and its slice.</summary>
    /// <param name="index">Its indices in the order of the object's dimensions, from 1.</param>
    /// <param name="derivation">How it was made of the slice.</param>
    public static WrittenSet FrameGroups(SourceSlice slice, ReadOnlySpan<int> index, (string Value, string Scheme, string Meaning) derivation) => new WrittenSet()
        .Sequence(ResultTags.FrameContentSequence, new WrittenSet().Longs(ResultTags.DimensionIndexValues, index))
        .Sequence(ResultTags.PlanePositionSequence, new WrittenSet().Decimals(
            ResultTags.ImagePositionPatient, slice.Place.Position.X, slice.Place.Position.Y, slice.Place.Position.Z))
        .Sequence(ResultTags.DerivationImageSequence, new WrittenSet()
            .Code(ResultTags.DerivationCodeSequence, derivation)
            .Sequence(ResultTags.SourceImageSequence, FrameReference(slice).Code(ResultTags.PurposeOfReferenceCodeSequence, SourceImage)));

    /// <summary>By what frames are ordered.</summary>
    public static WrittenSet WithDimensions(this WrittenSet set, string uid, params IEnumerable<(TypedTag Index, TypedTag Group)> dimensions) => set
        .Sequence(ResultTags.DimensionOrganizationSequence, new WrittenSet().Text(ResultTags.DimensionOrganizationUid, uid))
        .Sequence(ResultTags.DimensionIndexSequence, dimensions.Select(dimension => new WrittenSet()
            .Text(ResultTags.DimensionOrganizationUid, uid)
            .Pointer(ResultTags.DimensionIndexPointer, dimension.Index)
            .Pointer(ResultTags.FunctionalGroupPointer, dimension.Group)));

    private static WrittenSet Reference(SourceSlice slice) =>
        new WrittenSet().Text(ResultTags.ReferencedSopClassUid, slice.SopClassUid).Text(ResultTags.ReferencedSopInstanceUid, slice.SopInstanceUid);

    private static WrittenSet FrameReference(SourceSlice slice) =>
        slice.Frame is { } number ? Reference(slice).Whole(ResultTags.ReferencedFrameNumber, number) : Reference(slice);
}
