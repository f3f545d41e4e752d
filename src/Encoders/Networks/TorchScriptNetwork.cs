using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A TorchScript program, <c>forward(slices)</c>, traced or scripted by PyTorch; for class activation maps also
/// <c>features(slices)</c> and <c>head(features)</c>, the two halves of forward.</summary>
/// <remarks>Its convolutions run channels-last, as its input asks for. A program that was frozen on export
/// (<c>torch.jit.freeze</c>) has its batch normalisation folded and is the faster for it.</remarks>
public sealed class TorchScriptNetwork : SliceNetwork
{
    private readonly jit.ScriptModule<Tensor, Tensor> _program;
    private readonly string _source;
    private readonly Dictionary<string, (string Features, string Head)> _parts;
    private readonly IReadOnlyDictionary<string, CamCells> _cells;
    private readonly ConcurrentDictionary<string, bool> _checked = new(StringComparer.Ordinal);

    /// <param name="file">Bytes of the file.</param>
    /// <param name="source">The file's name for messages.</param>
    /// <param name="cells">By layer, where its cells lie; those of others are taken to lie side by side over the slice.</param>
    /// <exception cref="EncoderException">These bytes are no TorchScript program, or one of a kind that this libtorch cannot run.</exception>
    public TorchScriptNetwork(
        byte[] file, string source, EncoderPrecision precision = EncoderPrecision.Fp32, IReadOnlyDictionary<string, CamCells>? cells = null)
        : base(nameof(TorchScriptNetwork))
    {
        ArgumentNullException.ThrowIfNull(file);
        (Precision, _source, _cells) = (precision, source, cells ?? new Dictionary<string, CamCells>());
        TorchScriptOperators.Check(file, source);
        try
        {
            _program = jit.load<Tensor, Tensor>(file);
        }
        catch (ExternalException refused)
        {
            throw new EncoderException(
                EncoderError.WeightsCorrupt,
                $"{source} is no TorchScript program that this version can load ({FirstLine(refused)}): export it again with torch.jit.save, " +
                "not torch.save, and with operators of PyTorch alone.",
                refused);
        }

        if (_program.GetNumberOfInputs() != 1)
        {
            var inputs = _program.GetNumberOfInputs();
            _program.Dispose();
            throw new EncoderException(
                EncoderError.ModelUnsupported, $"forward of {source} takes {inputs} inputs: export a module whose forward takes the slices alone.");
        }

        var layers = TorchScriptMethods.LayersOf(file);
        CamLayers = [.. layers.Select(layer => layer.Name)];
        _parts = layers.ToDictionary(layer => layer.Name, layer => (layer.Features, layer.Head), StringComparer.Ordinal);
        if (_cells.Keys.FirstOrDefault(layer => !_parts.ContainsKey(layer)) is { } unknown)
        {
            _program.Dispose();
            throw new EncoderException(
                EncoderError.MetadataInvalid,
                $"The metadata of {source} say where the cells of {unknown} lie, a layer that it does not show: its layers are {(layers.Count == 0 ? "none" : string.Join(", ", CamLayers))}.");
        }
    }

    internal override EncoderPrecision Precision { get; }

    /// <inheritdoc/>
    internal override IReadOnlyList<string> CamLayers { get; }

    /// <inheritdoc/>
    /// <param name="input1">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="input2">Pixel size in mm; a TorchScript program is not told.</param>
    public override Tensor forward(Tensor input1, double input2)
    {
        ArgumentNullException.ThrowIfNull(input1);
        using var scope = NewDisposeScope();
        return Forward(ChannelsLast.Of(input1)).MoveToOuterDisposeScope();
    }

    internal override (double Stride, double First)? CamCells(string layer) =>
        _cells.TryGetValue(layer, out var cells) ? (cells.Stride, cells.First) : null;

    internal override (Tensor Features, Tensor Logits) ForwardWithFeatures(Tensor slices, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        var input = ChannelsLast.Of(slices);
        var features = Run(input, () => (Tensor)_program.invoke(_parts[layer].Features, Typed(input)));
        var logits = Head(features.clone(), pixelMm, layer); // a head may begin with an operator in place
        CheckParts(input, logits, layer);
        return (features.MoveToOuterDisposeScope(), logits.MoveToOuterDisposeScope());
    }

    internal override Tensor Head(Tensor features, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        return Run(features, () => (Tensor)_program.invoke(_parts[layer].Head, features)).to(float32).MoveToOuterDisposeScope();
    }

    internal override void Prepare(Device device)
    {
        BFloat16Support.ThrowIfAbsent(Precision, device);
        // An export of a network in training would normalise each slice by its batch.
        _program.eval();
        _program.to(device);
        if (Precision == EncoderPrecision.Bf16)
        {
            _program.to(bfloat16);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _program?.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Forward(Tensor slices) => Run(slices, () => _program.call(Typed(slices))).to(float32);

    private Tensor Typed(Tensor slices) => Precision == EncoderPrecision.Bf16 ? slices.to(bfloat16) : slices;

    /// <summary>Checks, the first time that a layer is asked for, that features and head make up forward: nothing else says so.</summary>
    private void CheckParts(Tensor slices, Tensor logits, string layer)
    {
        if (_checked.ContainsKey(layer))
        {
            return;
        }

        var whole = Forward(slices);
        // The parts are the same operators on the same numbers; only a fuser that works across their border may round otherwise.
        var tolerance = (Precision == EncoderPrecision.Bf16 ? 0.05 : 1e-3) * whole.abs().max().item<float>();
        if (!whole.shape.AsSpan().SequenceEqual(logits.shape) || !allclose(logits, whole, rtol: 0, atol: tolerance, equal_nan: true))
        {
            var (features, head) = _parts[layer];
            throw new EncoderException(
                EncoderError.CamUnsound, $"In {_source} {head}({features}(slices)) is not forward(slices): make forward call the two, and export it again.");
        }

        _checked[layer] = true;
    }

    private Tensor Run(Tensor input, Func<Tensor> program)
    {
        try
        {
            return program();
        }
        catch (Exception refused) when (refused is (ExternalException or InvalidCastException or ArgumentException) && !OutOfMemory.Is(refused)) // the last two where it gives no tensor
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{_source} cannot encode slices of shape [{string.Join(", ", input.shape)}] in {Precision} ({FirstLine(refused)}): " +
                "let it give one tensor of logits for any number of slices, correct the channels and the spatial shape in its metadata, or export it for them" +
                (Precision == EncoderPrecision.Bf16 ? ", and do not freeze it: frozen weights stay float32." : "."),
                refused);
        }
    }

    /// <summary>What went wrong, without the interpreter's traceback.</summary>
    private static string FirstLine(Exception error)
    {
        var lines = error.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var line = lines.LastOrDefault(text => text.StartsWith("RuntimeError", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? error.GetType().Name;
        return (line.Length > 200 ? line[..200] + "…" : line).TrimEnd('.');
    }
}
