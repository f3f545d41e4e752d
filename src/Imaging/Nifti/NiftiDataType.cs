namespace ToNNO.Imaging.Nifti;

/// <summary>Stored sample types that can be a volume; the numbers are the standard's.</summary>
public enum NiftiDataType
{
    Unknown = 0,
    UInt8 = 2,
    Int16 = 4,
    Int32 = 8,
    Float32 = 16,
    Float64 = 64,
    Int8 = 256,
    UInt16 = 512,
    UInt32 = 768,
    Int64 = 1024,
    UInt64 = 1280,
}

internal static class NiftiDataTypes
{
    public static int SizeBytes(this NiftiDataType type) => type switch
    {
        NiftiDataType.UInt8 or NiftiDataType.Int8 => 1,
        NiftiDataType.Int16 or NiftiDataType.UInt16 => 2,
        NiftiDataType.Int32 or NiftiDataType.UInt32 or NiftiDataType.Float32 => 4,
        NiftiDataType.Float64 or NiftiDataType.Int64 or NiftiDataType.UInt64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a stored sample type."),
    };

    /// <exception cref="ImagingException">Colour, complex numbers, or a type that is not read.</exception>
    public static NiftiDataType FromCode(long code, string name) => code switch
    {
        2 or 4 or 8 or 16 or 64 or 256 or 512 or 768 or 1024 or 1280 => (NiftiDataType)code,
        128 or 2304 => throw new ImagingException(
            RejectReason.NiftiRgb, $"{name} holds colours, not one intensity per voxel: convert it to grey values first."),
        32 or 1792 or 2048 => throw new ImagingException(
            RejectReason.NiftiComplex, $"{name} holds complex numbers: convert it to magnitudes first."),
        _ => throw new ImagingException(
            RejectReason.NiftiDatatypeUnsupported,
            $"{name} has NIfTI datatype {code}, which is not read: convert it to float32 first."),
    };
}
