using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A TorchScript program, <c>forward(slices)</c>, traced or scripted by PyTorch.</summary>
/// <remarks>Its convolutions run channels-last, as its input asks for. A program that was frozen on export
/// (<c>torch.jit.freeze</c>) has its batch normalisation folded and is the faster for it.</remarks>
public sealed class TorchScriptNetwork : SliceNetwork
{
    private readonly jit.ScriptModule<Tensor, Tensor> _program;
    private readonly EncoderPrecision _precision;
    private readonly string _source;

    /// <param name="file">Bytes of the file.</param>
    /// <param name="source">The file's name for messages.</param>
    /// <exception cref="EncoderException">These bytes are no TorchScript program, or one of a kind that this libtorch cannot run.</exception>
    public TorchScriptNetwork(byte[] file, string source, EncoderPrecision precision = EncoderPrecision.Fp32)
        : base(nameof(TorchScriptNetwork))
    {
        ArgumentNullException.ThrowIfNull(file);
        (_precision, _source) = (precision, source);
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
    }

    /// <inheritdoc/>
    /// <param name="input1">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="input2">Pixel size in mm; a TorchScript program is not told.</param>
    public override Tensor forward(Tensor input1, double input2)
    {
        ArgumentNullException.ThrowIfNull(input1);
        using var scope = NewDisposeScope();
        var slices = ChannelsLast.Of(input1);
        try
        {
            var logits = _program.call(_precision == EncoderPrecision.Bf16 ? slices.to(bfloat16) : slices);
            return (_precision == EncoderPrecision.Bf16 ? logits.to(float32) : logits).MoveToOuterDisposeScope();
        }
        catch (Exception refused) when (refused is ExternalException or InvalidCastException)
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{_source} cannot encode slices of shape [{string.Join(", ", input1.shape)}] in {_precision} ({FirstLine(refused)}): " +
                "correct the channels and the spatial shape in its metadata, or export it for them" +
                (_precision == EncoderPrecision.Bf16 ? ", and do not freeze it: frozen weights stay float32." : "."),
                refused);
        }
    }

    internal override void Prepare(Device device)
    {
        BFloat16Support.ThrowIfAbsent(_precision, device);
        // An export of a network in training would normalise each slice by its batch.
        _program.eval();
        _program.to(device);
        if (_precision == EncoderPrecision.Bf16)
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

    /// <summary>What went wrong, without the interpreter's traceback.</summary>
    private static string FirstLine(Exception error)
    {
        var lines = error.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var line = lines.LastOrDefault(text => text.StartsWith("RuntimeError", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? error.GetType().Name;
        return (line.Length > 200 ? line[..200] + "…" : line).TrimEnd('.');
    }
}
