using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A ResNet that learns, batch normalisation and all; <see cref="ResNet"/> encodes with what it has learned.</summary>
/// <remarks>Only evaluated does its forward pass keep the slices of a batch apart: while it trains, a batch is normalised by its own
/// mean and variance.</remarks>
public sealed class TrainableResNet : TrainableNetwork
{
    private const double HeadDeviation = 0.01;

    private static readonly Scalar _one = 1.ToScalar();

    private readonly Dictionary<string, (TorchSharp.Modules.Conv2d Convolution, TorchSharp.Modules.BatchNorm2d Normalisation)> _parts = new(StringComparer.Ordinal);
    private readonly ResNetArchitecture _architecture;
    private readonly TorchSharp.Modules.Linear _head;

    /// <param name="seed">Same seed, same weights.</param>
    /// <exception cref="ArgumentException">The architecture cannot be built.</exception>
    public TrainableResNet(ResNetArchitecture architecture, int seed = 0)
        : base(nameof(TrainableResNet))
    {
        ArgumentNullException.ThrowIfNull(architecture);
        if (architecture.Problem() is { } problem)
        {
            throw new ArgumentException($"This network cannot be built: {problem}.", nameof(architecture));
        }

        _architecture = architecture;
        using var scope = NewDisposeScope();
        foreach (var spec in architecture.Convolutions())
        {
            var convolution = nn.Conv2d(spec.Inputs, spec.Outputs, spec.Kernel, spec.Stride, spec.Padding, bias: false);
            var normalisation = nn.BatchNorm2d(spec.Outputs);
            _parts[spec.Name] = (convolution, normalisation);
            // Torch allows no points in these; the names of a model folder are those of State.
            register_module(spec.Name.Replace('.', '_'), convolution);
            register_module(spec.Normalisation.Replace('.', '_'), normalisation);
        }

        _head = nn.Linear(architecture.FeatureChannels, architecture.Classes);
        register_module("fc", _head);
        Initialize(new Random(seed));
        foreach (var (_, tensor) in named_parameters())
        {
            tensor.DetachFromDisposeScope();
        }

        foreach (var (_, tensor) in named_buffers())
        {
            tensor.DetachFromDisposeScope();
        }
    }

    public override ResNetArchitecture Architecture => _architecture;

    public override IReadOnlyDictionary<string, Tensor> State()
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var spec in _architecture.Convolutions())
        {
            var (convolution, normalisation) = _parts[spec.Name];
            state[$"{spec.Name}.weight"] = convolution.weight!;
            state[$"{spec.Normalisation}.weight"] = normalisation.weight!;
            state[$"{spec.Normalisation}.bias"] = normalisation.bias!;
            state[$"{spec.Normalisation}.running_mean"] = normalisation.running_mean!;
            state[$"{spec.Normalisation}.running_var"] = normalisation.running_var!;
        }

        state["fc.weight"] = _head.weight!;
        state["fc.bias"] = _head.bias!;
        return state;
    }

    /// <inheritdoc/>
    /// <param name="input1">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="input2">Pixel size in mm; a ResNet does not know it.</param>
    public override Tensor forward(Tensor input1, double input2)
    {
        using var scope = NewDisposeScope();
        var map = nn.functional.max_pool2d(Apply(_architecture.Stem(), input1).relu(), 3, 2, 1);
        foreach (var block in _architecture.Blocks())
        {
            var branch = map;
            foreach (var spec in block.Chain.SkipLast(1))
            {
                branch = Apply(spec, branch).relu();
            }

            var residual = block.Shortcut is { } shortcut ? Apply(shortcut, map) : map;
            map = Apply(block.Chain[^1], branch).add(residual, _one).relu();
        }

        return _head.call(map.mean([2, 3])).MoveToOuterDisposeScope();
    }

    private Tensor Apply(ConvolutionSpec spec, Tensor map)
    {
        var (convolution, normalisation) = _parts[spec.Name];
        return normalisation.call(convolution.call(map));
    }

    /// <summary>He initialisation by the outputs, as torchvision has it (He et al., ICCV 2015, eq. 14); normalisations start as the identity.</summary>
    private void Initialize(Random random)
    {
        using var noGrad = no_grad();
        foreach (var spec in _architecture.Convolutions())
        {
            Initialisation.Normal(Floats(_parts[spec.Name].Convolution.weight!), Math.Sqrt(2.0 / (spec.Outputs * spec.Kernel * spec.Kernel)), random);
        }

        Initialisation.Normal(Floats(_head.weight!), HeadDeviation, random);
        Floats(_head.bias!).Clear();
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
