using System.Globalization;
using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Checking;

/// <summary>Holds an encoder's logits against those that they should be: by <c>model check</c>, which tells them all, and before every
/// run, which does not begin where a bound is broken.</summary>
/// <param name="precision">The numbers that <paramref name="encoder"/> computes with.</param>
/// <param name="format">Of the slices that are compared.</param>
/// <param name="tolerance">Stands in place of the bounds of <see cref="LogitBounds"/>.</param>
internal sealed class LogitTrial(ISliceEncoder encoder, EncoderPrecision precision, SliceFormat format, double? tolerance = null)
{
    /// <summary>Slices that are compared where there is no reference.</summary>
    public const int SampleCount = 16;

    /// <summary>Pixels <c>[SampleCount, channels, size, size]</c>.</summary>
    public float[] Samples => field ??= SampleSlices.Make(SampleCount, encoder.Card.Intensities, format.Size);

    public int SlicePixels => encoder.Card.Channels * format.Size * format.Size;

    /// <summary>The logits of <see cref="Samples"/>, asked for once.</summary>
    private float[] SampleLogits => field ??= Encode(encoder, Samples, SampleCount);

    /// <summary>Encodes the samples.</summary>
    /// <exception cref="EncoderException">The encoder encodes nothing.</exception>
    public void Encode() => _ = SampleLogits;

    /// <summary>Against PyTorch's.</summary>
    public LogitFinding WithReference(ModelReference reference)
    {
        var found = Compare(Encode(encoder, reference.Slices, reference.Count), reference.Logits);
        return new LogitFinding(
            found,
            EncoderError.ReferenceDiffers,
            $"The logit of slice {found.Slice} for {found.Class} is {Text(found.LargestDifference)} from the reference's, and {Text(found.Bound)} is the bound: " +
            "export network and reference from the same weights, in evaluation mode" + (precision == EncoderPrecision.Bf16 ? ", or set tonno.precision to float32." : "."));
    }

    /// <summary>The first and the last sample alone, against themselves among others.</summary>
    public LogitFinding Alone()
    {
        var classes = encoder.Card.Classes.Count;
        var alone = (float[])SampleLogits.Clone();
        foreach (var at in new[] { 0, SampleCount - 1 })
        {
            Encode(encoder, Samples.AsSpan(at * SlicePixels, SlicePixels), 1).CopyTo(alone, at * classes);
        }

        var found = Compare(alone, SampleLogits);
        return new LogitFinding(
            found,
            EncoderError.Unsteady,
            $"A slice's logit for {found.Class} changes by {Text(found.LargestDifference)} with the slices beside it in a batch, or from call to call: " +
            "let forward mix no slices, and export it in evaluation mode.");
    }

    /// <summary>Against the same network in float32: on the reference's slices, where it has several, else on the samples.</summary>
    public LogitFinding WithFloat32(ISliceEncoder full, ModelReference? reference)
    {
        var found = reference is { Count: > 1 }
            ? Compare(Encode(encoder, reference.Slices, reference.Count), Encode(full, reference.Slices, reference.Count))
            : Compare(SampleLogits, Encode(full, Samples, SampleCount));
        return new LogitFinding(
            found,
            EncoderError.PrecisionDiffers,
            $"In bfloat16 the logit of slice {found.Slice} for {found.Class} is {Text(found.LargestDifference)} from that in float32, and {Text(found.Bound)} is the bound, " +
            $"where logits have a spread of {Text(found.Spread)}: set tonno.precision to float32" +
            (reference is { Count: > 1 } ? "." : $", or have it judged by slices of your own in {ModelReference.FileName}."));
    }

    private float[] Encode(ISliceEncoder by, ReadOnlySpan<float> slices, int count)
    {
        var logits = new float[count * encoder.Card.Classes.Count];
        by.Encode(slices, count, format, logits);
        return logits;
    }

    private LogitComparison Compare(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected) =>
        LogitBounds.Compare(actual, expected, encoder.Card.Classes, precision, tolerance);

    private static string Text(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}

/// <summary>What a comparison found.</summary>
/// <param name="Error">What it is where it does not hold.</param>
/// <param name="Message">And in words.</param>
internal sealed record LogitFinding(LogitComparison Comparison, EncoderError Error, string Message)
{
    /// <exception cref="EncoderException">The bound is broken.</exception>
    public void ThrowIfBroken()
    {
        if (!Comparison.Holds)
        {
            throw new EncoderException(Error, Message);
        }
    }
}
