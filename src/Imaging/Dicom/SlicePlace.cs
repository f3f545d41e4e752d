using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom;

/// <summary>Where a plane of an image lies, in DICOM's words and coordinates (LPS+ mm; PS3.3, C.7.6.2).</summary>
/// <param name="Position">Centre of the first pixel.</param>
/// <param name="RowDirection">Unit vector along a row, in which columns count.</param>
/// <param name="ColumnDirection">Unit vector along a column, in which rows count.</param>
/// <param name="ColumnSpacingMm">Between the pixels of a row.</param>
/// <param name="RowSpacingMm">Between the pixels of a column.</param>
internal readonly record struct SlicePlace(
    Vector3D Position, Vector3D RowDirection, Vector3D ColumnDirection, double ColumnSpacingMm, double RowSpacingMm)
{
    public Vector3D Normal => RowDirection.Cross(ColumnDirection);
}
