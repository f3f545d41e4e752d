namespace ToNNO.Imaging.Previews;

/// <summary>How the finite values of a volume are spread: their range, and quantiles of an even sample.</summary>
/// <param name="count">Values that the volume has.</param>
internal sealed class ValueSpread(long count)
{
    private const int LargestSample = 1 << 20;

    // Odd, so that it does not keep to the same columns of a grid whose rows are a power of two long.
    private readonly long _step = (count / LargestSample) | 1;
    private readonly List<float> _sample = [];
    private float _low = float.PositiveInfinity;
    private float _high = float.NegativeInfinity;
    private long _passed;
    private bool _sorted;

    /// <summary>All finite values; empty where there is none.</summary>
    public DisplayRange Full => _low <= _high ? new(_low, _high) : default;

    /// <summary>Takes the values that come next.</summary>
    public void Append(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (float.IsFinite(value))
            {
                _low = Math.Min(_low, value);
                _high = Math.Max(_high, value);
            }
        }

        var last = _passed + values.Length;
        for (var position = (_passed + _step - 1) / _step * _step; position < last; position += _step)
        {
            if (values[(int)(position - _passed)] is var value && float.IsFinite(value))
            {
                _sample.Add(value);
            }
        }

        (_passed, _sorted) = (last, false);
    }

    /// <summary>The value that this fraction of the values is not above; 0 where none is finite.</summary>
    public float Quantile(double fraction)
    {
        if (!_sorted)
        {
            _sample.Sort();
            _sorted = true;
        }

        return _sample.Count == 0 ? 0 : _sample[(int)Math.Round(fraction * (_sample.Count - 1))];
    }
}
