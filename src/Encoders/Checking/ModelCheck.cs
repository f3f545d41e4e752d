using System.Diagnostics;
using ToNNO.Encoders.Networks;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Checking;

/// <summary>Finds out whether a model does what its card promises, and how fast.</summary>
public sealed class ModelCheck
{
    private const int SampleCount = LogitTrial.SampleCount;

    private readonly ISliceEncoder _encoder;
    private readonly EncoderPrecision _precision;
    private readonly ModelCheckOptions _options;
    private readonly ModelReference? _reference;
    private readonly SliceFormat _format;
    private readonly LogitTrial _trial;
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

        _format = new SliceFormat(options.Size ?? reference?.Size ?? encoder.Card.SliceSize ?? SampleSlices.CommonSize, encoder.Card.PixelMm ?? 1);
        _trial = new LogitTrial(encoder, precision, _format, options.Tolerance);
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
        _trial.Encode(); // a network that encodes nothing is refused here
        var reference = _reference is null ? null : Take(_trial.WithReference(_reference));
        var neighbours = Take(_trial.Alone());
        var bfloat16 = _precision == EncoderPrecision.Bf16 ? CompareWithFloat32(openFloat32) : null;
        var speeds = MeasureSpeeds(); // before maps, which hold weights of their own in memory
        var maps = CheckMaps();
        return new ModelCheckReport(
            _encoder.Card, architecture, _precision, _encoder.Device, _format.Size, reference, bfloat16, neighbours, maps, speeds, CountTensors(), _problems);
    }

    private float[] Samples => _trial.Samples;

    private int SlicePixels => _trial.SlicePixels;

    private LogitComparison CompareWithFloat32(Func<ISliceEncoder> open)
    {
        using var full = open();
        return Take(_trial.WithFloat32(full, _reference));
    }

    /// <summary>The comparison; where it does not hold it is a problem.</summary>
    private LogitComparison Take(LogitFinding finding)
    {
        Require(finding.Comparison.Holds, finding.Error, finding.Message);
        return finding.Comparison;
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
        _encoder.Encode(Samples, SampleCount, _format, new float[SampleCount * _encoder.Card.Classes.Count]);
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
}
