namespace ToNNO.Encoders;

/// <summary>A 2D encoder: gives each slice one logit per class.</summary>
/// <remarks>One instance serves one device. Calls are synchronous and may come from several threads at once only
/// where <see cref="EncoderCard"/> says nothing else: weights are read, never written, by <see cref="Encode"/>.</remarks>
public interface ISliceEncoder : IDisposable
{
    /// <summary>What the encoder expects and gives.</summary>
    EncoderCard Card { get; }

    /// <summary>The device that encodes, as in <c>cpu</c> or <c>cuda:0</c>.</summary>
    string Device { get; }

    /// <summary>Version of the libtorch that encodes; empty where none does.</summary>
    string Libtorch => "";

    /// <summary>Slices per forward pass of slices of <paramref name="size"/> x <paramref name="size"/> pixels, fewer once memory did not do
    /// for more; null where there are no passes.</summary>
    int? BatchSize(int size) => null;

    /// <summary>Encodes <paramref name="count"/> slices.</summary>
    /// <param name="slices">Pixels <c>[count, channels, size, size]</c>, already mapped by the card's intensity window.</param>
    /// <param name="count">Number of slices.</param>
    /// <param name="format">Size in pixels and pixel size in mm, the same for all slices.</param>
    /// <param name="logits">Destination, <c>[count, classes]</c>.</param>
    void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits);
}

/// <summary>Shape of a slice: <paramref name="Size"/> x <paramref name="Size"/> pixels of <paramref name="PixelMm"/> mm.</summary>
public readonly record struct SliceFormat(int Size, double PixelMm);
