using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Checking;

/// <summary>Tries an encoder on some slices before there is work: a network that does not do what its card says is then refused at once.</summary>
public static class EncoderProbe
{
    /// <summary>Edges to try where any will do: a network may need more than the first.</summary>
    private static readonly int[] _edges = [SampleSlices.CommonSize, 2 * SampleSlices.CommonSize];

    /// <param name="size">Edge of the slices to come in pixels, or null for the card's.</param>
    /// <param name="camLayer">The layer of the maps to come, or null where only logits are.</param>
    /// <returns>The slices that it was tried on.</returns>
    /// <exception cref="EncoderException">The encoder does not take slices of its card's, gives no logits or maps that are numbers, or
    /// logits that depend on a slice's neighbours.</exception>
    public static SliceFormat Try(ISliceEncoder encoder, int? size, string? camLayer)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        if ((size ?? encoder.Card.SliceSize) is { } edge)
        {
            return TryAt(encoder, edge, camLayer);
        }

        try
        {
            return TryAt(encoder, _edges[0], camLayer);
        }
        catch (EncoderException error) when (error.Error == EncoderError.ModelUnsupported)
        {
            return TryAt(encoder, _edges[1], camLayer);
        }
    }

    /// <summary>Holds a model that computes in bfloat16 to its bound: by the logits of its reference, where the folder carries one of
    /// several slices, else by those of the same network in float32.</summary>
    /// <param name="model">The folder that <paramref name="encoder"/> was opened from.</param>
    /// <param name="format">Slices that the encoder takes.</param>
    /// <exception cref="EncoderException"><c>model.reference_differs</c> or <c>model.precision_differs</c>: the bound is broken;
    /// <c>model.reference_invalid</c>: the reference is none of this model.</exception>
    public static void TryPrecision(string model, ISliceEncoder encoder, SliceFormat format)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        if (encoder is not TorchSliceEncoder { Precision: EncoderPrecision.Bf16 })
        {
            return;
        }

        if (ModelReference.Read(model, encoder.Card) is { Count: > 1 } reference)
        {
            new LogitTrial(encoder, EncoderPrecision.Bf16, format with { Size = reference.Size }).WithReference(reference).ThrowIfBroken();
            return;
        }

        using var full = EncoderFactory.OpenFolder(model, encoder.Device, EncoderPrecision.Fp32, out _);
        new LogitTrial(encoder, EncoderPrecision.Bf16, format).WithFloat32(full, reference: null).ThrowIfBroken();
    }

    private static SliceFormat TryAt(ISliceEncoder encoder, int size, string? camLayer)
    {
        var format = new SliceFormat(size, encoder.Card.PixelMm ?? 1);
        var trial = new LogitTrial(encoder, (encoder as TorchSliceEncoder)?.Precision ?? EncoderPrecision.Fp32, format);
        trial.Alone().ThrowIfBroken();
        if (camLayer is null)
        {
            return format;
        }

        encoder.ResolveCamLayer(camLayer);
        var maker = (ICamEncoder)encoder;
        maker.EncodeCam(
            trial.Samples.AsSpan(0, trial.SlicePixels), 1, format, new CamRequest(CamKind.GradCam, camLayer, [0]), new float[encoder.Card.Classes.Count], new float[maker.CamGrid(format, camLayer).CellCount]);
        return format;
    }
}
