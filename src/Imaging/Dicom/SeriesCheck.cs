namespace ToNNO.Imaging.Dicom;

/// <summary>Whether a series' planes are of one volume, by all but where they lie, which <see cref="SliceStack"/> judges.</summary>
internal static class SeriesCheck
{
    /// <summary>As files round them.</summary>
    private const double EchoToleranceMs = 0.02;

    /// <summary>Refuses a series of planes that are unlike, be they files or frames of one.</summary>
    public static void RequireOneKind(IReadOnlyList<(DicomSeries.Instance Instance, ImageFrame Frame)> planes, string name)
    {
        var localizers = planes.Count(plane => plane.Frame.Kind.IsLocalizer);
        if (localizers > 0)
        {
            throw localizers == planes.Count ? DicomRefusal.Localizer(name) : new ImagingException(
                RejectReason.DicomLocalizer, $"{name} holds a localizer among its slices: take it out, as it is no part of the volume.");
        }

        var (first, firstKind) = (planes[0].Instance.Image, planes[0].Frame.Kind);
        static bool IsSameEcho(double? here, double? there) => here is null ? there is null : Math.Abs(here.Value - (there ?? double.NaN)) <= EchoToleranceMs;
        foreach (var (image, kind) in planes.Select(plane => (plane.Instance.Image, plane.Frame.Kind)))
        {
            var differing =
                image.SopClass != first.SopClass || image.Modality != first.Modality ? "kinds of images"
                : image.Subject != first.Subject ? "patients or studies"
                : image.FrameOfReference != first.FrameOfReference ? "frames of reference"
                : (image.Intensities, kind.RescaleType, kind.IsRescaled) != (first.Intensities, firstKind.RescaleType, firstKind.IsRescaled)
                    ? "kinds of intensities (their unit, whether bright is much, or whether they are rescaled)"
                : !IsSameEcho(kind.EchoTime, firstKind.EchoTime) ? "echo times"
                : kind.IsProjection != firstKind.IsProjection ? "slices and projections"
                : kind.Stack is { } stack && image.Frames[0].Kind.Stack is { } firstStack && stack != firstStack ? "stacks"
                : (image.Format.Rows, image.Format.Columns) != (first.Format.Rows, first.Format.Columns) ? "image sizes"
                : null;
            if (differing is not null)
            {
                throw new ImagingException(RejectReason.DicomMixedSeries, $"{name} mixes different {differing}, so it is no single volume: split it.");
            }
        }
    }

    /// <summary>Refuses a series that has fewer planes than one of its files says.</summary>
    public static void RequireAsManyAsClaimed(IReadOnlyList<(DicomSeries.Instance Instance, ImageFrame Frame)> planes, string name)
    {
        if (planes.Max(plane => plane.Instance.Image.ClaimedSlices) is var claimed && claimed > planes.Count)
        {
            throw new ImagingException(
                RejectReason.DicomMissingSlices, $"{name} holds {planes.Count} of the {claimed} slices that it says it has: fetch it again from its archive.");
        }
    }

    /// <summary>Refuses a stack of which every second slice (or two of three, ...) is gone: its spacing is even all the same. That its numbers leave out as many
    /// does not say so alone: they do where the echoes of one series were split.</summary>
    /// <param name="inOrder">The image of each slice.</param>
    public static void RequireNotThinned(IReadOnlyList<DicomImage> inOrder, double spacingMm, string name)
    {
        var steps = inOrder.Zip(inOrder.Skip(1), (here, next) => next.InstanceNumber - here.InstanceNumber).Distinct().ToList();
        if (inOrder.Count > 2 && steps is [int step] && Math.Abs((long)step) is > 1 and var each && inOrder[0].StepMm is { } stepMm && Math.Abs(spacingMm - (each * stepMm)) <= 0.05 * stepMm)
        {
            throw new ImagingException(
                RejectReason.DicomMissingSlices,
                FormattableString.Invariant($"{name} has every {each}th slice alone, by their numbers and the {stepMm:0.###} mm between them that its files tell: fetch it again from its archive."));
        }
    }
}
