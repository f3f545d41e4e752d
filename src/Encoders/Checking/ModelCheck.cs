using System.Diagnostics;
using System.Globalization;
using ToNNO.Encoders.Networks;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Checking;

/// <summary>Finds out whether a model does what its card promises, and how fast.</summary>
public sealed class ModelCheck
{
    /// <summary>Edge of slices where neither model nor reference nor user has one.</summary>
    private const int CommonSize = 128;

    /// <summary>Slices that the numbers of a model are compared on where it has no reference.</summary>
    private const int SampleCount = 16;

    private readonly ISliceEncoder _encoder;
    private readonly EncoderPrecision _precision;
    private readonly ModelCheckOptions _options;
    private readonly ModelReference? _reference;
    private readonly SliceFormat _format;
    private readonly List<ModelProblem> _problems = [];

    /// <param name="reference">Slices and logits of PyTorch, or null.</param>
    /// <exception cref="EncoderException"><c>model.slice_size</c>: the asked slice size is not the model's.</exception>
    internal ModelCheck(ISliceEncoder encoder, EncoderPrecision precision, ModelReference? reference, ModelCheckOptions options)
    {
        (_encoder, _precision, _reference, _options) = (encoder, precision, reference, options);
        if (options.Size is { } asked && (encoder.Card.SliceSize ?? reference?.Size ?? asked) is var size && size != asked)
        {
            throw new EncoderException(
                EncoderError.SliceSize,
                $"{encoder.Card.Name} is checked on slices of {size} x {size} pixels, those of its {(encoder.Card.SliceSize is null ? "reference" : "metadata")}: leave --size out, or give {size}.");
        }

        _format = new SliceFormat(options.Size ?? reference?.Size ?? encoder.Card.SliceSize ?? CommonSize, encoder.Card.PixelMm ?? 1);
    }

    /// <summary>Checks a model.</summary>
    /// <param name="model">A model folder or <c>builtin:sum</c>.</param>
    /// <returns>What was found, also where it is bad.</returns>
    /// <exception cref="EncoderException">The model cannot be loaded, or does not encode at all.</exception>
    public static ModelCheckReport Run(string model, ModelCheckOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(options);
        if (model.StartsWith("builtin:", StringComparison.Ordinal))
        {
            using var builtin = EncoderFactory.Open(model, options.Device);
            return new ModelCheck(builtin, EncoderPrecision.Fp32, null, options).Run("builtin", () => throw new InvalidOperationException("It is computed in float32."));
        }

        using var encoder = EncoderFactory.OpenFolder(model, options.Device, precision: null, out var metadata);
        var check = new ModelCheck(encoder, metadata.Precision, ModelReference.Read(model, encoder.Card), options);
        return check.Run(metadata.Architecture.Name, () => EncoderFactory.OpenFolder(model, options.Device, EncoderPrecision.Fp32, out _));
    }

    /// <param name="openFloat32">Opens the same network in float32.</param>
    internal ModelCheckReport Run(string architecture, Func<ISliceEncoder> openFloat32)
    {
        var samples = Encode(_encoder, Samples, SampleCount); // a network that encodes nothing is refused here
        var reference = _reference is null ? null : CompareWithReference(_reference);
        var neighbours = CompareAlone(samples);
        var bfloat16 = _precision == EncoderPrecision.Bf16 ? CompareWithFloat32(samples, openFloat32) : null;
        var speeds = MeasureSpeeds(); // before maps, which hold weights of their own in memory
        var maps = CheckMaps();
        return new ModelCheckReport(
            _encoder.Card, architecture, _precision, _encoder.Device, _format.Size, reference, bfloat16, neighbours, maps, speeds, CountTensors(), _problems);
    }

    private float[] Samples => field ??= SampleSlices.Make(SampleCount, _encoder.Card.Channels, _format.Size);

    private int SlicePixels => _encoder.Card.Channels * _format.Size * _format.Size;

    private float[] Encode(ISliceEncoder encoder, ReadOnlySpan<float> slices, int count)
    {
        var logits = new float[count * _encoder.Card.Classes.Count];
        encoder.Encode(slices, count, _format, logits);
        return logits;
    }

    private LogitComparison Compare(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected) =>
        LogitBounds.Compare(actual, expected, _encoder.Card.Classes, _precision, _options.Tolerance);

    private LogitComparison CompareWithReference(ModelReference reference)
    {
        var found = Compare(Encode(_encoder, reference.Slices, reference.Count), reference.Logits);
        Require(
            found.Holds,
            EncoderError.ReferenceDiffers,
            $"The logit of slice {found.Slice} for {found.Class} is {Text(found.LargestDifference)} from the reference's, and {Text(found.Bound)} is the bound: " +
            "export network and reference from the same weights, in evaluation mode.");
        return found;
    }

    /// <summary>Encodes the first and the last slice alone, among zeros.</summary>
    private LogitComparison CompareAlone(float[] together)
    {
        var classes = _encoder.Card.Classes.Count;
        var alone = (float[])together.Clone();
        foreach (var at in new[] { 0, SampleCount - 1 })
        {
            Encode(_encoder, Samples.AsSpan(at * SlicePixels, SlicePixels), 1).CopyTo(alone, at * classes);
        }

        var found = Compare(alone, together);
        Require(
            found.Holds,
            EncoderError.Unsteady,
            $"A slice's logit for {found.Class} changes by {Text(found.LargestDifference)} with the slices beside it in a batch, or from call to call: " +
            "let forward mix no slices, and export it in evaluation mode.");
        return found;
    }

    private LogitComparison CompareWithFloat32(float[] samples, Func<ISliceEncoder> openFloat32)
    {
        using var full = openFloat32();
        var found = _reference is { Count: > 1 } reference
            ? Compare(Encode(_encoder, reference.Slices, reference.Count), Encode(full, reference.Slices, reference.Count))
            : Compare(samples, Encode(full, Samples, SampleCount));
        Require(
            found.Holds,
            EncoderError.PrecisionDiffers,
            $"In bfloat16 the logit of slice {found.Slice} for {found.Class} is {Text(found.LargestDifference)} from that in float32, and {Text(found.Bound)} is the bound, " +
            $"where logits have a spread of {Text(found.Spread)}: set tonno.precision to float32.");
        return found;
    }

    private List<CamLayerCheck> CheckMaps() => _encoder is not ICamEncoder { CamLayers: { Count: > 0 } layers } ? [] : [.. layers.Select(CheckMaps)];

    private CamLayerCheck CheckMaps(string layer)
    {
        try
        {
            return MakeMap(layer);
        }
        catch (EncoderException refused) when (refused.Error is EncoderError.CamUnsound or EncoderError.NonFiniteMap or EncoderError.ModelUnsupported)
        {
            return new CamLayerCheck(layer, null, null, $"{refused.Code}: {refused.Message}");
        }
    }

    private CamLayerCheck MakeMap(string layer)
    {
        var maker = (ICamEncoder)Sized(1); // a map costs as much as several slices
        var grid = maker.CamGrid(_format, layer);
        maker.EncodeCam(
            Samples.AsSpan(0, SlicePixels), 1, _format, new CamRequest(CamKind.GradCam, layer, [0]), new float[_encoder.Card.Classes.Count], new float[grid.CellCount]);
        return new CamLayerCheck(layer, grid.Edge, grid.CellMm, null);
    }

    private List<BatchSpeed> MeasureSpeeds()
    {
        var usual = _encoder is TorchSliceEncoder torch ? torch.BatchSize(_format.Size) : SampleCount;
        var batches = new SortedSet<int> { usual };
        for (var batch = 1; batch < usual; batch *= 4)
        {
            batches.Add(batch);
        }

        return [.. batches.Select(batch => MeasureSpeed(batch, batch == usual))];
    }

    private BatchSpeed MeasureSpeed(int batch, bool isDefault)
    {
        var encoder = Sized(batch);
        var (slices, logits) = (new float[(long)batch * SlicePixels], new float[batch * _encoder.Card.Classes.Count]);
        for (var at = 0; at < batch; at++)
        {
            Samples.AsSpan(at % SampleCount * SlicePixels, SlicePixels).CopyTo(slices.AsSpan(at * SlicePixels));
        }

        try
        {
            // TorchScript fits itself to a shape in its first two calls.
            encoder.Encode(slices, batch, _format, logits);
            encoder.Encode(slices, batch, _format, logits);
            var (start, passes) = (Stopwatch.GetTimestamp(), 0);
            do
            {
                encoder.Encode(slices, batch, _format, logits);
                passes++;
            }
            while (Stopwatch.GetElapsedTime(start) < _options.SpeedTime);
            var rate = passes * batch / Stopwatch.GetElapsedTime(start).TotalSeconds;
            var whole = encoder is not TorchSliceEncoder torch || torch.BatchSize(_format.Size) == batch;
            return new BatchSpeed(batch, isDefault, whole ? rate : null, ResidentMb());
        }
        catch (EncoderException refused) when (refused.Error == EncoderError.OutOfMemory)
        {
            return new BatchSpeed(batch, isDefault, null, ResidentMb());
        }
    }

    /// <summary>Counts tensors around work that was all done before, so that nothing is made that is to stay.</summary>
    private LiveTensors CountTensors()
    {
        // What the collector has yet to free would go in the middle of counting.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        Encode(_encoder, Samples, SampleCount);
        CheckMaps();
        var tensors = new LiveTensors(before, Tensor.TotalCount);
        Require(
            tensors.After == tensors.Before,
            EncoderError.Leaks,
            $"Encoding {SampleCount} slices once more leaves {tensors.After} tensors where there were {tensors.Before}: a run would take more and more memory.");
        return tensors;
    }

    private ISliceEncoder Sized(int batch) => _encoder is TorchSliceEncoder torch ? torch.WithBatchSize(batch) : _encoder;

    private void Require(bool condition, EncoderError error, string message)
    {
        if (!condition)
        {
            _problems.Add(new ModelProblem(EncoderException.CodeOf(error), message));
        }
    }

    private static long ResidentMb() => Environment.WorkingSet >> 20;

    private static string Text(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}
