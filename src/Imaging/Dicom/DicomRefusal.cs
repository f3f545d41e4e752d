namespace ToNNO.Imaging.Dicom;

/// <summary>Says why a DICOM file, or a zip, that no series was listed of is no volume.</summary>
internal static class DicomRefusal
{
    /// <exception cref="ImagingException">It is DICOM or a zip; the reason says what is wrong with it.</exception>
    public static void ThrowIfDicom(string path, string name)
    {
        if (!File.Exists(path))
        {
            return; // the reader of NIfTI tells of what is missing
        }

        using var container = DicomContainer.Open(path, name);
        if (DicomContainer.IsZip(path, name))
        {
            throw new ImagingException(RejectReason.ZipEmpty, $"{name} is a zip without volumes: no DICOM series and no file named .nii or .nii.gz was found in it.");
        }

        ThrowIfDicom(container.Files[0], name);
    }

    /// <inheritdoc cref="ThrowIfDicom(string, string)"/>
    public static void ThrowIfDicom(ContainedFile file, string name)
    {
        if (DicomContainer.IsZip(file.Read(DicomContainer.ZipSniffBytes, name)))
        {
            throw new ImagingException(RejectReason.ZipRemote, $"{name} is a zip that lies in another file or on no disk, where zips are not read: unpack it, or copy it to a disk.");
        }

        if (DicomListing.Head(file, DicomTag.Listing, DicomTag.LastListed, name) is not { } head)
        {
            return;
        }

        throw DicomObject.Of(head.DataSet)?.Role switch
        {
            null => DicomImage.Missing(name, "SeriesInstanceUID"),
            DicomRole.NotImage => new ImagingException(RejectReason.DicomNotImage, $"{name} holds no pixels: give the images that it belongs to."),
            DicomRole.OtherImage => new ImagingException(RejectReason.DicomNotAStack, $"{name} is no CT, MR or PET image, so it makes no volume: give a series of those."),
            DicomRole.Localizer => new ImagingException(RejectReason.DicomLocalizer, $"{name} is a localizer, an overview to plan slices on: give the series that was planned."),
            _ => new ImagingException(RejectReason.SourceChanged, $"{name} was changed while it was being processed; run it again."),
        };
    }
}
