using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Encoders;

/// <summary>An encoder that cuts its slices itself, from volumes that lie in its device's memory.</summary>
public interface IVolumeEncoder : ISliceEncoder
{
    /// <summary>Cuts and encodes slices; docs/geometry.md, "Slices".</summary>
    /// <remarks>The volume is taken to the device once and stays there while others do not need the room. Pixels are those of
    /// <see cref="Tomography.Slicing.SliceCutter"/> but for rounding.</remarks>
    /// <param name="channels">The volume's channels, each on its own grid.</param>
    /// <param name="intensities">By channel.</param>
    /// <param name="planes">The slices.</param>
    /// <param name="centreMm">c, world: the offset 0 of every plane.</param>
    /// <param name="logits">Destination, <c>[plane, class]</c>.</param>
    /// <param name="blank">Destination: true where every pixel is fill, so that the logit is the blank slice's.</param>
    /// <exception cref="EncoderException">A logit is not finite.</exception>
    void EncodePlanes(
        IReadOnlyList<Volume> channels,
        IReadOnlyList<IntensityMap> intensities,
        ReadOnlySpan<SlicePlane> planes,
        Vector3D centreMm,
        SliceFormat format,
        Span<float> logits,
        Span<bool> blank);
}

/// <summary>A slice's axes and its signed distance from the rotation centre.</summary>
public readonly record struct SlicePlane(SliceFrame Frame, double OffsetMm);
