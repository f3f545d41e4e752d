namespace ToNNO.Tonno.Evaluation;

/// <summary>The voxels of a heatmap by falling value, and how many of the first n lie in the reference: what every score of overlap
/// at any bound needs, found once.</summary>
/// <remarks>A mask holds the voxels that are positive and at or above the bound, as <see cref="Tomography.Geometry.HeatmapMask"/> has it.</remarks>
internal sealed class RankedVoxels
{
    private readonly float[] _falling; // negated values, rising: what Array.BinarySearch takes
    private readonly int[] _inside; // lesion voxels among the first n + 1
    private readonly int _positive;

    /// <param name="heatmap">Finite values.</param>
    /// <param name="reference">One byte per voxel, 0 outside; not empty.</param>
    public RankedVoxels(ReadOnlySpan<float> heatmap, ReadOnlySpan<byte> reference)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(heatmap.Length, reference.Length, nameof(heatmap));
        ArgumentOutOfRangeException.ThrowIfLessThan(reference.IndexOfAnyExcept((byte)0), 0, nameof(reference));
        _falling = new float[heatmap.Length];
        for (var at = 0; at < heatmap.Length; at++)
        {
            _falling[at] = -heatmap[at];
        }

        var marks = reference.ToArray();
        Array.Sort(_falling, marks);
        _inside = new int[marks.Length];
        var inside = 0;
        for (var at = 0; at < marks.Length; at++)
        {
            inside += marks[at] != 0 ? 1 : 0;
            _inside[at] = inside;
        }

        _positive = CountBelow(0);
    }

    public float Peak => -_falling[0];

    /// <summary>Voxels of the reference.</summary>
    public int ReferenceCount => _inside[^1];

    /// <summary>Voxels of the mask at a bound, and those of them in the reference.</summary>
    public (int Mask, int Both) At(double bound)
    {
        var mask = Math.Min(_positive, CountBelow(MathF.BitIncrement(-Ceiling(bound))));
        return (mask, mask == 0 ? 0 : _inside[mask - 1]);
    }

    /// <summary>2|A ∩ B| / (|A| + |B|) of mask and reference.</summary>
    public double Dice(double bound)
    {
        var (mask, both) = At(bound);
        return 2.0 * both / (mask + ReferenceCount);
    }

    /// <summary>The highest Dice of any bound, and the bound: what a heatmap could score if its threshold knew the reference.</summary>
    public (double Dice, float Bound) BestDice()
    {
        var (best, bound) = (0.0, Peak);
        for (var at = 0; at < _positive; at++)
        {
            if (EndsTie(at) && 2.0 * _inside[at] / (at + 1 + ReferenceCount) is var dice && dice > best)
            {
                (best, bound) = (dice, -_falling[at]);
            }
        }

        return (best, bound);
    }

    /// <summary>Area under precision over recall of all voxels, as the sum of each recall's step times its precision; equal values are one step.</summary>
    public double AveragePrecision()
    {
        var (sum, before) = (0.0, 0);
        for (var at = 0; at < _inside.Length; at++)
        {
            if (EndsTie(at))
            {
                sum += (double)(_inside[at] - before) * _inside[at] / (at + 1);
                before = _inside[at];
            }
        }

        return sum / ReferenceCount;
    }

    /// <summary>Mean of sensitivity and specificity over voxels; the sensitivity alone where the reference is the whole volume.</summary>
    public double BalancedAccuracy(double bound)
    {
        var (mask, both) = At(bound);
        var outside = _inside.Length - ReferenceCount;
        var sensitivity = (double)both / ReferenceCount;
        return outside == 0 ? sensitivity : (sensitivity + (1 - ((double)(mask - both) / outside))) / 2;
    }

    private bool EndsTie(int at) => at == _falling.Length - 1 || _falling[at + 1] != _falling[at];

    /// <summary>How many of the negated values are below <paramref name="limit"/>.</summary>
    private int CountBelow(float limit)
    {
        var (low, high) = (0, _falling.Length);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = _falling[middle] < limit ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>The lowest float that is not below a bound: comparing with it is comparing with the bound.</summary>
    private static float Ceiling(double bound)
    {
        var nearest = (float)bound;
        return nearest < bound ? MathF.BitIncrement(nearest) : nearest;
    }
}
