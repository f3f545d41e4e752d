using ToNNO.Tomography.Geometry;

namespace ToNNO.Cohort;

/// <summary>A smooth random field: normal values on a coarse lattice, with cubic steps between them.</summary>
internal sealed class ValueNoise
{
    private readonly double _cellMm;
    private readonly (int X, int Y, int Z) _cells;
    private readonly double[] _values;

    /// <param name="extentMm">From 0 to here the field is defined.</param>
    /// <param name="cellMm">Distance of lattice points: about half the size of the blobs.</param>
    public ValueNoise(Random random, Vector3D extentMm, double cellMm)
    {
        _cellMm = cellMm;
        _cells = ((int)(extentMm.X / cellMm) + 2, (int)(extentMm.Y / cellMm) + 2, (int)(extentMm.Z / cellMm) + 2);
        _values = new double[_cells.X * _cells.Y * _cells.Z];
        foreach (ref var value in _values.AsSpan())
        {
            value = Normal(random);
        }
    }

    /// <summary>A standard normal number (Box and Muller).</summary>
    public static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    public double At(Vector3D place)
    {
        var (x, i) = Split(place.X);
        var (y, j) = Split(place.Y);
        var (z, k) = Split(place.Z);
        double Row(int dj, int dk) => Between(Value(i, j + dj, k + dk), Value(i + 1, j + dj, k + dk), x);
        return Between(Between(Row(0, 0), Row(1, 0), y), Between(Row(0, 1), Row(1, 1), y), z);
    }

    private static double Between(double low, double high, double share) => low + (share * share * (3 - (2 * share)) * (high - low));

    private (double Share, int Cell) Split(double mm)
    {
        var at = mm / _cellMm;
        return (at - Math.Floor(at), (int)Math.Floor(at));
    }

    private double Value(int i, int j, int k) =>
        _values[Math.Clamp(i, 0, _cells.X - 1) + (_cells.X * (Math.Clamp(j, 0, _cells.Y - 1) + (_cells.Y * Math.Clamp(k, 0, _cells.Z - 1))))];
}
