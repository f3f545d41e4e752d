using System.Threading.Channels;
using ToNNO.Encoders;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Slices that go to the encoder together: their pixels, or their planes alone where the encoder cuts them.</summary>
/// <param name="slicePixels">Pixels of a slice, all channels; 0 for planes alone.</param>
internal sealed class SliceBatch(int capacity, int slicePixels)
{
    private readonly SlicePlane[] _planes = new SlicePlane[capacity];

    public int Capacity { get; } = capacity;

    public int SlicePixels { get; } = slicePixels;

    public int Count { get; private set; }

    /// <summary>Place of each slice's logit among the lease's.</summary>
    public int[] Rows { get; } = new int[capacity];

    /// <summary>True for the slices that an encoder, cutting them, found to be all fill.</summary>
    public bool[] Blank { get; } = new bool[capacity];

    public bool HasPixels => SlicePixels > 0;

    /// <summary>The slices taken so far.</summary>
    public ReadOnlySpan<SlicePlane> Planes => _planes.AsSpan(0, Count);

    public bool IsFull => Count == Capacity;

    /// <summary>Pixels of the slices taken so far.</summary>
    public Span<float> Taken => Pixels.AsSpan(0, Count * SlicePixels);

    /// <summary>Room for the next slice's pixels; it counts once it is taken.</summary>
    public Span<float> Next => Pixels.AsSpan(Count * SlicePixels, SlicePixels);

    private float[] Pixels { get; } = new float[capacity * slicePixels];

    public void Take(int row, SlicePlane plane) => (Rows[Count], _planes[Count++]) = (row, plane);

    public void Clear() => Count = 0;
}

/// <summary>The two buffers between a cutter and its encoder: one is filled while the other is encoded.</summary>
internal sealed class BatchBuffers
{
    private readonly Channel<SliceBatch?> _free = Channel.CreateUnbounded<SliceBatch?>();

    public BatchBuffers()
    {
        for (var buffer = 0; buffer < 2; buffer++)
        {
            _free.Writer.TryWrite(null);
        }
    }

    /// <summary>An empty batch of this shape, as soon as a buffer is free.</summary>
    public async ValueTask<SliceBatch> TakeAsync(int capacity, int slicePixels, CancellationToken cancel)
    {
        var batch = await _free.Reader.ReadAsync(cancel).ConfigureAwait(false);
        if (batch is null || batch.Capacity != capacity || batch.SlicePixels != slicePixels)
        {
            return new SliceBatch(capacity, slicePixels);
        }

        batch.Clear();
        return batch;
    }

    public void Return(SliceBatch batch) => _free.Writer.TryWrite(batch);
}
