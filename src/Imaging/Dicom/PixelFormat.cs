namespace ToNNO.Imaging.Dicom;

/// <summary>How the pixels of an image are laid out: rows of one grey sample each (PS3.5, section 8).</summary>
internal sealed record PixelFormat(int Rows, int Columns, int BitsAllocated, int BitsStored, int HighBit, bool IsSigned)
{
    public int PixelsPerFrame => Rows * Columns;

    public int FrameBytes => PixelsPerFrame * (BitsAllocated / 8);

    /// <summary>Every stored value fits an int16 with its sign.</summary>
    public bool FitsInt16 => BitsStored < 16 || IsSigned;

    /// <exception cref="ImagingException">Pixels are not there, in colour, or of a form that is not read.</exception>
    public static PixelFormat Of(DataSet image, string name)
    {
        if (Required(DicomTag.SamplesPerPixel, "SamplesPerPixel") != 1 || image.Text(DicomTag.PhotometricInterpretation) is not ("MONOCHROME1" or "MONOCHROME2"))
        {
            throw new ImagingException(RejectReason.DicomColour, $"{name} holds colours, not one intensity per pixel: give the grey images that it was made of.");
        }

        var format = new PixelFormat(
            Required(DicomTag.Rows, "Rows"),
            Required(DicomTag.Columns, "Columns"),
            Required(DicomTag.BitsAllocated, "BitsAllocated"),
            Required(DicomTag.BitsStored, "BitsStored"),
            Required(DicomTag.HighBit, "HighBit"),
            Required(DicomTag.PixelRepresentation, "PixelRepresentation") == 1);
        if (format.BitsAllocated is not (8 or 16))
        {
            throw new ImagingException(
                RejectReason.DicomPixelsUnsupported, $"{name} has pixels of {format.BitsAllocated} bits, and only 8 and 16 are read: convert it first.");
        }

        return format is { Rows: > 0, Columns: > 0, BitsStored: > 0 } && format.HighBit < format.BitsAllocated && format.BitsStored <= format.HighBit + 1
            && (long)format.Rows * format.Columns * 2 <= Array.MaxLength
            ? format
            : throw new ImagingException(
                RejectReason.DicomAttributeInvalid,
                $"{name} describes pixels that cannot be ({format.Rows}x{format.Columns}, {format.BitsStored} of {format.BitsAllocated} bits, the highest {format.HighBit}): export it again from its archive.");

        int Required(uint tag, string keyword) => image.UnsignedShort(tag) ?? throw DicomImage.Missing(name, keyword);
    }

    /// <summary>The stored value that a word's bits hold.</summary>
    public int Value(int word)
    {
        var up = 32 - HighBit - 1;
        return IsSigned ? (word << up) >> (32 - BitsStored) : (int)((uint)(word << up) >> (32 - BitsStored));
    }
}
