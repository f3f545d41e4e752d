using System.Runtime.InteropServices;
using ToNNO.Tomography.Geometry;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Volumes in a device's memory, and slices cut from them there.</summary>
/// <remarks>Torch's grid_sample takes what lies outside as 0, so a volume lies there less its fill value, and one voxel of 0 wider on all
/// sides: it falls off to fill over one voxel, as docs/geometry.md wants it.</remarks>
internal sealed class DeviceVolumes(Device device) : IDisposable
{
    /// <summary>The one that is encoded and the one whose leases come next, with all their channels.</summary>
    private const int MostHeld = 2;

    /// <summary>Voxels that go to the device at a time.</summary>
    private const int ChunkVoxels = 1 << 24;

    // Held for as long as torch reads it: see SmallCnn.
    private static readonly Scalar _one = 1.ToScalar();

    private readonly Lock _gate = new();
    private readonly LinkedList<(WeakReference<Volume> Volume, float Fill, Tensor Samples)> _held = new();

    /// <summary>Cuts planes into pixels <c>[batchSize, C, S, S]</c> on the device, the last ones 0 where there are fewer planes.</summary>
    /// <returns>The pixels, and for each plane whether any of its pixels is other than fill.</returns>
    public (Tensor Pixels, Tensor Anything) Cut(
        IReadOnlyList<Volume> channels,
        IReadOnlyList<IntensityMap> intensities,
        ReadOnlySpan<SlicePlane> planes,
        Vector3D centreMm,
        SliceFormat format,
        int batchSize)
    {
        using var scope = NewDisposeScope();
        var (slices, anything) = (new Tensor[channels.Count], zeros(planes.Length, dtype: ScalarType.Bool, device: device));
        for (var channel = 0; channel < slices.Length; channel++)
        {
            (slices[channel], var seen) = Cut(channels[channel], intensities[channel], planes, centreMm, format, mostHeld: MostHeld * slices.Length);
            anything = anything.logical_or(seen);
        }

        var pixels = cat(slices, 1);
        if (planes.Length < batchSize)
        {
            pixels = cat([pixels, zeros(batchSize - planes.Length, slices.Length, format.Size, format.Size, device: device)]);
        }

        return (pixels.MoveToOuterDisposeScope(), anything.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var held in _held)
            {
                held.Samples.Dispose();
            }

            _held.Clear();
        }
    }

    /// <summary>One channel's pixels <c>[plane, 1, S, S]</c>.</summary>
    private (Tensor Pixels, Tensor Anything) Cut(
        Volume volume, IntensityMap intensity, ReadOnlySpan<SlicePlane> planes, Vector3D centreMm, SliceFormat format, int mostHeld)
    {
        Tensor sampled;
        var grid = Grid(volume.Geometry, planes, centreMm, format);
        lock (_gate)
        {
            sampled = nn.functional.grid_sample(
                Hold(volume, intensity.Fill, mostHeld), grid, mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Zeros, align_corners: true);
        }

        var slices = sampled.view(planes.Length, 1, format.Size, format.Size).add(tensor(intensity.Fill, device: device), _one);
        var fill = tensor(intensity.Apply(intensity.Fill), device: device);
        if (!intensity.IsIdentity)
        {
            var (low, high) = (tensor(intensity.Low, device: device), tensor(intensity.High, device: device));
            var (from, range) = (tensor(intensity.PixelLow, device: device), tensor(intensity.PixelHigh - intensity.PixelLow, device: device));
            slices = slices.maximum(low).minimum(high).sub(low).div(high.sub(low)).mul(range).add(from, _one);
        }

        return (slices, slices.ne(fill).flatten(1).any(1));
    }

    /// <summary>Places of the pixels <c>[1, plane, row, column, (x, y, z)]</c>, −1 and 1 on the outermost voxels of the widened volume.</summary>
    private Tensor Grid(VolumeGeometry geometry, ReadOnlySpan<SlicePlane> planes, Vector3D centreMm, SliceFormat format)
    {
        var (shape, affine, corner) = (geometry.Shape, geometry.Affine, -0.5 * (format.Size - 1) * format.PixelMm);
        var places = new float[planes.Length * 9];
        for (var at = 0; at < planes.Length; at++)
        {
            var frame = planes[at].Frame;
            var origin = affine.ToIndex(centreMm + (planes[at].OffsetMm * frame.N) + (corner * frame.U) + (corner * frame.V)) + new Vector3D(1, 1, 1);
            Put(origin, at * 9, shift: 1);
            Put(affine.ToIndexStep(format.PixelMm * frame.U), (at * 9) + 3, shift: 0);
            Put(affine.ToIndexStep(format.PixelMm * frame.V), (at * 9) + 6, shift: 0);
        }

        void Put(Vector3D index, int at, double shift) =>
            (places[at], places[at + 1], places[at + 2]) = (
                (float)((2 * index.X / (shape.I + 1)) - shift), (float)((2 * index.Y / (shape.J + 1)) - shift), (float)((2 * index.Z / (shape.K + 1)) - shift));

        var lines = tensor(places).view(planes.Length, 3, 1, 1, 3).to(device);
        using var size = format.Size.ToScalar();
        var steps = arange(size, dtype: ScalarType.Float32, device: device);
        var (columns, rows) = (steps.view(1, 1, -1, 1), steps.view(1, -1, 1, 1));
        return lines.select(1, 0).add(lines.select(1, 1).mul(columns), _one).add(lines.select(1, 2).mul(rows), _one).unsqueeze(0);
    }

    /// <summary>The samples <c>[1, 1, k, j, i]</c> of a volume on the device, less fill and widened; taken there where they are not.</summary>
    private Tensor Hold(Volume volume, float fill, int mostHeld)
    {
        for (var node = _held.First; node is not null; node = node.Next)
        {
            if (node.Value.Fill.Equals(fill) && node.Value.Volume.TryGetTarget(out var held) && held == volume)
            {
                _held.Remove(node);
                _held.AddFirst(node);
                return node.Value.Samples;
            }
        }

        while (_held.Count >= mostHeld)
        {
            _held.Last!.Value.Samples.Dispose();
            _held.RemoveLast();
        }

        var samples = Upload(volume, fill).DetachFromDisposeScope();
        _held.AddFirst((new WeakReference<Volume>(volume), fill, samples));
        return samples;
    }

    private Tensor Upload(Volume volume, float fill)
    {
        using var scope = NewDisposeScope();
        var shape = volume.Geometry.Shape;
        var samples = zeros([1, 1, shape.K + 2, shape.J + 2, shape.I + 2], device: device);
        var inner = samples.narrow(3, 1, shape.J).narrow(4, 1, shape.I);
        var outside = tensor(fill, device: device);
        var (plane, planes) = (shape.I * shape.J, Math.Clamp(ChunkVoxels / (shape.I * shape.J), 1, shape.K));
        for (var k = 0; k < shape.K; k += planes)
        {
            using var step = NewDisposeScope();
            var count = Math.Min(planes, shape.K - k);
            var chunk = empty([1, 1, count, shape.J, shape.I]);
            volume.Samples.CopyTo((long)k * plane, MemoryMarshal.Cast<byte, float>(chunk.bytes));
            inner.narrow(2, k + 1, count).copy_(chunk.to(device).sub(outside));
        }

        return samples.MoveToOuterDisposeScope();
    }
}
