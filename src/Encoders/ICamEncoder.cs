using ToNNO.Tomography.Lifting;

namespace ToNNO.Encoders;

/// <summary>An encoder that also says where in a slice its logit comes from.</summary>
public interface ICamEncoder : ISliceEncoder
{
    /// <summary>The layers that maps can be made of, the default (the last with a place for each feature) first; none where the
    /// network cannot be taken apart, as a TorchScript program without the methods <c>features</c> and <c>head</c>.</summary>
    IReadOnlyList<string> CamLayers { get; }

    /// <summary>The cells of the maps of slices of this format.</summary>
    /// <remarks>A strided convolution takes its first sample at the slice's first pixel, not in the middle of its first cell: maps that are
    /// spread over the whole slice, as is usual, lie up to half a cell off, and at the wrong scale where the stride does not divide the
    /// slice. So only those of networks that tell no more are.</remarks>
    /// <exception cref="EncoderException">There is no such layer, or its features are no square map.</exception>
    MapGrid CamGrid(SliceFormat format, string layer);

    /// <summary>Encodes slices, and makes a class activation map of each for each class asked for.</summary>
    /// <remarks>The maps are not normalised: their values compare between slices and volumes.</remarks>
    /// <param name="slices">Pixels <c>[count, channels, S, S]</c>, already mapped by the card's intensity window.</param>
    /// <param name="logits">Destination, <c>[count, classes]</c>: what <see cref="ISliceEncoder.Encode"/> gives.</param>
    /// <param name="maps">Destination, <c>[classes asked for, count, M, M]</c>, rows and columns as in the slice; not negative.</param>
    /// <exception cref="EncoderException">There is no such layer, or a logit or a map is not finite.</exception>
    void EncodeCam(ReadOnlySpan<float> slices, int count, SliceFormat format, CamRequest request, Span<float> logits, Span<float> maps);
}

public static class CamEncoders
{
    /// <summary>The layer of that name, or the default for null, checked before any work.</summary>
    /// <exception cref="EncoderException"><c>model.no_cam</c>: the encoder has no layers; <c>model.cam_layer_unknown</c>: not this one.</exception>
    public static string ResolveCamLayer(this ISliceEncoder encoder, string? layer)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        if (encoder is not ICamEncoder { CamLayers: [var first, ..] layers })
        {
            throw new EncoderException(
                EncoderError.NoCam,
                $"{encoder.Card.Name} cannot be asked for class activation maps, since it shows no features: export it with the methods " +
                "features(slices) and head(features) beside forward, or use the method tonno, which needs logits alone.");
        }

        return layer is null ? first
            : layers.Contains(layer, StringComparer.Ordinal) ? layer
            : throw new EncoderException(
                EncoderError.CamLayerUnknown, $"{encoder.Card.Name} has no layer {layer} to make class activation maps of: choose one of {string.Join(", ", layers)}.");
    }
}
