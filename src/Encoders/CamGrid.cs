namespace ToNNO.Encoders;

/// <summary>Where the cells of a map <c>[Size, Size]</c> lie in its slice: along rows as along columns, the centre of cell i is
/// <paramref name="FirstMm"/> + i·<paramref name="CellMm"/> from the slice's centre.</summary>
/// <remarks>A strided convolution takes its first sample at the slice's first pixel, not in the middle of its first cell: maps that are
/// spread over the whole slice, as is usual, lie up to half a cell off, and at the wrong scale where the stride does not divide the slice.</remarks>
public readonly record struct CamGrid(int Size, double CellMm, double FirstMm)
{
    /// <summary>Cells side by side from edge to edge.</summary>
    internal static CamGrid OverWholeSlice(SliceFormat format, int size)
    {
        var cellMm = format.Size * format.PixelMm / size;
        return new CamGrid(size, cellMm, -(size - 1) / 2.0 * cellMm);
    }

    /// <param name="stride">Pixels from cell to cell.</param>
    /// <param name="first">The pixel, or the place between pixels, on which cell 0 is centred.</param>
    internal static CamGrid OfPixels(SliceFormat format, int size, double stride, double first) =>
        new(size, stride * format.PixelMm, (first - ((format.Size - 1) / 2.0)) * format.PixelMm);
}
