using System.Diagnostics;
using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Encodes slices with a network on one device.</summary>
/// <remarks>
/// Every forward pass has the same batch size, the last one filled up with zero slices: kernels are chosen by shape, so a
/// slice's logit would otherwise depend, in its last bits, on how many neighbours it is handed in with.
/// Several threads may call one instance; the weights are shared. Give each a process-wide <c>OMP_NUM_THREADS=1</c>, since
/// torch's own setting does not reach threads that it did not make.
/// </remarks>
public sealed class TorchSliceEncoder : ISliceEncoder
{
    private const int CudaBatch = 256;
    private const int CpuBatch = 8;
    private const int CpuBatchPixels = 1 << 17;

    private readonly SliceNetwork _network;
    private readonly Device _device;
    private readonly int? _batchSize;

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
        _batchSize = batchSize;
        Card = card;
        Device = _device.type == DeviceType.CUDA ? $"cuda:{_device.index}" : "cpu";
        _network.Prepare(_device);
    }

    public EncoderCard Card { get; }

    public string Device { get; }

    /// <summary>Slices per forward pass of slices of <paramref name="size"/> x <paramref name="size"/> pixels.</summary>
    /// <remarks>On the CPU 8 small slices measured as fast as 16 and a tenth faster than 32 (one thread); from about 2^17 pixels
    /// on, more in a batch gains nothing (ResNet-18: one slice of 224² is within 5 % of eight), and less fills up less in vain.</remarks>
    public int BatchSize(int size) =>
        _batchSize ?? (_device.type == DeviceType.CUDA ? CudaBatch : Math.Clamp(CpuBatchPixels / (size * size), 1, CpuBatch));

    public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
    {
        EncodeArguments.Check(Card, slices, count, format, logits);
        var start = Stopwatch.GetTimestamp();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (channels, classes) = (Card.Channels, Card.Classes.Count);
        var pixels = channels * format.Size * format.Size;
        var batchSize = BatchSize(format.Size);
        var batch = empty(batchSize, channels, format.Size, format.Size);
        for (var first = 0; first < count; first += batchSize)
        {
            var taken = Math.Min(batchSize, count - first);
            var input = MemoryMarshal.Cast<byte, float>(batch.bytes);
            slices.Slice(first * pixels, taken * pixels).CopyTo(input);
            input[(taken * pixels)..].Clear();
            EncodeBatch(batch, format.PixelMm, logits.Slice(first * classes, taken * classes));
            EncodeArguments.CheckFinite(logits.Slice(first * classes, taken * classes), classes, first, Card);
        }

        EncoderTelemetry.Encoded(count, Stopwatch.GetElapsedTime(start), Device);
    }

    public void Dispose() => _network.Dispose();

    private void EncodeBatch(Tensor batch, double pixelMm, Span<float> logits)
    {
        using var scope = NewDisposeScope();
        var output = _network.call(batch.to(_device), pixelMm).cpu().contiguous();
        if (output.dim() != 2 || output.shape[0] != batch.shape[0] || output.shape[1] != Card.Classes.Count || output.dtype != ScalarType.Float32)
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{Card.Name} answers {batch.shape[0]} slices with {output.dtype} [{string.Join(", ", output.shape)}]; " +
                $"its card promises float32 [{batch.shape[0]}, {Card.Classes.Count}].");
        }

        MemoryMarshal.Cast<byte, float>(output.bytes)[..logits.Length].CopyTo(logits);
    }
}
