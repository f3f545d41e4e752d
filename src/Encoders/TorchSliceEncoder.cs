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
    private readonly SliceNetwork _network;
    private readonly Device _device;
    private readonly DeviceVolumes _volumes;
    private readonly BatchSizes _batches;
    private readonly TorchMaps _maps;
    private readonly bool _shared;

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
        Card = card;
        Device = _device.type == DeviceType.CUDA ? $"cuda:{_device.index}" : "cpu";
        _batches = new BatchSizes(_device, Device, card, batchSize);
        _maps = new TorchMaps(network, _device, card, _batches);
        _network.Prepare(_device);
    }

    private TorchSliceEncoder(TorchSliceEncoder other, int batchSize)
    {
        (_network, _device, _volumes, _shared) = (other._network, other._device, new DeviceVolumes(other._device), true);
        (Card, Device) = (other.Card, other.Device);
        _batches = new BatchSizes(_device, Device, Card, batchSize);
        _maps = new TorchMaps(_network, _device, Card, _batches);
    }

    public EncoderCard Card { get; }

    public string Device { get; }

    public string Libtorch => __version__;

    /// <summary>The numbers that the network computes with.</summary>
    public EncoderPrecision Precision => _network.Precision;

    public IReadOnlyList<string> CamLayers => _network.CamLayers;

    /// <summary>Slices per forward pass of slices of <paramref name="size"/> x <paramref name="size"/> pixels.</summary>
    public int BatchSize(int size) => _batches.Of(size);

    int? ISliceEncoder.BatchSize(int size) => BatchSize(size);

    /// <summary>An encoder with the same network in memory and other batches; it ends with this one.</summary>
    internal TorchSliceEncoder WithBatchSize(int batchSize) => new(this, batchSize);

    /// <summary>Slices per forward pass on the CPU; whoever hands slices in does well to hand in a multiple.</summary>
    /// <remarks>ResNet-18, one thread, slices per processor second at batch 2, 4, 8 and 16: 80, 87, 91, 101 of 128² and 29, 31, 31,
    /// 30 of 224² in float32; 91, 123, 150, 172 and 45, 51, 56, 60 in bfloat16. Small networks take 8 and 16 alike, 32 are a tenth slower.</remarks>
    public static int CpuBatchOf(int size) => BatchSizes.OnCpu(size);

    public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits) =>
        Encode(slices, count, format, request: null, logits, maps: []);

    /// <inheritdoc/>
    public MapGrid CamGrid(SliceFormat format, string layer)
    {
        this.ResolveCamLayer(layer);
        return _maps.Grid(format, layer);
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
                _batches.Halve(format.Size, batchSize, error);
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
                    Copy(_maps.Of(features!, format.PixelMm, request, request.Classes[at]), destination);
                    EncodeArguments.CheckFinite(destination, cells, first, request, request.Classes[at], Card);
                }

                first += taken;
            }
            catch (ExternalException error) when (OutOfMemory.Is(error))
            {
                _batches.Halve(format.Size, batchSize, error);
            }
        }

        EncoderTelemetry.Encoded(count, Stopwatch.GetElapsedTime(start), Device);
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
}
