using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>Points in space, halved again and again along x, y and z in turn, so that the nearest is found in a few steps.</summary>
internal sealed class PointTree
{
    private static readonly Comparer<double[]>[] Along =
        [.. Enumerable.Range(0, 3).Select(axis => Comparer<double[]>.Create((one, other) => one[axis].CompareTo(other[axis])))];

    private readonly double[][] _points; // each node's point is the middle of its range

    /// <param name="points">At least one.</param>
    public PointTree(ReadOnlySpan<Vector3D> points)
    {
        ArgumentOutOfRangeException.ThrowIfZero(points.Length, nameof(points));
        _points = new double[points.Length][];
        for (var at = 0; at < points.Length; at++)
        {
            _points[at] = [points[at].X, points[at].Y, points[at].Z];
        }

        Arrange(0, _points.Length, 0);
    }

    /// <summary>Square of the distance from a place to the nearest point.</summary>
    public double SquaredDistance(Vector3D place)
    {
        var best = double.PositiveInfinity;
        Search([place.X, place.Y, place.Z], 0, _points.Length, 0, ref best);
        return best;
    }

    private void Arrange(int start, int end, int axis)
    {
        if (end - start > 1)
        {
            Array.Sort(_points, start, end - start, Along[axis]);
            var middle = start + ((end - start) / 2);
            Arrange(start, middle, (axis + 1) % 3);
            Arrange(middle + 1, end, (axis + 1) % 3);
        }
    }

    private void Search(double[] place, int start, int end, int axis, ref double best)
    {
        if (start >= end)
        {
            return;
        }

        var middle = start + ((end - start) / 2);
        var point = _points[middle];
        var (x, y, z) = (place[0] - point[0], place[1] - point[1], place[2] - point[2]);
        best = Math.Min(best, (x * x) + (y * y) + (z * z));
        var across = place[axis] - point[axis];
        var (next, isBelow) = ((axis + 1) % 3, across < 0);
        Search(place, isBelow ? start : middle + 1, isBelow ? middle : end, next, ref best);
        if (across * across < best)
        {
            Search(place, isBelow ? middle + 1 : start, isBelow ? end : middle, next, ref best);
        }
    }
}
