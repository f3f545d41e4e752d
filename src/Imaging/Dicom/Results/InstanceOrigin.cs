using System.Collections.Frozen;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>What a result refers to and carries over of one of its source's files.</summary>
/// <param name="ThicknessMm">Of its slices; null where the file does not tell.</param>
internal sealed record InstanceOrigin(string SopInstanceUid, string SeriesInstanceUid, double? ThicknessMm, CarriedAttributes Carried)
{
    /// <summary>What is read of a file for it, and to place and decode its image.</summary>
    public static FrozenSet<uint> Tags { get; } = [.. DicomTag.Imaging, .. CarriedAttributes.Tags, DicomTag.SopInstanceUid];

    /// <exception cref="ImagingException">It does not name itself, its study or its frame of reference.</exception>
    public static InstanceOrigin Of(DataSet image, string name)
    {
        var measures = image.Items(DicomTag.SharedFunctionalGroupsSequence) is [var shared, ..] && shared.Items(DicomTag.PixelMeasuresSequence) is [var common, ..] ? common : image;
        return new(
            CarriedAttributes.Uid(image, DicomTag.SopInstanceUid, "SOPInstanceUID", name),
            CarriedAttributes.Uid(image, DicomTag.SeriesInstanceUid, "SeriesInstanceUID", name),
            measures.Decimals(DicomTag.SliceThickness) is [> 0 and var thickness] ? thickness : null,
            CarriedAttributes.Of(image, name));
    }
}
