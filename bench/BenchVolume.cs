using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Bench;

/// <summary>Volumes of 1 mm voxels for runs to read, as plain NIfTI-1.</summary>
internal static class BenchVolume
{
    private const int HeaderBytes = 352;

    /// <summary>A texture between 0 and 1 that fills its grid: no slice that meets the volume is blank.</summary>
    public static float[] Texture(VolumeShape shape)
    {
        var random = new Random(1);
        var samples = new float[shape.VoxelCount];
        for (var at = 0; at < samples.Length; at++)
        {
            var (i, j, k) = (at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
            var waves = Math.Sin(0.11 * i) + Math.Sin((0.07 * j) + 1) + Math.Sin((0.05 * k) + (0.03 * i));
            samples[at] = (float)(0.5 + (0.1 * waves) + (0.15 * random.NextDouble()));
        }

        return samples;
    }

    public static void Write(string path, VolumeShape shape, ReadOnlySpan<float> samples) => Write(path, shape, 16, 32, MemoryMarshal.AsBytes(samples));

    public static void Write(string path, VolumeShape shape, ReadOnlySpan<short> samples) => Write(path, shape, 4, 16, MemoryMarshal.AsBytes(samples));

    private static void Write(string path, VolumeShape shape, short type, short bits, ReadOnlySpan<byte> samples)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        header.Clear();
        void Short(Span<byte> at, params ReadOnlySpan<short> values)
        {
            for (var index = 0; index < values.Length; index++)
            {
                BinaryPrimitives.WriteInt16LittleEndian(at[(2 * index)..], values[index]);
            }
        }

        BinaryPrimitives.WriteInt32LittleEndian(header, 348);
        Short(header[40..], 3, (short)shape.I, (short)shape.J, (short)shape.K, 1, 1, 1, 1);
        Short(header[70..], type, bits);
        for (var dimension = 0; dimension < 4; dimension++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(header[(76 + (4 * dimension))..], 1); // pixdim
        }

        BinaryPrimitives.WriteSingleLittleEndian(header[108..], HeaderBytes);
        header[123] = 2; // mm
        "n+1\0"u8.CopyTo(header[344..]);
        using var file = File.Create(path);
        file.Write(header);
        file.Write(samples);
    }
}
