namespace ToNNO.Encoders.Networks;

/// <summary>A residual network (He et al., CVPR 2016, table 1) of 18 or 50 layers, in torchvision's form and with its names:
/// batch normalisation after every convolution, and in the bottlenecks of ResNet-50 the stride in the 3x3 convolution.</summary>
/// <param name="Depth">18 or 50.</param>
/// <param name="InputChannels">Channels of a slice.</param>
/// <param name="Classes">Logits of a slice.</param>
public sealed record ResNetArchitecture(int Depth, int InputChannels = 1, int Classes = 1) : ISliceArchitecture
{
    private const int MaxChannels = 4096;
    private const int StemChannels = 64;

    public string Name => $"resnet{Depth}";

    // Five halvings round up, so that even one pixel comes through; below this there is nothing to see.
    public int SmallestSlice => 8;

    /// <summary>Channels of the last feature map.</summary>
    internal int FeatureChannels => 512 * Expansion;

    private int Expansion => Depth == 18 ? 1 : 4;

    /// <summary>Says why no network can be built, or null when one can.</summary>
    public string? Problem() =>
        Depth is not (18 or 50) ? "only ResNet-18 and ResNet-50 are built in"
        : InputChannels is < 1 or > MaxChannels || Classes is < 1 or > MaxChannels ? $"channels and classes must be 1 to {MaxChannels}"
        : null;

    /// <summary>Names and shapes of the weights, as in <c>torchvision.models.resnet18().state_dict()</c> without the counters
    /// <c>num_batches_tracked</c>, which play no part in inference.</summary>
    public IReadOnlyDictionary<string, long[]> StateShapes()
    {
        var shapes = new Dictionary<string, long[]>(StringComparer.Ordinal);
        foreach (var convolution in Convolutions())
        {
            shapes[$"{convolution.Name}.weight"] = [convolution.Outputs, convolution.Inputs, convolution.Kernel, convolution.Kernel];
            foreach (var part in new[] { "weight", "bias", "running_mean", "running_var" })
            {
                shapes[$"{convolution.Normalisation}.{part}"] = [convolution.Outputs];
            }
        }

        shapes["fc.weight"] = [Classes, FeatureChannels];
        shapes["fc.bias"] = [Classes];
        return shapes;
    }

    /// <summary>The convolution that the slice goes through first.</summary>
    internal ConvolutionSpec Stem() => new("conv1", "bn1", InputChannels, StemChannels, Kernel: 7, Stride: 2);

    /// <summary>The residual blocks in order.</summary>
    internal IEnumerable<ResidualBlockSpec> Blocks()
    {
        int[] counts = Depth == 18 ? [2, 2, 2, 2] : [3, 4, 6, 3];
        var channels = StemChannels;
        for (var stage = 0; stage < counts.Length; stage++)
        {
            var (width, outputs) = (64 << stage, (64 << stage) * Expansion);
            for (var block = 0; block < counts[stage]; block++)
            {
                var (name, stride) = ($"layer{stage + 1}.{block}", block == 0 && stage > 0 ? 2 : 1);
                ConvolutionSpec Convolution(int number, int inputs, int to, int kernel, int step) =>
                    new($"{name}.conv{number}", $"{name}.bn{number}", inputs, to, kernel, step);
                IReadOnlyList<ConvolutionSpec> chain = Depth == 18
                    ? [Convolution(1, channels, width, 3, stride), Convolution(2, width, width, 3, 1)]
                    : [Convolution(1, channels, width, 1, 1), Convolution(2, width, width, 3, stride), Convolution(3, width, outputs, 1, 1)];
                var shortcut = stride > 1 || channels != outputs
                    ? new ConvolutionSpec($"{name}.downsample.0", $"{name}.downsample.1", channels, outputs, Kernel: 1, stride)
                    : null;
                yield return new ResidualBlockSpec($"layer{stage + 1}", chain, shortcut);
                channels = outputs;
            }
        }
    }

    internal IEnumerable<ConvolutionSpec> Convolutions() =>
        Blocks().SelectMany(block => block.Shortcut is { } shortcut ? block.Chain.Append(shortcut) : block.Chain).Prepend(Stem());
}

/// <summary>A convolution without bias, padded by half its kernel, and the batch normalisation that follows it.</summary>
internal sealed record ConvolutionSpec(string Name, string Normalisation, int Inputs, int Outputs, int Kernel, int Stride)
{
    public int Padding => Kernel / 2;
}

/// <summary>relu(chain(x) + shortcut(x)), with a relu between the chain's convolutions.</summary>
/// <param name="Layer">The stage that the block is part of, as in <c>layer1</c>.</param>
/// <param name="Shortcut">Null for the identity.</param>
internal sealed record ResidualBlockSpec(string Layer, IReadOnlyList<ConvolutionSpec> Chain, ConvolutionSpec? Shortcut);
