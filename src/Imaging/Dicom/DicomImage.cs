namespace ToNNO.Imaging.Dicom;

/// <summary>One plane of an image, and how its stored values become intensities.</summary>
/// <param name="Index">Its place among the frames of its file.</param>
internal sealed record ImageFrame(int Index, SlicePlace Place, double Slope, double Intercept, FrameKind Kind);

/// <summary>What an image file says of its planes: one, or the frames of an Enhanced one.</summary>
internal sealed record DicomImage
{
    private const int MostFrames = 1 << 20;

    public required string SopClass { get; init; }

    public required string Modality { get; init; }

    /// <summary>Empty where the file names none.</summary>
    public required string FrameOfReference { get; init; }

    /// <summary>Tells patients and studies apart, and cannot be read back.</summary>
    public required string Subject { get; init; }

    /// <summary>What intensities stand for, as far as it is of the whole file: whether bright is much, and their unit.</summary>
    public required string Intensities { get; init; }

    public required PixelFormat Format { get; init; }

    /// <summary>Slices that a PET series claims to have; 0 where the file does not tell.</summary>
    public required int ClaimedSlices { get; init; }

    /// <summary>Its number within its series; null where the file does not tell.</summary>
    public required int? InstanceNumber { get; init; }

    /// <summary>From slice to slice, as the scanner meant it: SpacingBetweenSlices, else SliceThickness; null where the file tells neither.</summary>
    public required double? StepMm { get; init; }

    /// <summary>Its frames are told apart by numbers, be it one or many.</summary>
    public required bool IsMultiFrame { get; init; }

    public required IReadOnlyList<ImageFrame> Frames { get; init; }

    /// <exception cref="ImagingException">The file is no image that can be a part of a volume.</exception>
    public static DicomImage Of(DicomFile file, string name)
    {
        var image = file.DataSet;
        var types = image.Text(DicomTag.ImageType)?.Split('\\') ?? [];
        if (types.Contains("MOSAIC"))
        {
            throw new ImagingException(
                RejectReason.DicomMosaic, $"{name} holds many slices side by side in one picture (a mosaic): have the scanner or a converter take them apart.");
        }

        if (image.Find(DicomTag.PixelData) is null)
        {
            throw new ImagingException(RejectReason.DicomNotImage, $"{name} holds no pixels: give the images that it belongs to.");
        }

        return new DicomImage
        {
            SopClass = image.Text(DicomTag.SopClassUid) ?? throw Missing(name, "SOPClassUID"),
            Modality = image.Text(DicomTag.Modality) ?? "",
            FrameOfReference = image.Text(DicomTag.FrameOfReferenceUid) ?? "",
            Subject = Pseudonym.Of($"{image.Text(DicomTag.PatientId)}\n{image.Text(DicomTag.StudyInstanceUid)}"),
            Intensities = $"{image.Text(DicomTag.PhotometricInterpretation)}\n{image.Text(DicomTag.Units)}",
            Format = PixelFormat.Of(image, name),
            ClaimedSlices = image.UnsignedShort(DicomTag.NumberOfSlices) ?? 0,
            InstanceNumber = int.TryParse(image.Text(DicomTag.InstanceNumber), out var number) ? number : null,
            StepMm = image.Decimals(DicomTag.SpacingBetweenSlices) is [> 0 and var between] ? between : image.Decimals(DicomTag.SliceThickness) is [> 0 and var thickness] ? thickness : null,
            IsMultiFrame = image.Find(DicomTag.NumberOfFrames) is not null,
            Frames = FramesOf(file, types, name),
        };
    }

    public static ImagingException Missing(string name, string keyword) => new(
        RejectReason.DicomAttributeMissing, $"{name} lacks {keyword}, or gives no sound value for it: export it again from its archive.");

    private static List<ImageFrame> FramesOf(DicomFile file, string[] types, string name)
    {
        var (image, count) = (file.DataSet, 1);
        if (image.Text(DicomTag.NumberOfFrames) is { } text && !(int.TryParse(text, out count) && count is > 0 and <= MostFrames))
        {
            throw Missing(name, "NumberOfFrames");
        }

        if (image.Find(DicomTag.ModalityLutSequence) is not null)
        {
            throw new ImagingException(
                RejectReason.DicomPixelsUnsupported, $"{name} gives its intensities by a table, which is not read: convert it to rescaled values first.");
        }

        var (shared, each) = (image.Items(DicomTag.SharedFunctionalGroupsSequence), image.Items(DicomTag.PerFrameFunctionalGroupsSequence));
        if (each.Count == 0 && shared.Count == 0 && count == 1)
        {
            return [FrameOf(0, _ => image)];
        }

        if (each.Count != count)
        {
            throw new ImagingException(
                RejectReason.DicomAttributeMissing, $"{name} places {each.Count} of its {count} frames, so that where the others lie is unknown: export it again from its archive.");
        }

        var frames = new List<ImageFrame>(count);
        for (var index = 0; index < count; index++)
        {
            var own = each[index];
            frames.Add(FrameOf(index, tag => own.Items(tag) is [var group, ..] ? group : shared is [var all, ..] && all.Items(tag) is [var common, ..] ? common : null));
        }

        // Some programs take these for all frames, others pass over them.
        if (frames.Any(frame => !frame.Kind.IsRescaled) && RescaleOf(image, name) is not null)
        {
            throw new ImagingException(
                RejectReason.DicomAttributeInvalid, $"{name} gives a rescale slope and intercept outside of its frames, where they have no meaning in an Enhanced file: export it again from its archive.");
        }

        return frames;

        ImageFrame FrameOf(int index, Func<uint, DataSet?> group)
        {
            var place = PlaceOf(group(DicomTag.PlanePositionSequence), group(DicomTag.PlaneOrientationSequence), group(DicomTag.PixelMeasuresSequence), name);
            var rescale = RescaleOf(group(DicomTag.PixelValueTransformationSequence), name);
            var (slope, intercept) = rescale ?? (1, 0);
            return new(index, place, slope, intercept, FrameKind.Of(file, group, types, rescale is not null));
        }
    }

    private static SlicePlace PlaceOf(DataSet? position, DataSet? orientation, DataSet? measures, string name)
    {
        var at = Numbers(position, DicomTag.ImagePositionPatient, 3, "ImagePositionPatient");
        var axes = Numbers(orientation, DicomTag.ImageOrientationPatient, 6, "ImageOrientationPatient");
        var spacing = Numbers(measures, DicomTag.PixelSpacing, 2, "PixelSpacing");
        return new(new(at[0], at[1], at[2]), new(axes[0], axes[1], axes[2]), new(axes[3], axes[4], axes[5]), spacing[1], spacing[0]);

        double[] Numbers(DataSet? set, uint tag, int count, string keyword) =>
            set?.Decimals(tag) is { } values && values.Length == count ? values : throw Missing(name, keyword);
    }

    /// <summary>Null where stored values are the intensities, as neither number is there, or both are empty.</summary>
    /// <remarks>Wherever the two are used, both must be there and have a value (PS3.3, C.11.1.1). To take 1 for a slope that one slice lacks would make it shine among
    /// those that have theirs, as slices of PET do.</remarks>
    private static (double Slope, double Intercept)? RescaleOf(DataSet? set, string name)
    {
        if (set?.Text(DicomTag.RescaleSlope) is null && set?.Text(DicomTag.RescaleIntercept) is null)
        {
            return null;
        }

        var (slope, intercept) = (Number(DicomTag.RescaleSlope, "RescaleSlope"), Number(DicomTag.RescaleIntercept, "RescaleIntercept"));
        return slope != 0 ? (slope, intercept) : throw Missing(name, "RescaleSlope");

        double Number(uint tag, string keyword) => set.Decimals(tag) is [var value] ? value : throw Missing(name, keyword);
    }
}
