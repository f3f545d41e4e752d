namespace ToNNO.Imaging.Dicom;

/// <summary>What series are chosen by, of one of their files.</summary>
/// <param name="Modality">Empty where the file does not tell; the texts likewise.</param>
/// <param name="ImageTypes">The values of ImageType.</param>
/// <param name="Description">Of the series. It may name anything, a patient too: not for print.</param>
/// <param name="Slices">Frames of the file.</param>
/// <param name="ThicknessMm">Of its slices; null where the file does not tell.</param>
public sealed record SliceFacts(string Modality, IReadOnlyList<string> ImageTypes, string Description, int Slices, double? ThicknessMm)
{
    internal static SliceFacts Of(DataSet header)
    {
        var measures = header.Items(DicomTag.SharedFunctionalGroupsSequence) is [var shared, ..] && shared.Items(DicomTag.PixelMeasuresSequence) is [var common, ..] ? common : null;
        return new(
            header.Text(DicomTag.Modality) ?? "",
            header.Text(DicomTag.ImageType)?.Split('\\') ?? [],
            CharacterSet.Text(header, DicomTag.SeriesDescription),
            int.TryParse(header.Text(DicomTag.NumberOfFrames), out var frames) && frames > 0 ? frames : 1,
            (measures?.Decimals(DicomTag.SliceThickness) ?? header.Decimals(DicomTag.SliceThickness)) is [var thickness] ? thickness : null);
    }
}
