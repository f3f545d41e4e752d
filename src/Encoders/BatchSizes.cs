using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Slices per forward pass of one encoder, by slice size: the device's default, or what its memory does for.</summary>
/// <param name="deviceName">For messages.</param>
/// <param name="given">Stands in place of the device's default, or null.</param>
internal sealed class BatchSizes(Device device, string deviceName, EncoderCard card, int? given)
{
    private const int CudaBatch = 256;
    private const int CpuBatch = 16;
    private const int CpuBatchPixels = 1 << 20;

    /// <summary>By slice size, the batches that memory does for where it did not do for the others.</summary>
    private readonly ConcurrentDictionary<int, int> _halved = new();

    public static int OnCpu(int size) => Math.Clamp(CpuBatchPixels / (size * size), 1, CpuBatch);

    public int Of(int size) => _halved.TryGetValue(size, out var smaller) ? smaller : given ?? (device.type == DeviceType.CUDA ? CudaBatch : OnCpu(size));

    /// <summary>Halves the batches of this slice size from now on, since memory did not do for one of them.</summary>
    /// <exception cref="EncoderException">One slice is too much.</exception>
    public void Halve(int size, int batchSize, ExternalException refused)
    {
        if (batchSize == 1)
        {
            throw new EncoderException(
                EncoderError.OutOfMemory,
                $"{card.Name} needs more memory for one slice of {size} x {size} pixels than {deviceName} has left: end what else uses it, " +
                "take smaller slices (--size) or another device.",
                refused);
        }

        // Another thread may have met the same want, and halved them already.
        _halved.AddOrUpdate(size, batchSize / 2, (_, now) => Math.Min(now, batchSize / 2));
        EncoderTelemetry.BatchHalved(deviceName);
    }
}
