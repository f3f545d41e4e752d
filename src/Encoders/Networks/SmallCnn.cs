using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A small fully convolutional network whose logit is pooled from per-pixel logits; see <see cref="SmallCnnArchitecture"/>.</summary>
/// <remarks>Weights are named <c>layers.0.weight</c>, <c>layers.0.bias</c>, …, <c>head.weight</c>, <c>head.bias</c> and <c>bias</c>.</remarks>
public sealed class SmallCnn : TrainableNetwork
{
    // Scalars are held for as long as torch reads them. One that an operator makes of a number on the way may be finalized by a
    // collection on another thread in the middle of the native call (dotnet/TorchSharp#1434), which then reads freed memory.
    private static readonly Scalar _one = 1.ToScalar();
    private static readonly Scalar _leak = 0.01.ToScalar();

    // TorchSharp finds the parts of a module by its fields.
#pragma warning disable IDE1006
    private readonly TorchSharp.Modules.ModuleList<TorchSharp.Modules.Conv2d> layers;
    private readonly TorchSharp.Modules.Conv2d head;
    private readonly TorchSharp.Modules.Parameter bias;
#pragma warning restore IDE1006

    /// <param name="seed">Same seed, same weights, on every machine and thread: torch's global generator is not used.</param>
    /// <exception cref="ArgumentException">The architecture cannot be built.</exception>
    public SmallCnn(SmallCnnArchitecture architecture, int seed = 0)
        : base(nameof(SmallCnn))
    {
        ArgumentNullException.ThrowIfNull(architecture);
        if (architecture.Problem() is { } problem)
        {
            throw new ArgumentException($"This network cannot be built: {problem}.", nameof(architecture));
        }

        Architecture = architecture;
        CamLayers = [.. Enumerable.Range(0, architecture.Layers.Count).Reverse().Select(i => string.Create(CultureInfo.InvariantCulture, $"layers.{i}"))];
        using var scope = NewDisposeScope();
        var convolutions = new List<TorchSharp.Modules.Conv2d>();
        var channels = architecture.InputChannels;
        foreach (var layer in architecture.Layers)
        {
            var padding = layer.Dilation * (layer.Kernel - 1) / 2;
            convolutions.Add(nn.Conv2d(channels, layer.Channels, layer.Kernel, layer.Stride, padding, layer.Dilation));
            channels = layer.Channels;
        }

        layers = new([.. convolutions]);
        head = nn.Conv2d(channels, architecture.Classes, 1);
        bias = nn.Parameter(zeros(architecture.Classes));
        RegisterComponents();
        Initialize(new Random(seed));
        // The scope is for what torch's own initialisation leaves behind; the weights live until Dispose, also in a caller's scope.
        foreach (var (_, parameter) in named_parameters())
        {
            parameter.DetachFromDisposeScope();
        }
    }

    public override SmallCnnArchitecture Architecture { get; }

    internal override List<string> CamLayers { get; }

    public override IReadOnlyDictionary<string, Tensor> State() =>
        named_parameters().ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter, StringComparer.Ordinal);

    /// <inheritdoc/>
    /// <param name="input1">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="input2">Pixel size in mm.</param>
    public override Tensor forward(Tensor input1, double input2)
    {
        using var scope = NewDisposeScope();
        return Pool(PixelLogits(input1), input2).MoveToOuterDisposeScope();
    }

    /// <summary>The per-pixel logits <c>[B, K, S', S']</c> before the pooling: the network's own localisation.</summary>
    public Tensor PixelLogits(Tensor slices)
    {
        ArgumentNullException.ThrowIfNull(slices);
        using var scope = NewDisposeScope();
        return Classify(Convolve(slices, 0, layers.Count)).MoveToOuterDisposeScope();
    }

    internal override (double Stride, double First)? CamCells(string layer)
    {
        var (stride, first) = (1.0, 0.0);
        foreach (var convolution in Architecture.Layers.Take(EndOf(layer)))
        {
            // Padded by half its kernel, a convolution stays centred on every stride-th of its inputs; a pooling lies between its.
            stride *= convolution.Stride;
            first += stride * (convolution.MaxPool - 1) / 2;
            stride *= convolution.MaxPool;
        }

        return (stride, first);
    }

    internal override (Tensor Features, Tensor Logits) ForwardWithFeatures(Tensor slices, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        var end = EndOf(layer);
        var features = Convolve(slices, 0, end);
        var logits = Pool(Classify(Convolve(features, end, layers.Count)), pixelMm);
        return (features.MoveToOuterDisposeScope(), logits.MoveToOuterDisposeScope());
    }

    internal override Tensor Head(Tensor features, double pixelMm, string layer)
    {
        using var scope = NewDisposeScope();
        return Pool(Classify(Convolve(features, EndOf(layer), layers.Count)), pixelMm).MoveToOuterDisposeScope();
    }

    /// <summary>How many layers there are up to and with this one.</summary>
    private int EndOf(string layer) => layers.Count - CamLayers.IndexOf(layer);

    /// <summary>The layers from <paramref name="start"/> up to <paramref name="end"/>, each with its activation and pooling.</summary>
    private Tensor Convolve(Tensor map, int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var layer = Architecture.Layers[i];
            map = Activate(layers[i].call(map), layer.Activation);
            if (layer.MaxPool > 1)
            {
                map = nn.functional.max_pool2d(map, layer.MaxPool);
            }
        }

        return map;
    }

    private Tensor Classify(Tensor map)
    {
        // A 1x1 convolution, but not by conv2d: on one thread that goes around oneDNN for small batches, and tries NNPACK
        // anew in every call, with a line on stderr each time where the processor is not on NNPACK's list.
        var logits = einsum("bchw,kc->bkhw", map, head.weight!.flatten(1)).add(head.bias!.view(-1, 1, 1), _one);
        return Activate(logits, Architecture.PixelActivation);
    }

    private Tensor Pool(Tensor pixelLogits, double slicePixelMm)
    {
        var map = pixelLogits.flatten(2);
        var pixelMm = Architecture.Stride * slicePixelMm;
        using var area = (pixelMm * pixelMm / Architecture.AreaUnitMm2).ToScalar();
        using var sharpness = Architecture.Sharpness.ToScalar();
        using var logCount = Math.Log(map.shape[2]).ToScalar();
        var pooled = Architecture.Pooling switch
        {
            PixelPooling.Sum => map.sum(2).mul(area),
            PixelPooling.Mean => map.mean([2]),
            PixelPooling.LogSumExp => map.mul(sharpness).logsumexp(2).sub(logCount).div(sharpness),
            _ => throw new InvalidOperationException($"Unknown pooling {Architecture.Pooling}."),
        };
        return pooled.add(bias, _one);
    }

    private static Tensor Activate(Tensor map, Activation activation) => activation switch
    {
        Activation.Identity => map,
        Activation.Relu => nn.functional.relu(map),
        Activation.LeakyRelu => map.leaky_relu(_leak),
        Activation.Silu => nn.functional.silu(map),
        Activation.Softplus => nn.functional.logsigmoid(map.neg()).neg(), // softplus itself makes such scalars
        _ => throw new InvalidOperationException($"Unknown activation {activation}."),
    };

    /// <summary>He initialisation (He et al., ICCV 2015, eq. 10): variance 2/fan-in, biases zero.</summary>
    private void Initialize(Random random)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (_, parameter) in named_parameters())
        {
            var values = MemoryMarshal.Cast<byte, float>(parameter.bytes);
            if (parameter.dim() == 4)
            {
                Initialisation.Normal(values, Math.Sqrt(2.0 / (parameter.shape[1] * parameter.shape[2] * parameter.shape[3])), random);
            }
            else
            {
                values.Clear();
            }
        }

        if (Architecture.PixelActivation == Activation.Softplus)
        {
            // Softplus(0) = 0.7 on every pixel of a slice would start the training far on the positive side.
            MemoryMarshal.Cast<byte, float>(head.bias!.bytes).Fill(-4);
        }
    }
}
