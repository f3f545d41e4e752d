using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Encodes slices with a network on one device.</summary>
/// <remarks>
/// Every forward pass has the same batch size, the last one filled up with zero slices: kernels are chosen by shape, so a
/// slice's logit would otherwise depend, in its last bits, on how many neighbours it is handed in with. Where memory does not do
/// for a batch, those of its slice size are halved until it does, and stay so: logits then differ in their last bits from before.
/// Several threads may call one instance; the weights are shared. Give each a process-wide <c>OMP_NUM_THREADS=1</c>, since
/// torch's own setting does not reach threads that it did not make.
/// </remarks>
public sealed class TorchSliceEncoder : ICamEncoder, IVolumeEncoder
{
    private const int CudaBatch = 256;
    private const int CpuBatch = 16;
    private const int CpuBatchPixels = 1 << 20;

    private readonly SliceNetwork _network;
    private readonly Device _device;
    private readonly DeviceVolumes _volumes;
    private readonly int? _batchSize;
    private readonly bool _shared;
    private readonly ConcurrentDictionary<(int, string), int> _camEdges = new();

    /// <summary>By slice size, the batches that memory does for where it did not do for those of <see cref="_batchSize"/>.</summary>
    private readonly ConcurrentDictionary<int, int> _halved = new();

    /// <param name="network">Becomes the encoder's: moved to the device, put in evaluation mode and disposed of with it.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</param>
    /// <param name="batchSize">Slices per forward pass, or null for the device's default. It belongs to what fixes the bytes of a run.</param>
    /// <exception cref="EncoderException">The device is not there.</exception>
    public TorchSliceEncoder(SliceNetwork network, EncoderCard card, string device, int? batchSize = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(card);
        if (batchSize is { } size)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(size, 1, nameof(batchSize));
        }

        _device = TorchDevice.Resolve(device);
        _network = network;
        _volumes = new DeviceVolumes(_device);
        _batchSize = batchSize;
        Card = card;
        Device = _device.type == DeviceType.CUDA ? $"cuda:{_device.index}" : "cpu";
        _network.Prepare(_device);
    }

    private TorchSliceEncoder(TorchSliceEncoder other, int batchSize)
    {
        (_network, _device, _volumes, _batchSize, _shared) = (other._network, other._device, new DeviceVolumes(other._device), batchSize, true);
        (Card, Device) = (other.Card, other.Device);
    }

    public EncoderCard Card { get; }

    public string Device { get; }

    /// <summary>The numbers that the network computes with.</summary>
    public EncoderPrecision Precision => _network.Precision;

    public IReadOnlyList<string> CamLayers => _network.CamLayers;

    /// <summary>Slices per forward pass of slices of <paramref name="size"/> x <paramref name="size"/> pixels.</summary>
    public int BatchSize(int size) =>
        _halved.TryGetValue(size, out var smaller) ? smaller : _batchSize ?? (_device.type == DeviceType.CUDA ? CudaBatch : CpuBatchOf(size));

    /// <summary>An encoder with the same network in memory and other batches; it ends with this one.</summary>
    internal TorchSliceEncoder WithBatchSize(int batchSize) => new(this, batchSize);

    /// <summary>Slices per forward pass on the CPU; whoever hands slices in does well to hand in a multiple.</summary>
    /// <remarks>ResNet-18, one thread, slices per processor second at batch 2, 4, 8 and 16: 80, 87, 91, 101 of 128² and 29, 31, 31,
    /// 30 of 224² in float32; 91, 123, 150, 172 and 45, 51, 56, 60 in bfloat16. Small networks take 8 and 16 alike, 32 are a tenth slower.</remarks>
    public static int CpuBatchOf(int size) => Math.Clamp(CpuBatchPixels / (size * size), 1, CpuBatch);

    public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits) =>
        Encode(slices, count, format, request: null, logits, maps: []);

    /// <inheritdoc/>
    /// <remarks>The first time that a layer and a slice size are asked for, a batch of noise tells the number of cells.</remarks>
    public MapGrid CamGrid(SliceFormat format, string layer)
    {
        this.ResolveCamLayer(layer);
        var edge = _camEdges.GetOrAdd((format.Size, layer), _ => MeasureCam(format, layer));
        return _network.CamCells(layer) is var (stride, first)
            ? new MapGrid(edge, stride * format.PixelMm, (first - ((format.Size - 1) / 2.0)) * format.PixelMm)
            : MapGrid.OverSlice(format.Size * format.PixelMm, edge);
    }

    /// <inheritdoc/>
    /// <remarks>The logits are those of a pass without gradients, and equal Encode's bit for bit. Only the network behind the layer
    /// is run a second time, with them. Maps are computed in float32 from whatever the features are.</remarks>
    public void EncodeCam(ReadOnlySpan<float> slices, int count, SliceFormat format, CamRequest request, Span<float> logits, Span<float> maps)
    {
        ArgumentNullException.ThrowIfNull(request);
        EncodeArguments.Check(Card, slices, count, format, logits);
        EncodeArguments.CheckCam(Card, count, request, CamGrid(format, request.Layer).Edge, maps);
        Encode(slices, count, format, request, logits, maps);
    }

    /// <inheritdoc/>
    public void EncodePlanes(
        IReadOnlyList<Volume> channels,
        IReadOnlyList<IntensityMap> intensities,
        ReadOnlySpan<SlicePlane> planes,
        Vector3D centreMm,
        SliceFormat format,
        Span<float> logits,
        Span<bool> blank)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(intensities);
        ArgumentOutOfRangeException.ThrowIfNotEqual(intensities.Count, channels.Count, nameof(intensities));
        EncodeArguments.CheckPlanes(Card, channels.Count, planes.Length, format, logits, blank);
        var start = Stopwatch.GetTimestamp();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var classes = Card.Classes.Count;
        for (var first = 0; first < planes.Length;)
        {
            var batchSize = BatchSize(format.Size);
            try
            {
                using var step = NewDisposeScope();
                var taken = Math.Min(batchSize, planes.Length - first);
                var (pixels, anything) = _volumes.Cut(channels, intensities, planes.Slice(first, taken), centreMm, format, batchSize);
                Forward(pixels, batchSize, first, format, layer: null, logits.Slice(first * classes, taken * classes));
                var seen = anything.cpu().bytes;
                for (var at = 0; at < taken; at++)
                {
                    blank[first + at] = seen[at] == 0;
                }

                first += taken;
            }
            catch (ExternalException error) when (OutOfMemory.Is(error))
            {
                Halve(format.Size, batchSize, error);
            }
        }

        EncoderTelemetry.Encoded(planes.Length, Stopwatch.GetElapsedTime(start), Device);
    }

    public void Dispose()
    {
        _volumes.Dispose();
        if (!_shared)
        {
            _network.Dispose();
        }
    }

    private void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, CamRequest? request, Span<float> logits, Span<float> maps)
    {
        EncodeArguments.Check(Card, slices, count, format, logits);
        var start = Stopwatch.GetTimestamp();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (channels, classes) = (Card.Channels, Card.Classes.Count);
        var pixels = channels * format.Size * format.Size;
        Tensor? batch = null;
        for (var first = 0; first < count;)
        {
            var batchSize = BatchSize(format.Size);
            try
            {
                if (batch?.shape[0] != batchSize)
                {
                    batch?.Dispose();
                    batch = empty(batchSize, channels, format.Size, format.Size);
                }

                var taken = Math.Min(batchSize, count - first);
                var input = MemoryMarshal.Cast<byte, float>(batch.bytes);
                slices.Slice(first * pixels, taken * pixels).CopyTo(input);
                input[(taken * pixels)..].Clear();
                using var step = NewDisposeScope();
                var features = Forward(batch.to(_device), batchSize, first, format, request?.Layer, logits.Slice(first * classes, taken * classes));
                for (var at = 0; at < request?.Classes.Count; at++)
                {
                    var (classMaps, cells) = (maps.Length / request.Classes.Count, maps.Length / request.Classes.Count / count);
                    var destination = maps.Slice((at * classMaps) + (first * cells), taken * cells);
                    Copy(ActivationMaps(features!, format.PixelMm, request, request.Classes[at]), destination);
                    EncodeArguments.CheckFinite(destination, cells, first, request, request.Classes[at], Card);
                }

                first += taken;
            }
            catch (ExternalException error) when (OutOfMemory.Is(error))
            {
                Halve(format.Size, batchSize, error);
            }
        }

        EncoderTelemetry.Encoded(count, Stopwatch.GetElapsedTime(start), Device);
    }

    /// <summary>Halves the batches of this slice size from now on, since memory did not do for one of them.</summary>
    /// <exception cref="EncoderException">One slice is too much.</exception>
    private void Halve(int size, int batchSize, ExternalException refused)
    {
        if (batchSize == 1)
        {
            throw new EncoderException(
                EncoderError.OutOfMemory,
                $"{Card.Name} needs more memory for one slice of {size} x {size} pixels than {Device} has left: end what else uses it, " +
                "take smaller slices (--size) or another device.",
                refused);
        }

        // Another thread may have met the same want, and halved them already.
        _halved.AddOrUpdate(size, batchSize / 2, (_, now) => Math.Min(now, batchSize / 2));
        EncoderTelemetry.BatchHalved(Device);
    }

    /// <summary>One forward pass.</summary>
    /// <param name="batch">Slices on the device, as many as a batch has.</param>
    /// <param name="first">Index of the first, for messages.</param>
    /// <param name="logits">Destination, of the slices that count.</param>
    /// <returns>The layer's features, where one is named.</returns>
    private Tensor? Forward(Tensor batch, int batchSize, int first, SliceFormat format, string? layer, Span<float> logits)
    {
        var (features, output) = layer is null
            ? (null, _network.call(batch, format.PixelMm))
            : _network.ForwardWithFeatures(batch, format.PixelMm, layer);
        CopyLogits(output, batchSize, logits);
        EncodeArguments.CheckFinite(logits, Card.Classes.Count, first, Card);
        return features;
    }

    private void CopyLogits(Tensor output, int batchSize, Span<float> logits)
    {
        if (output.dim() != 2 || output.shape[0] != batchSize || output.shape[1] != Card.Classes.Count || output.dtype != ScalarType.Float32)
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{Card.Name} answers {batchSize} slices with {output.dtype} [{string.Join(", ", output.shape)}]; " +
                $"its card promises float32 [{batchSize}, {Card.Classes.Count}].");
        }

        Copy(output, logits);
    }

    private static void Copy(Tensor tensor, Span<float> target) =>
        MemoryMarshal.Cast<byte, float>(tensor.cpu().contiguous().bytes)[..target.Length].CopyTo(target);

    /// <summary>Maps of a batch; the slices' logits do not depend on each other, so the gradient of their sum is each one's own.</summary>
    private Tensor ActivationMaps(Tensor features, double pixelMm, CamRequest request, int classIndex)
    {
        ExternalException? refused = null;
        try
        {
            using var withGradients = enable_grad();
            var variable = features.detach().requires_grad_(true);
            // A copy, since a head may begin with an operator in place, which a leaf does not stand.
            var logit = _network.Head(variable.clone(), pixelMm, request.Layer).select(1, classIndex).sum();
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
            $"What follows {request.Layer} in {Card.Name} has no derivative in its features: leave no detach, no_grad or quantized operator there, " +
            "and do not optimise it for inference, or choose another layer.",
            refused);
    }

    private int MeasureCam(SliceFormat format, string layer)
    {
        while (true)
        {
            var batchSize = BatchSize(format.Size);
            try
            {
                return MeasureCam(format, layer, batchSize);
            }
            catch (ExternalException error) when (OutOfMemory.Is(error))
            {
                Halve(format.Size, batchSize, error);
            }
        }
    }

    private int MeasureCam(SliceFormat format, string layer, int batchSize)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var batch = empty(batchSize, Card.Channels, format.Size, format.Size);
        // Noise, not zeros: a network that checks itself on them is to see something, and no two slices alike.
        var random = new Random(1);
        foreach (ref var pixel in MemoryMarshal.Cast<byte, float>(batch.bytes))
        {
            pixel = random.NextSingle();
        }

        var shape = _network.ForwardWithFeatures(batch.to(_device), format.PixelMm, layer).Features.shape;
        return shape is [var count, > 0, var height, var width] && count == batchSize && height == width && height > 0
            ? (int)height
            : throw new EncoderException(
                EncoderError.CamUnsound,
                $"The features {layer} of {Card.Name} are [{string.Join(", ", shape)}] for {batchSize} slices of {format.Size} x {format.Size} pixels; " +
                $"maps need [{batchSize}, channels, M, M]: reshape them so in its method, or choose another layer.");
    }
}
