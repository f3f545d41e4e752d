namespace ToNNO.Tomography.Geometry;

/// <summary>Mean, deviation and percentiles of a volume's intensities, which pass by once.</summary>
/// <remarks>Percentiles come from a histogram over the leading 22 bits of the numbers, finer than 1.3·10⁻⁴ of a value, and exact for whole
/// numbers up to 16384. They are numpy's: linear between the two nearest ranks.</remarks>
public sealed class IntensityStatistics
{
    private const int DroppedBits = 10;
    private const uint SignBit = 1u << 31;
    private readonly uint[] _histogram = new uint[1 << (32 - DroppedBits)];
    private readonly float? _left;
    private double _first;
    private double _sum;
    private double _squares;

    /// <param name="left">Intensities equal to this one are not counted.</param>
    public IntensityStatistics(float? left = null) => _left = left;

    /// <summary>Intensities counted.</summary>
    public long Count { get; private set; }

    public double Mean => _first + (_sum / Count);

    /// <summary>The standard deviation, of all voxels and not of a sample.</summary>
    public double Deviation => Math.Sqrt(Math.Max(0, (_squares / Count) - (_sum / Count * (_sum / Count))));

    public void Append(ReadOnlySpan<float> intensities)
    {
        foreach (var intensity in intensities)
        {
            if (intensity == _left)
            {
                continue;
            }

            if (Count++ == 0)
            {
                _first = intensity; // sums of squares of numbers far from 0 would lose all their digits
            }

            _sum += intensity - _first;
            _squares += (intensity - _first) * (intensity - _first);
            _histogram[Sortable(intensity) >> DroppedBits]++;
        }
    }

    /// <param name="percent">0 to 100.</param>
    public double Percentile(double percent)
    {
        var rank = percent / 100 * (Count - 1);
        var below = AtRank((long)Math.Floor(rank));
        return below + ((rank - Math.Floor(rank)) * (AtRank((long)Math.Ceiling(rank)) - below));
    }

    /// <summary>The window that a rule means for this volume.</summary>
    /// <returns>Null where it is empty: all voxels are alike, or there are none.</returns>
    public IntensityMap? Resolve(IntensityMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (Count == 0)
        {
            return null;
        }

        var (low, high) = map.Rule!.Unit == WindowUnit.Percentile
            ? (Percentile(map.Low), Percentile(map.High))
            : (Mean + (map.Low * Deviation), Mean + (map.High * Deviation));
        return (float)low < (float)high ? new IntensityMap((float)low, (float)high, map.Fill, map.PixelLow, map.PixelHigh) : null;
    }

    /// <summary>Bits in the order of the numbers.</summary>
    private static uint Sortable(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & SignBit) != 0 ? ~bits : bits | SignBit;
    }

    private float AtRank(long rank)
    {
        var key = 0u;
        for (long passed = _histogram[0]; passed <= rank; passed += _histogram[key])
        {
            key++;
        }

        // The number of the bin that is nearest to 0: whole numbers have no bits there.
        var sortable = key << DroppedBits;
        return BitConverter.UInt32BitsToSingle((sortable & SignBit) != 0 ? sortable & ~SignBit : ~(sortable | ((1u << DroppedBits) - 1)));
    }
}
