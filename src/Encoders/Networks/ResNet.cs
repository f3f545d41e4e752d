using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A ResNet that encodes: its batch normalisation is folded into the convolutions, and it cannot be trained.</summary>
/// <remarks>Evaluated, a batch normalisation is y = γ(x − μ)/√(σ² + ε) + β (Ioffe and Szegedy, ICML 2015, eq. in alg. 2), linear in
/// x: the convolution before it takes the factor into its weights and the rest as its bias. Exact up to rounding.</remarks>
public sealed class ResNet : SliceNetwork
{
    /// <summary>ε of torchvision's networks.</summary>
    private const double Epsilon = 1e-5;

    private static readonly Scalar _epsilon = Epsilon.ToScalar();
    private static readonly Scalar _one = 1.ToScalar();

    private readonly Dictionary<string, (Tensor Weight, Tensor Bias)> _folded = new(StringComparer.Ordinal);
    private readonly List<(string Layer, Convolution[] Chain, Convolution? Shortcut)> _blocks = [];
    private Convolution? _stem;
    private Tensor _classWeight;
    private Tensor _classBias;

    /// <param name="state">The tensors of <see cref="ResNetArchitecture.StateShapes"/>, float32 on the CPU; copied.</param>
    /// <exception cref="ArgumentException">The architecture cannot be built.</exception>
    public ResNet(ResNetArchitecture architecture, IReadOnlyDictionary<string, Tensor> state, EncoderPrecision precision = EncoderPrecision.Fp32)
        : base(nameof(ResNet))
    {
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(state);
        if (architecture.Problem() is { } problem)
        {
            throw new ArgumentException($"This network cannot be built: {problem}.", nameof(architecture));
        }

        Architecture = architecture;
        Precision = precision;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var spec in architecture.Convolutions())
        {
            _folded[spec.Name] = Fold(spec, state);
        }

        _classWeight = state["fc.weight"].detach().clone().DetachFromDisposeScope();
        _classBias = state["fc.bias"].detach().clone().DetachFromDisposeScope();
    }

    public ResNetArchitecture Architecture { get; }

    internal override EncoderPrecision Precision { get; }

    internal override List<string> CamLayers { get; } = ["layer4", "layer3", "layer2", "layer1"];

    /// <inheritdoc/>
    /// <param name="input1">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="input2">Pixel size in mm; a ResNet does not know it.</param>
    public override Tensor forward(Tensor input1, double input2)
    {
        ArgumentNullException.ThrowIfNull(input1);
        using var scope = NewDisposeScope();
        return Classify(Convolve(Stem(input1), _blocks)).MoveToOuterDisposeScope();
    }

    /// <summary>All kernels are odd and padded by their half, the pooling's too, so each stride keeps the first of what it steps over.</summary>
    internal override (double Stride, double First)? CamCells(string layer) => (4 << (CamLayers.Count - 1 - CamLayers.IndexOf(layer)), 0);

    internal override (Tensor Features, Tensor Logits) ForwardWithFeatures(Tensor slices, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        var end = EndOf(layer);
        // The block that comes next has a shortcut of its own, so it does not add into these features.
        var features = Convolve(Stem(slices), _blocks[..end]);
        var logits = Classify(Convolve(features, _blocks[end..]));
        return (features.MoveToOuterDisposeScope(), logits.MoveToOuterDisposeScope());
    }

    internal override Tensor Head(Tensor features, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        var map = features.to(float32);
        foreach (var (_, chain, shortcut) in _blocks[EndOf(layer)..])
        {
            var branch = map;
            foreach (var convolution in chain.AsSpan()[..^1])
            {
                branch = convolution.ForwardDifferentiable(branch).relu();
            }

            var residual = shortcut is null ? map : shortcut.ForwardDifferentiable(map);
            map = chain[^1].ForwardDifferentiable(branch).add(residual, _one).relu();
        }

        return Classify(map).MoveToOuterDisposeScope();
    }

    internal override void Prepare(Device device)
    {
        BFloat16Support.ThrowIfAbsent(Precision, device);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _stem = Build(Architecture.Stem(), device);
        foreach (var block in Architecture.Blocks())
        {
            _blocks.Add((block.Layer, [.. block.Chain.Select(spec => Build(spec, device))], block.Shortcut is { } shortcut ? Build(shortcut, device) : null));
        }

        (_classWeight, _classBias) = (MoveTo(_classWeight, device), MoveTo(_classBias, device));
        foreach (var (weight, bias) in _folded.Values)
        {
            weight.Dispose();
            bias.Dispose();
        }

        _folded.Clear();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stem?.Dispose();
            foreach (var (_, chain, shortcut) in _blocks)
            {
                foreach (var convolution in chain)
                {
                    convolution.Dispose();
                }

                shortcut?.Dispose();
            }

            foreach (var (weight, bias) in _folded.Values)
            {
                weight.Dispose();
                bias.Dispose();
            }

            _classWeight.Dispose();
            _classBias.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>How many blocks there are up to the end of this layer.</summary>
    private int EndOf(string layer) => _blocks.FindLastIndex(block => block.Layer == layer) + 1;

    private Tensor Stem(Tensor slices)
    {
        var stem = _stem ?? throw new InvalidOperationException("The network is encoded with before Prepare.");
        return nn.functional.max_pool2d(stem.ForwardRelu(Input(slices)), 3, 2, 1);
    }

    private static Tensor Convolve(Tensor map, List<(string Layer, Convolution[] Chain, Convolution? Shortcut)> blocks)
    {
        foreach (var (_, chain, shortcut) in blocks)
        {
            using var block = NewDisposeScope();
            var branch = map;
            foreach (var convolution in chain.AsSpan()[..^1])
            {
                branch = convolution.ForwardRelu(branch);
            }

            var residual = shortcut is null ? map : shortcut.Forward(map);
            map = chain[^1].ForwardAddRelu(branch, residual).MoveToOuterDisposeScope();
        }

        return map;
    }

    private Tensor Classify(Tensor map) => nn.functional.linear(map.to(float32).mean([2, 3]), _classWeight, _classBias);

    /// <summary>Weights and bias with the normalisation in them, computed in double.</summary>
    private static (Tensor Weight, Tensor Bias) Fold(ConvolutionSpec spec, IReadOnlyDictionary<string, Tensor> state)
    {
        Tensor Normalisation(string part) => state[$"{spec.Normalisation}.{part}"].detach().to(float64);
        var factor = Normalisation("weight").div(Normalisation("running_var").add(_epsilon).sqrt());
        var weight = state[$"{spec.Name}.weight"].detach().to(float64).mul(factor.view(-1, 1, 1, 1)).to(float32);
        var bias = Normalisation("bias").sub(Normalisation("running_mean").mul(factor)).to(float32);
        return (weight.DetachFromDisposeScope(), bias.DetachFromDisposeScope());
    }

    /// <summary>A tensor of its own on the device, which no scope disposes of.</summary>
    private static Tensor MoveTo(Tensor tensor, Device device)
    {
        var moved = tensor.to(device).clone().DetachFromDisposeScope();
        tensor.Dispose();
        return moved;
    }

    private Convolution Build(ConvolutionSpec spec, Device device)
    {
        var (folded, foldedBias) = _folded[spec.Name];
        var type = Precision == EncoderPrecision.Bf16 ? bfloat16 : float32;
        var weight = folded.to(device).to(type);
        var bias = foldedBias.to(device).to(type).clone().DetachFromDisposeScope();
        return device.type == DeviceType.CPU
            ? new OneDnnConvolution(weight, bias, spec.Stride, spec.Padding)
            : new PlainConvolution(weight.clone().DetachFromDisposeScope(), bias, spec.Stride, spec.Padding);
    }

    private Tensor Input(Tensor slices)
    {
        // One channel lies in memory the same way either way; torch is only to see that its channels are next to each other.
        var pixels = slices.shape[1] == 1 ? slices.view(slices.shape[0], slices.shape[2], slices.shape[3], 1).permute(0, 3, 1, 2) : ChannelsLast.Of(slices);
        return Precision == EncoderPrecision.Bf16 ? pixels.to(bfloat16) : pixels;
    }
}
