using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom;

/// <summary>Planes that fill a volume: their order, and its affine.</summary>
/// <param name="Order">By place in the volume: index of the plane, as given.</param>
/// <param name="Affine">Voxel index to RAS+ mm. i counts along rows, j along columns, k from plane to plane along their normal.</param>
/// <param name="Tilt">Of a tilted gantry, which the affine is without; null where planes stand straight.</param>
internal sealed record SliceStack(IReadOnlyList<int> Order, AffineTransform Affine, StackTilt? Tilt = null)
{
    /// <summary>Most that direction cosines may differ from the first plane's: half a millimetre at a metre's distance. Files round them to four
    /// decimals or more.</summary>
    private const double OrientationTolerance = 5e-4;

    /// <summary>Most that a plane may lie away from its place in an even stack, in spacings.</summary>
    private const double SpacingTolerance = 0.05;

    /// <summary>The same in mm, but no more than a quarter of a spacing: files round positions to a tenth.</summary>
    private const double RoundingMm = 0.1;

    /// <summary>Most that a plane may lie beside the stack's line, in pixels.</summary>
    private const double AcrossTolerance = 0.1;

    /// <summary>Least angle between the stack's line and the planes' normal that is called a tilt, degrees. What is below is rounding of directions,
    /// and the affine follows it.</summary>
    private const double LeastTilt = 0.1;

    /// <summary>Orders planes by where they lie, whatever they are numbered, and refuses those that are no even stack.</summary>
    /// <param name="name">What messages call the series.</param>
    /// <param name="takesTilted">A stack of a tilted gantry is not refused.</param>
    /// <exception cref="ImagingException">The planes are too few, at odds with each other, doubled, missing, uneven, or sheared.</exception>
    public static SliceStack Of(IReadOnlyList<SlicePlace> places, string name, bool takesTilted = false)
    {
        if (places.Count < 2)
        {
            throw new ImagingException(RejectReason.VolumeNot3D, $"{name} is a single slice: give the whole series, at least 2 slices.");
        }

        RequireAlike(places, name);
        var normal = places[0].Normal.Normalized();
        var order = Enumerable.Range(0, places.Count).OrderBy(at => places[at].Position.Dot(normal)).ToArray();
        var positions = order.Select(at => places[at].Position).ToArray();
        var gaps = positions.Zip(positions.Skip(1), (here, next) => (next - here).Dot(normal)).ToArray();
        var pixelMm = Math.Min(places[0].ColumnSpacingMm, places[0].RowSpacingMm);
        var typical = gaps.Order().ElementAt((gaps.Length - 1) / 2);
        RequireDistinct(positions, gaps, typical, AcrossTolerance * pixelMm, name);
        var step = (1.0 / gaps.Length) * (positions[^1] - positions[0]);
        RequireEven(positions, gaps, typical, step, normal, name);
        RequireInLine(positions, step, normal, AcrossTolerance * pixelMm, name);
        var first = places[order[0]];
        var tilt = TiltOf(first, step, normal, gaps.Length, takesTilted, name);
        return new(order, new(
            Ras(first.ColumnSpacingMm * first.RowDirection), Ras(first.RowSpacingMm * first.ColumnDirection), Ras(tilt?.StepMm ?? step), Ras(first.Position)), tilt);
    }

    /// <summary>From DICOM's world to ours: the one place where the axes are turned.</summary>
    private static Vector3D Ras(Vector3D lps) => new(-lps.X, -lps.Y, lps.Z);

    private static void RequireAlike(IReadOnlyList<SlicePlace> places, string name)
    {
        var first = places[0];
        foreach (var place in places)
        {
            // Rounded to three decimals, a unit vector is that long within 1e-3; farther off it is none.
            if (!(Math.Abs(place.RowDirection.Length - 1) < 1e-3 && Math.Abs(place.ColumnDirection.Length - 1) < 1e-3
                && Math.Abs(place.RowDirection.Dot(place.ColumnDirection)) < 1e-3 && place is { RowSpacingMm: > 0, ColumnSpacingMm: > 0 }))
            {
                throw new ImagingException(
                    RejectReason.VolumeGeometryInvalid, $"{name} has slices whose rows and columns are not at right angles, or pixels without a size: export it again from its archive.");
            }

            if (Apart(place.RowDirection, first.RowDirection) || Apart(place.ColumnDirection, first.ColumnDirection))
            {
                throw new ImagingException(
                    RejectReason.DicomMixedOrientations, $"{name} holds slices of different orientations, so it is no single stack: split it by orientation.");
            }

            if (Differ(place.RowSpacingMm, first.RowSpacingMm) || Differ(place.ColumnSpacingMm, first.ColumnSpacingMm))
            {
                throw new ImagingException(RejectReason.DicomMixedSeries, $"{name} holds slices of different pixel sizes, so it is no single volume: split it.");
            }
        }

        static bool Apart(Vector3D here, Vector3D there) => !((here - there).Length <= OrientationTolerance);

        static bool Differ(double here, double there) => !(Math.Abs(here - there) <= 1e-4 * there);
    }

    private static void RequireDistinct(Vector3D[] positions, double[] gaps, double typical, double acrossMm, string name)
    {
        // A micrometre, where all are doubled.
        var together = Enumerable.Range(0, gaps.Length).Where(at => gaps[at] <= Math.Max(1e-3, SpacingTolerance * typical)).ToList();
        if (together.Count == 0)
        {
            return;
        }

        var beside = together.Count(at => (positions[at + 1] - positions[at]).Length > acrossMm + Math.Abs(gaps[at]));
        throw beside > 0
            ? new ImagingException(
                RejectReason.DicomMixedPositions, $"{name} holds {beside} slices that lie beside others in the same plane, so it is no single stack: split it.")
            : new ImagingException(
                RejectReason.DicomDuplicatePositions,
                $"{name} holds {together.Count} slices where another lies already (several phases, echoes or copies): give one of them only.");
    }

    private static void RequireEven(Vector3D[] positions, double[] gaps, double typical, Vector3D step, Vector3D normal, string name)
    {
        var spacing = step.Dot(normal);
        var farthest = Enumerable.Range(0, positions.Length).Max(at => Math.Abs((positions[at] - positions[0]).Dot(normal) - (at * spacing)));
        if (farthest <= Math.Max(SpacingTolerance * spacing, Math.Min(RoundingMm, spacing / 4)))
        {
            return;
        }

        // Files round positions, so a gap of two is one within a tenth.
        var missing = gaps.Sum(gap => Math.Round(gap / typical) - 1);
        throw missing > 0 && missing <= positions.Length && gaps.All(gap => Math.Abs((gap / typical) - Math.Round(gap / typical)) <= 0.1)
            ? new ImagingException(
                RejectReason.DicomMissingSlices, FormattableString.Invariant($"{name} lacks {missing} slices among its {positions.Length}: fetch it again from its archive."))
            : new ImagingException(
                RejectReason.DicomUnevenSpacing,
                FormattableString.Invariant($"{name} has slices {gaps.Min():0.###} to {gaps.Max():0.###} mm apart, not evenly spaced: resample it, or split it."));
    }

    private static void RequireInLine(Vector3D[] positions, Vector3D step, Vector3D normal, double acrossMm, string name)
    {
        var beside = Enumerable.Range(0, positions.Length).Count(at => Across(positions[at] - positions[0] - (at * step), normal) > acrossMm);
        if (beside > 0)
        {
            throw new ImagingException(
                RejectReason.DicomMixedPositions, $"{name} holds {beside} slices that are shifted against the others within their plane, so it is no single stack: split it.");
        }

    }

    /// <returns>Null where planes stand straight above each other.</returns>
    private static StackTilt? TiltOf(SlicePlace first, Vector3D step, Vector3D normal, int steps, bool takesTilted, string name)
    {
        var degrees = Math.Atan2(Across(step, normal), step.Dot(normal)) * 180 / Math.PI;
        if (degrees <= LeastTilt)
        {
            return null;
        }

        if (!takesTilted)
        {
            throw new ImagingException(
                RejectReason.DicomGantryTilt,
                FormattableString.Invariant($"{name} was taken with a tilted gantry ({degrees:0.#} degrees): its slices are shifted step by step; give --resample-tilted, or resample it to a straight stack first."));
        }

        // The step's part within the plane, by columns and rows, whose directions files round to all but right angles.
        var (column, row) = (first.ColumnSpacingMm * first.RowDirection, first.RowSpacingMm * first.ColumnDirection);
        var determinant = (column.Dot(column) * row.Dot(row)) - (column.Dot(row) * column.Dot(row));
        return new(
            Shift(((step.Dot(column) * row.Dot(row)) - (step.Dot(row) * column.Dot(row))) / determinant),
            Shift(((step.Dot(row) * column.Dot(column)) - (step.Dot(column) * column.Dot(row))) / determinant),
            step.Dot(normal) * normal);

        double Shift(double pixels) => Math.Abs(steps * pixels) < AcrossTolerance ? 0 : pixels;
    }

    private static double Across(Vector3D way, Vector3D normal) => (way - (way.Dot(normal) * normal)).Length;
}
