using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom;

/// <summary>How slices of a tilted gantry are shifted against the first, each further than the one before.</summary>
/// <param name="ColumnsPerSlice">Pixels along a row from one slice to the next.</param>
/// <param name="RowsPerSlice">Pixels along a column.</param>
/// <param name="StepMm">From plane to plane along their normal, LPS.</param>
internal sealed record StackTilt(double ColumnsPerSlice, double RowsPerSlice, Vector3D StepMm);

/// <summary>The straight grid that holds all slices of a tilted stack whole: the pixels of the first, carried on to either side.</summary>
internal sealed class StraightGrid
{
    /// <summary>Less of a pixel is the rounding of positions.</summary>
    private const double LeastShift = 1e-4;

    private readonly StackTilt _tilt;
    private readonly (int Columns, int Rows) _slice;

    /// <exception cref="ImagingException">The last slice would lie beside the first.</exception>
    public StraightGrid(StackTilt tilt, int columns, int rows, int slices, string name)
    {
        var (across, down) = ((slices - 1) * tilt.ColumnsPerSlice, (slices - 1) * tilt.RowsPerSlice);
        if (!(Math.Abs(across) <= columns && Math.Abs(down) <= rows))
        {
            throw new ImagingException(
                RejectReason.DicomGantryTilt, $"{name} has slices that are shifted by more than their own width from first to last, which no tilted gantry does: export it again from its archive.");
        }

        (_tilt, _slice) = (tilt, (columns, rows));
        (FirstColumn, FirstRow) = ((int)Math.Floor(Math.Min(0, across)), (int)Math.Floor(Math.Min(0, down)));
        Shape = new(columns + (int)Math.Ceiling(Math.Max(0, across)) - FirstColumn, rows + (int)Math.Ceiling(Math.Max(0, down)) - FirstRow, slices);
    }

    public VolumeShape Shape { get; }

    /// <summary>Where the grid begins, in columns of the first slice: 0 or less.</summary>
    public int FirstColumn { get; }

    /// <summary>Likewise in rows.</summary>
    public int FirstRow { get; }

    public int PlanePixels => Shape.I * Shape.J;

    /// <summary>Where a plane of the grid lies.</summary>
    /// <param name="first">The first slice.</param>
    public SlicePlace PlaceOf(int plane, SlicePlace first) => first with
    {
        Position = first.Position + (plane * _tilt.StepMm) + (FirstColumn * first.ColumnSpacingMm * first.RowDirection) + (FirstRow * first.RowSpacingMm * first.ColumnDirection),
    };

    /// <summary>Brings a slice to its plane of the grid, linearly between its pixels.</summary>
    /// <param name="pixels">Intensities of the slice.</param>
    /// <param name="fill">What stands where the slice has no pixels.</param>
    public void Resample(int slice, ReadOnlySpan<float> pixels, Span<float> plane, float fill)
    {
        var (columns, rows) = _slice;
        var (left, right) = Neighbours(FirstColumn - (slice * _tilt.ColumnsPerSlice));
        var (above, below) = Neighbours(FirstRow - (slice * _tilt.RowsPerSlice));
        plane.Fill(fill);
        var (stepRight, stepBelow) = (right > 0 ? 1 : 0, below > 0 ? columns : 0);
        // Those of the grid whose neighbours are both the slice's.
        var (firstJ, endJ) = (Math.Max(0, -above), Math.Min(Shape.J, rows - above - (below > 0 ? 1 : 0)));
        var (firstI, endI) = (Math.Max(0, -left), Math.Min(Shape.I, columns - left - (right > 0 ? 1 : 0)));
        for (var j = firstJ; j < endJ; j++)
        {
            for (var i = firstI; i < endI; i++)
            {
                var at = ((j + above) * columns) + i + left;
                var (top, bottom) = (
                    ((1 - right) * pixels[at]) + (right * pixels[at + stepRight]),
                    ((1 - right) * pixels[at + stepBelow]) + (right * pixels[at + stepBelow + stepRight]));
                plane[(j * Shape.I) + i] = (float)(((1 - below) * top) + (below * bottom));
            }
        }
    }

    /// <summary>The pixel before a place, and the weight of the one after.</summary>
    private static (int Before, double Weight) Neighbours(double place)
    {
        var nearest = Math.Round(place);
        return Math.Abs(place - nearest) < LeastShift ? ((int)nearest, 0) : ((int)Math.Floor(place), place - Math.Floor(place));
    }
}
