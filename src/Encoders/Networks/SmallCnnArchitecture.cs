using System.Text.Json.Serialization;

namespace ToNNO.Encoders.Networks;

public enum Activation
{
    Identity,
    Relu,
    LeakyRelu,
    Silu,

    /// <summary>log(1 + eˣ): on the per-pixel logits it makes evidence that never counts against a lesion.</summary>
    Softplus,
}

/// <summary>How the per-pixel logits of a slice become its logit.</summary>
public enum PixelPooling
{
    /// <summary>Sum times the pixel's area: linear in lesion area, which the exact inverse (α = 2) assumes.</summary>
    Sum,

    /// <summary>Mean over the slice: the sum for a fixed slice edge in mm.</summary>
    Mean,

    /// <summary>log(mean(exp(r·x)))/r: from the mean (r → 0) towards the maximum (r → ∞).</summary>
    LogSumExp,
}

/// <summary>A convolution with zero padding to the same size, then the activation, then max pooling.</summary>
public sealed record ConvLayer
{
    /// <summary>Output channels.</summary>
    public required int Channels { get; init; }

    /// <summary>Edge of the kernel, odd.</summary>
    public int Kernel { get; init; } = 3;

    public int Stride { get; init; } = 1;

    public int Dilation { get; init; } = 1;

    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>Edge and stride of the max pooling; 1 for none.</summary>
    public int MaxPool { get; init; } = 1;
}

/// <summary>
/// Convolutions, a 1x1 convolution to one logit per class and pixel, a pooling over the slice and a bias per class.
/// Everything that decides the logits besides the weights; it is stored in <c>metadata.json</c>.
/// </summary>
public sealed record SmallCnnArchitecture : ISliceArchitecture
{
    public const string MetadataName = "small-cnn";

    private const int MaxLayers = 64;
    private const int MaxChannels = 4096;
    private const int MaxReach = 1024;

    /// <summary>64 million weights, 256 MB: beyond this a network is not small.</summary>
    private const long MaxWeights = 64L << 20;

    [JsonIgnore]
    public string Name => MetadataName;

    public int InputChannels { get; init; } = 1;

    public int Classes { get; init; } = 1;

    public required IReadOnlyList<ConvLayer> Layers { get; init; }

    /// <summary>What is done to the per-pixel logits before the pooling.</summary>
    public Activation PixelActivation { get; init; } = Activation.Identity;

    public PixelPooling Pooling { get; init; } = PixelPooling.Sum;

    /// <summary>The area that adds one per-pixel logit to the slice's logit under <see cref="PixelPooling.Sum"/>, mm².</summary>
    public double AreaUnitMm2 { get; init; } = 100;

    /// <summary>r of <see cref="PixelPooling.LogSumExp"/>.</summary>
    public double Sharpness { get; init; } = 1;

    /// <summary>Pixels of the slice per pixel of the logit map, along one axis.</summary>
    [JsonIgnore]
    public int Stride => Layers.Aggregate(1, (stride, layer) => stride * layer.Stride * layer.MaxPool);

    [JsonIgnore]
    public int SmallestSlice => Stride;

    /// <summary>Edge in pixels of the neighbourhood that one per-pixel logit sees.</summary>
    [JsonIgnore]
    public int ReceptiveField
    {
        get
        {
            var (edge, stride) = (1, 1);
            foreach (var layer in Layers)
            {
                edge += stride * layer.Dilation * (layer.Kernel - 1);
                stride *= layer.Stride;
                edge += stride * (layer.MaxPool - 1);
                stride *= layer.MaxPool;
            }

            return edge;
        }
    }

    /// <summary>Says why no network can be built, or null when one can.</summary>
    public string? Problem()
    {
        if (InputChannels is < 1 or > MaxChannels || Classes is < 1 or > MaxChannels)
        {
            return $"channels and classes must be 1 to {MaxChannels}";
        }

        if (Layers is null || Layers.Count is < 1 or > MaxLayers || Layers.Any(layer => layer is null))
        {
            return $"there must be 1 to {MaxLayers} layers";
        }

        if (!Enum.IsDefined(PixelActivation) || !Enum.IsDefined(Pooling) || Layers.Any(layer => !Enum.IsDefined(layer.Activation)))
        {
            return "an activation or the pooling is unknown";
        }

        if (!(AreaUnitMm2 > 0) || !double.IsFinite(AreaUnitMm2) || !(Sharpness > 0) || !double.IsFinite(Sharpness))
        {
            return "the area unit and the sharpness must be positive numbers";
        }

        long weights = 0, stride = 1, channels = InputChannels;
        for (var i = 0; i < Layers.Count; i++)
        {
            var layer = Layers[i];
            if (layer.Channels is < 1 or > MaxChannels)
            {
                return $"layer {i} must have 1 to {MaxChannels} channels";
            }

            if (layer.Kernel is < 1 or > 31 || layer.Kernel % 2 == 0)
            {
                return $"the kernel of layer {i} must be odd and at most 31";
            }

            if (layer.Stride is < 1 or > 16 || layer.Dilation is < 1 or > 64 || layer.MaxPool is < 1 or > 16)
            {
                return $"stride and max pooling of layer {i} must be 1 to 16, its dilation 1 to 64";
            }

            stride *= layer.Stride * layer.MaxPool;
            weights += channels * layer.Channels * layer.Kernel * layer.Kernel;
            if (stride > MaxReach || weights > MaxWeights)
            {
                return $"with layer {i} the network has {weights} weights and a stride of {stride}, over {MaxWeights} or {MaxReach}";
            }

            channels = layer.Channels;
        }

        return ReceptiveField <= MaxReach * MaxLayers ? null : "the receptive field is absurdly large";
    }

    public bool Equals(SmallCnnArchitecture? other) =>
        other is not null
        && (InputChannels, Classes, PixelActivation, Pooling, AreaUnitMm2, Sharpness)
            == (other.InputChannels, other.Classes, other.PixelActivation, other.Pooling, other.AreaUnitMm2, other.Sharpness)
        && Layers.SequenceEqual(other.Layers);

    public override int GetHashCode() => HashCode.Combine(InputChannels, Classes, PixelActivation, Pooling, Layers.Count, Stride);
}
