using System.Buffers.Binary;

namespace ToNNO.Imaging.Nifti;

/// <summary>Byte offsets of the header fields in the two versions of the standard (nifti1.h, nifti2.h).</summary>
internal sealed record NiftiLayout
{
    public static NiftiLayout V1 { get; } = new()
    {
        Version = 1,
        SizeBytes = 348,
        RealWidth = 4,
        DimWidth = 2,
        CodeWidth = 2,
        UnitsWidth = 1,
        Magic = 344,
        DataType = 70,
        BitPix = 72,
        Dim = 40,
        PixDim = 76,
        VoxOffset = 108,
        SclSlope = 112,
        SclInter = 116,
        CalMax = 124,
        CalMin = 128,
        Description = 148,
        QFormCode = 252,
        SFormCode = 254,
        Quaternion = 256,
        QOffset = 268,
        SRows = 280,
        XyztUnits = 123,
        SingleFileMagic = "n+1\0"u8.ToArray(),
        PairMagic = "ni1\0"u8.ToArray(),
    };

    public static NiftiLayout V2 { get; } = new()
    {
        Version = 2,
        SizeBytes = 540,
        RealWidth = 8,
        DimWidth = 8,
        CodeWidth = 4,
        UnitsWidth = 4,
        Magic = 4,
        DataType = 12,
        BitPix = 14,
        Dim = 16,
        PixDim = 104,
        VoxOffset = 168,
        SclSlope = 176,
        SclInter = 184,
        CalMax = 192,
        CalMin = 200,
        Description = 240,
        QFormCode = 344,
        SFormCode = 348,
        Quaternion = 352,
        QOffset = 376,
        SRows = 400,
        XyztUnits = 500,
        // The bytes after the name betray a transfer as text, which would have spoilt the voxels too.
        SingleFileMagic = "n+2\0\r\n\x1a\n"u8.ToArray(),
        PairMagic = "ni2\0\r\n\x1a\n"u8.ToArray(),
    };

    public required int Version { get; init; }

    public required int SizeBytes { get; init; }

    public required int RealWidth { get; init; }

    public required int DimWidth { get; init; }

    public required int CodeWidth { get; init; }

    public required int UnitsWidth { get; init; }

    public required int Magic { get; init; }

    public required int DataType { get; init; }

    public required int BitPix { get; init; }

    public required int Dim { get; init; }

    public required int PixDim { get; init; }

    public required int VoxOffset { get; init; }

    public required int SclSlope { get; init; }

    public required int SclInter { get; init; }

    public required int CalMax { get; init; }

    public required int CalMin { get; init; }

    public required int Description { get; init; }

    public required int QFormCode { get; init; }

    public required int SFormCode { get; init; }

    public required int Quaternion { get; init; }

    public required int QOffset { get; init; }

    public required int SRows { get; init; }

    public required int XyztUnits { get; init; }

    public required byte[] SingleFileMagic { get; init; }

    public required byte[] PairMagic { get; init; }

    /// <summary>Where voxels start in a file that holds nothing but header and voxels: four bytes say "no extension".</summary>
    public int SingleFileVoxOffset => SizeBytes + 4;

    public static NiftiLayout Of(int version) => version == 1 ? V1 : V2;

    /// <summary>Version and byte order, told by the header's first field, its own size; null for anything else.</summary>
    public static (NiftiLayout Layout, bool BigEndian)? Detect(ReadOnlySpan<byte> header)
    {
        foreach (var layout in (ReadOnlySpan<NiftiLayout>)[V1, V2])
        {
            if (BinaryPrimitives.ReadInt32LittleEndian(header) == layout.SizeBytes)
            {
                return (layout, false);
            }

            if (BinaryPrimitives.ReadInt32BigEndian(header) == layout.SizeBytes)
            {
                return (layout, true);
            }
        }

        return null;
    }
}
