namespace ToNNO.Encoders;

/// <summary>The checks that every encoder makes before any work.</summary>
internal static class EncodeArguments
{
    public static void Check(EncoderCard card, ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Check(card, count, format, logits);
        var pixels = (long)count * card.Channels * format.Size * format.Size;
        if (slices.Length != pixels)
        {
            throw new ArgumentException(
                $"{count} slices of {card.Channels} x {format.Size} x {format.Size} are {pixels} pixels, not {slices.Length}.", nameof(slices));
        }
    }

    /// <summary>The checks where the encoder cuts slices itself.</summary>
    public static void CheckPlanes(EncoderCard card, int channels, int count, SliceFormat format, Span<float> logits, Span<bool> blank)
    {
        Check(card, count, format, logits);
        if (channels != card.Channels)
        {
            throw new ArgumentException($"{card.Name} takes slices of {card.Channels} channels, not of {channels}.", nameof(channels));
        }

        if (blank.Length != count)
        {
            throw new ArgumentException($"{count} slices have as many flags, not {blank.Length}.", nameof(blank));
        }
    }

    private static void Check(EncoderCard card, int count, SliceFormat format, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(format.Size, 1, nameof(format));
        if (!(format.PixelMm > 0) || !double.IsFinite(format.PixelMm))
        {
            throw new ArgumentOutOfRangeException(nameof(format), format.PixelMm, "The pixel size must be a positive number of mm.");
        }

        if (card.SliceSize is { } size && size != format.Size)
        {
            throw new ArgumentOutOfRangeException(
                nameof(format), format.Size, $"{card.Name} takes slices of {size} x {size} pixels only.");
        }

        if (logits.Length != (long)count * card.Classes.Count)
        {
            throw new ArgumentException(
                $"{count} slices have {(long)count * card.Classes.Count} logits, not {logits.Length}.", nameof(logits));
        }
    }

    /// <exception cref="EncoderException">A logit is NaN or infinite; the message names the slice.</exception>
    public static void CheckFinite(ReadOnlySpan<float> logits, int classes, int firstSlice, EncoderCard card)
    {
        for (var i = 0; i < logits.Length; i++)
        {
            if (!float.IsFinite(logits[i]))
            {
                throw new EncoderException(
                    EncoderError.NonFiniteLogit,
                    $"Slice {firstSlice + (i / classes)} got the logit {logits[i]} for class {card.Classes[i % classes]} from {card.Name}: " +
                    "check the slice's pixels for NaN or huge values, else the model's weights.")
                {
                    Slice = firstSlice + (i / classes),
                };
            }
        }
    }

    /// <summary>The checks that a request for maps adds.</summary>
    /// <param name="size">Edge of the maps that the layer gives.</param>
    public static void CheckCam(EncoderCard card, int count, CamRequest request, int size, Span<float> maps)
    {
        if (request.Kind is not (CamKind.GradCam or CamKind.LayerCam))
        {
            throw new ArgumentOutOfRangeException(nameof(request), request.Kind, "Choose GradCAM or LayerCAM.");
        }

        foreach (var one in request.Classes)
        {
            if (one < 0 || one >= card.Classes.Count)
            {
                throw new ArgumentOutOfRangeException(nameof(request), one, $"{card.Name} has the classes 0 to {card.Classes.Count - 1}.");
            }
        }

        var values = (long)request.Classes.Count * count * size * size;
        if (maps.Length != values)
        {
            throw new ArgumentException($"{request.Classes.Count} x {count} maps of {size} x {size} are {values} values, not {maps.Length}.", nameof(maps));
        }
    }

    /// <exception cref="EncoderException">A value is NaN or infinite; the message names the slice.</exception>
    public static void CheckFinite(ReadOnlySpan<float> maps, int cells, int firstSlice, CamRequest request, int classIndex, EncoderCard card)
    {
        for (var i = 0; i < maps.Length; i++)
        {
            if (!float.IsFinite(maps[i]))
            {
                throw new EncoderException(
                    EncoderError.NonFiniteMap,
                    $"Slice {firstSlice + (i / cells)} got the value {maps[i]} in its {request.Kind} of {request.Layer} for class {card.Classes[classIndex]} " +
                    $"from {card.Name}, though its logits are finite: check the model's weights, or choose another layer.")
                {
                    Slice = firstSlice + (i / cells),
                };
            }
        }
    }
}
