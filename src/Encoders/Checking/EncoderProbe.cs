namespace ToNNO.Encoders.Checking;

/// <summary>Tries an encoder on one slice before there is work: a network that does not take the slices of its card is then refused at once.</summary>
public static class EncoderProbe
{
    /// <summary>Edges to try where any will do: a network may need more than the first.</summary>
    private static readonly int[] _edges = [64, 256];

    /// <param name="size">Edge of the slices to come in pixels, or null for the card's.</param>
    /// <param name="camLayer">The layer of the maps to come, or null where only logits are.</param>
    /// <exception cref="EncoderException">The encoder does not take slices of its card's, or gives no logits or maps that are numbers.</exception>
    public static void Try(ISliceEncoder encoder, int? size, string? camLayer)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        if ((size ?? encoder.Card.SliceSize) is { } edge)
        {
            TryAt(encoder, edge, camLayer);
            return;
        }

        try
        {
            TryAt(encoder, _edges[0], camLayer);
        }
        catch (EncoderException error) when (error.Error == EncoderError.ModelUnsupported)
        {
            TryAt(encoder, _edges[1], camLayer);
        }
    }

    private static void TryAt(ISliceEncoder encoder, int size, string? camLayer)
    {
        var format = new SliceFormat(size, encoder.Card.PixelMm ?? 1);
        var (slice, logits) = (SampleSlices.Make(1, encoder.Card.Channels, size), new float[encoder.Card.Classes.Count]);
        if (camLayer is null)
        {
            encoder.Encode(slice, 1, format, logits);
            return;
        }

        encoder.ResolveCamLayer(camLayer);
        var maker = (ICamEncoder)encoder;
        maker.EncodeCam(slice, 1, format, new CamRequest(CamKind.GradCam, camLayer, [0]), logits, new float[maker.CamGrid(format, camLayer).CellCount]);
    }
}
