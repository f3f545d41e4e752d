using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tests.Support;

/// <summary>Bytes of NIfTI-1 files, set by hand from nifti1.h.</summary>
internal sealed record NiftiBytes
{
    public const int HeaderBytes = 352;

    public VolumeShape Shape { get; init; } = new(12, 10, 8);

    /// <summary>Dimensions as dim[0] says; null for 3.</summary>
    public short[]? Dim { get; init; }

    public AffineTransform Affine { get; init; } = AffineTransform.Scaling(1, 1, 1);

    /// <summary>False: no sform, and <see cref="Quaternion"/> as the qform.</summary>
    public bool SForm { get; init; } = true;

    public (float B, float C, float D) Quaternion { get; init; }

    public (float I, float J, float K) SpacingMm { get; init; } = (1, 1, 1);

    /// <summary>Of a qform: -1 mirrors k.</summary>
    public float QFac { get; init; } = 1;

    public short DataType { get; init; } = 16;

    /// <summary>Intensity at a voxel.</summary>
    public Func<int, int, int, float> Intensity { get; init; } = (i, j, k) => i is > 4 and < 8 && j is > 3 and < 7 && k is > 2 and < 6 ? 1 : 0;

    public byte[] Header()
    {
        var bytes = new byte[HeaderBytes];
        var span = bytes.AsSpan();
        void Short(int at, int value) => BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at), (short)value);
        void Reals(int at, params float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(bytes.AsSpan(at));
        BinaryPrimitives.WriteInt32LittleEndian(span, 348);
        short[] dim = Dim ?? [3, (short)Shape.I, (short)Shape.J, (short)Shape.K, 1, 1, 1, 1];
        MemoryMarshal.AsBytes(dim.AsSpan()).CopyTo(span[40..]);
        Short(70, DataType);
        Short(72, DataType switch { 128 => 24, 32 => 64, _ => 32 });
        Reals(76, QFac, SpacingMm.I, SpacingMm.J, SpacingMm.K);
        Reals(108, HeaderBytes);
        bytes[123] = 2;
        var a = Affine;
        if (SForm)
        {
            Short(254, 2);
            Reals(280, (float)a.I.X, (float)a.J.X, (float)a.K.X, (float)a.Origin.X);
            Reals(296, (float)a.I.Y, (float)a.J.Y, (float)a.K.Y, (float)a.Origin.Y);
            Reals(312, (float)a.I.Z, (float)a.J.Z, (float)a.K.Z, (float)a.Origin.Z);
        }
        else
        {
            Short(252, 1);
            Reals(256, Quaternion.B, Quaternion.C, Quaternion.D, (float)a.Origin.X, (float)a.Origin.Y, (float)a.Origin.Z);
        }

        "n+1\0"u8.CopyTo(span[344..]);
        return bytes;
    }

    public byte[] Plain()
    {
        var samples = new float[Shape.VoxelCount];
        for (var at = 0; at < samples.Length; at++)
        {
            samples[at] = Intensity(at % Shape.I, at / Shape.I % Shape.J, at / Shape.I / Shape.J);
        }

        return [.. Header(), .. MemoryMarshal.AsBytes(samples.AsSpan())];
    }

    public byte[] Gzip() => Gzip(Plain());

    public static byte[] Gzip(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
        {
            gzip.Write(content);
        }

        return compressed.ToArray();
    }
}
