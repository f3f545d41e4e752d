using System.Buffers.Binary;

namespace ToNNO.Imaging.Dicom;

/// <summary>What the planes of one volume are alike in, be they files of their own or frames of one.</summary>
internal sealed record FrameKind
{
    public required bool IsLocalizer { get; init; }

    /// <summary>It is projected from other slices, as overviews are.</summary>
    public required bool IsProjection { get; init; }

    /// <summary>Stored values become intensities by a slope and an intercept.</summary>
    public required bool IsRescaled { get; init; }

    /// <summary>What intensities stand for; null where the file does not tell.</summary>
    public required string? RescaleType { get; init; }

    /// <summary>Of MR, ms; null where the file tells none.</summary>
    public required double? EchoTime { get; init; }

    /// <summary>Tells the stacks of one Enhanced file apart; null where the file does not tell.</summary>
    public required string? Stack { get; init; }

    /// <param name="group">The attributes of a functional group, by its sequence; of a plain image, those of the file, whatever the group. Null where there are none.</param>
    /// <param name="types">The file's ImageType. What it says goes for all frames; a frame may say more.</param>
    public static FrameKind Of(DicomFile file, Func<uint, DataSet?> group, IReadOnlyList<string> types, bool isRescaled)
    {
        var own = Type(DicomTag.CtImageFrameTypeSequence) ?? Type(DicomTag.MrImageFrameTypeSequence) ?? Type(DicomTag.PetFrameTypeSequence) ?? [];
        return new FrameKind
        {
            IsLocalizer = Is("LOCALIZER"),
            IsProjection = Is("MIP") || Is("PROJECTION IMAGE"),
            IsRescaled = isRescaled,
            RescaleType = group(DicomTag.PixelValueTransformationSequence)?.Text(DicomTag.RescaleType),
            EchoTime = EchoMilliseconds(file, group) is { } milliseconds && double.IsFinite(milliseconds) ? milliseconds : null,
            Stack = group(DicomTag.FrameContentSequence) is { } content && content != file.DataSet ? content.Text(DicomTag.StackId) : null,
        };

        string[]? Type(uint sequence) => group(sequence)?.Text(DicomTag.FrameType)?.Split('\\');

        bool Is(string type) => types.Contains(type) || own.Contains(type);
    }

    /// <summary>As an Enhanced file gives it, else as one that was converted from plain ones kept it, else as a plain one does.</summary>
    private static double? EchoMilliseconds(DicomFile file, Func<uint, DataSet?> group)
    {
        if (group(DicomTag.MrEchoSequence)?.Find(DicomTag.EffectiveEchoTime) is { Value: { Length: sizeof(double) } value })
        {
            return file.Syntax.IsBigEndian ? BinaryPrimitives.ReadDoubleBigEndian(value.Span) : BinaryPrimitives.ReadDoubleLittleEndian(value.Span);
        }

        var times = group(DicomTag.UnassignedPerFrameConvertedAttributesSequence)?.Decimals(DicomTag.EchoTime)
            ?? group(DicomTag.UnassignedSharedConvertedAttributesSequence)?.Decimals(DicomTag.EchoTime)
            ?? file.DataSet.Decimals(DicomTag.EchoTime);
        return times is [var milliseconds] ? milliseconds : null;
    }
}
