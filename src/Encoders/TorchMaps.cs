using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Lifting;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Makes class activation maps of one network's features.</summary>
internal sealed class TorchMaps(SliceNetwork network, Device device, EncoderCard card, BatchSizes batches)
{
    private readonly ConcurrentDictionary<(int, string), int> _edges = new();

    /// <summary>The cells of a layer's maps; the first time that a layer and a slice size are asked for, a batch of noise tells their number.</summary>
    /// <exception cref="EncoderException">The layer's features are no square map.</exception>
    public MapGrid Grid(SliceFormat format, string layer)
    {
        var edge = _edges.GetOrAdd((format.Size, layer), _ => Measure(format, layer));
        return network.CamCells(layer) is var (stride, first)
            ? new MapGrid(edge, stride * format.PixelMm, (first - ((format.Size - 1) / 2.0)) * format.PixelMm)
            : MapGrid.OverSlice(format.Size * format.PixelMm, edge);
    }

    /// <summary>Maps of a batch; the slices' logits do not depend on each other, so the gradient of their sum is each one's own.</summary>
    /// <param name="features">The layer's, as the forward pass gave them.</param>
    /// <exception cref="EncoderException">What follows the layer has no derivative.</exception>
    public Tensor Of(Tensor features, double pixelMm, CamRequest request, int classIndex)
    {
        ExternalException? refused = null;
        try
        {
            using var withGradients = enable_grad();
            var variable = features.detach().requires_grad_(true);
            // A copy, since a head may begin with an operator in place, which a leaf does not stand.
            var logit = network.Head(variable.clone(), pixelMm, request.Layer).select(1, classIndex).sum();
            // Not autograd.grad, whose errors TorchSharp does not catch: they would end the process. Nothing but the variable gets a gradient.
            autograd.backward([logit], inputs: [variable]);
            if (variable.grad is { } gradient)
            {
                return ClassActivationMap.Of(request.Kind, variable.detach().to(float32), gradient.to(float32));
            }
        }
        catch (ExternalException error) when (!OutOfMemory.Is(error))
        {
            refused = error;
        }

        throw new EncoderException(
            EncoderError.CamUnsound,
            $"What follows {request.Layer} in {card.Name} has no derivative in its features: leave no detach, no_grad or quantized operator there, " +
            "and do not optimise it for inference, or choose another layer.",
            refused);
    }

    private int Measure(SliceFormat format, string layer)
    {
        while (true)
        {
            var batchSize = batches.Of(format.Size);
            try
            {
                return Measure(format, layer, batchSize);
            }
            catch (ExternalException error) when (OutOfMemory.Is(error))
            {
                batches.Halve(format.Size, batchSize, error);
            }
        }
    }

    private int Measure(SliceFormat format, string layer, int batchSize)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var batch = empty(batchSize, card.Channels, format.Size, format.Size);
        // Noise, not zeros: a network that checks itself on them is to see something, and no two slices alike.
        var random = new Random(1);
        foreach (ref var pixel in MemoryMarshal.Cast<byte, float>(batch.bytes))
        {
            pixel = random.NextSingle();
        }

        var shape = network.ForwardWithFeatures(batch.to(device), format.PixelMm, layer).Features.shape;
        return shape is [var count, > 0, var height, var width] && count == batchSize && height == width && height > 0
            ? (int)height
            : throw new EncoderException(
                EncoderError.CamUnsound,
                $"The features {layer} of {card.Name} are [{string.Join(", ", shape)}] for {batchSize} slices of {format.Size} x {format.Size} pixels; " +
                $"maps need [{batchSize}, channels, M, M]: reshape them so in its method, or choose another layer.");
    }
}
