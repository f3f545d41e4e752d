using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Dicom;

/// <summary>Says why a DICOM file, or a zip, that no series was listed of is no volume.</summary>
internal static class DicomRefusal
{
    /// <param name="path">Of a zip that is asked for as a volume. Called as volumes are, it was not looked into.</param>
    public static ImagingException Zip(string path, string name) => NiftiFiles.IsCalledSo(path)
        ? new(RejectReason.NotNifti, $"{name} is a zip, not NIfTI: give it its own name (.zip), so that what it holds is found.")
        : new(RejectReason.ZipEmpty, $"{name} is a zip without volumes: no DICOM series and no file named .nii, .nii.gz or .hdr was found in it.");

    public static ImagingException Localizer(string name) => new(
        RejectReason.DicomLocalizer, $"{name} is a localizer, an overview to plan slices on: give the series that was planned.");

    /// <exception cref="ImagingException">It is DICOM; the reason says what is wrong with it.</exception>
    public static void ThrowIfDicom(ContainedFile file, string name)
    {
        if (DicomListing.Head(file, DicomTag.Listing, DicomTag.LastListed, name) is not { } head)
        {
            return;
        }

        throw DicomObject.Of(head.DataSet)?.Role switch
        {
            null => DicomImage.Missing(name, head.DataSet.Text(DicomTag.SeriesInstanceUid) is null ? "SeriesInstanceUID" : "SOPClassUID"),
            DicomRole.NotImage => new ImagingException(RejectReason.DicomNotImage, $"{name} holds no pixels: give the images that it belongs to."),
            DicomRole.OtherImage => new ImagingException(RejectReason.DicomNotAStack, $"{name} is no CT, MR or PET image, so it makes no volume: give a series of those."),
            DicomRole.Localizer => Localizer(name),
            _ when NiftiFiles.IsCalledSo(file.Path) => new ImagingException(
                RejectReason.NotNifti, $"{name} is a DICOM file, not NIfTI: give it its own name (.dcm), so that its series is found."),
            _ => new ImagingException(RejectReason.SourceChanged, $"{name} was changed while it was being processed; run it again."),
        };
    }
}
