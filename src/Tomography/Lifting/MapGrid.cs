namespace ToNNO.Tomography.Lifting;

/// <summary>Where the cells of a map <c>[M, M]</c> lie in its slice: along u (columns) as along v (rows), the centre of cell i is
/// <paramref name="FirstMm"/> + i·<paramref name="CellMm"/> from the slice's centre.</summary>
/// <param name="Edge">M.</param>
public readonly record struct MapGrid(int Edge, double CellMm, double FirstMm)
{
    public int CellCount => Edge * Edge;

    /// <summary>Cells side by side over a whole slice.</summary>
    /// <param name="sliceMm">S·q.</param>
    public static MapGrid OverSlice(double sliceMm, int edge) => new(edge, sliceMm / edge, -(edge - 1) / 2.0 * sliceMm / edge);
}
