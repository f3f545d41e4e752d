using System.IO.Compression;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Nifti;

/// <summary>Bytes of a NIfTI file, set by hand from the tables in nifti1.h and nifti2.h; it shares nothing with the code under test.</summary>
internal sealed class NiftiFile
{
    public const long NoLimit = long.MaxValue;

    public int Version { get; init; } = 1;

    public bool BigEndian { get; init; }

    public string Magic { get; init; } = "n+";

    public long[] Dim { get; init; } = [3, 4, 3, 2];

    public short DataType { get; init; } = 16;

    public double[] PixDim { get; init; } = [1, 1, 1, 1, 0, 0, 0, 0];

    public double? VoxOffset { get; init; }

    public double Slope { get; init; }

    public double Inter { get; init; }

    public int Units { get; init; } = 2;

    public int QFormCode { get; init; }

    public double[] Quaternion { get; init; } = [0, 0, 0];

    public double[] QOffset { get; init; } = [0, 0, 0];

    public int SFormCode { get; init; } = 1;

    public double[] SForm { get; init; } = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

    /// <summary>Stored samples; zeros, as many as the header says, unless given.</summary>
    public Array? Samples { get; init; }

    public byte[] Extension { get; init; } = [];

    public int HeaderSize => Version == 1 ? 348 : 540;

    public byte[] Bytes() => [.. Header(), 0, 0, 0, 0, .. Extension, .. Data()];

    public byte[] Gzip() => Compress(Bytes());

    public NiftiVolume Read(long limit = NoLimit) => ReadBytes(Bytes(), limit);

    public NiftiHeader ReadHeader()
    {
        var bytes = Bytes();
        return NiftiReader.ReadHeader(new MemoryStream(bytes), bytes.Length, "scan.nii");
    }

    public static NiftiVolume ReadBytes(byte[] bytes, long limit = NoLimit) =>
        NiftiReader.Read(new MemoryStream(bytes), bytes.Length, "scan.nii", limit, TestContext.Current.CancellationToken);

    public static byte[] Compress(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }

    public byte[] Header()
    {
        var one = Version == 1;
        var bytes = new byte[HeaderSize];
        var real = one ? 4 : 8;
        Integer(0, 4, HeaderSize);
        var magic = System.Text.Encoding.Latin1.GetBytes(one ? Magic + "1\0" : Magic + "2\0\r\n\u001a\n");
        magic.CopyTo(bytes, one ? 344 : 4);
        Integer(one ? 70 : 12, 2, DataType);
        Integer(one ? 72 : 14, 2, 8 * Width());
        for (var axis = 0; axis < Dim.Length; axis++)
        {
            Integer((one ? 40 : 16) + (axis * (one ? 2 : 8)), one ? 2 : 8, Dim[axis]);
        }

        Reals(one ? 76 : 104, PixDim);
        var offset = VoxOffset ?? (Magic == "n+" ? HeaderSize + 4 + Extension.Length : 0);
        if (one)
        {
            Reals(108, [offset]);
        }
        else
        {
            Integer(168, 8, (long)offset);
        }

        Reals(one ? 112 : 176, [Slope, Inter]);
        Integer(one ? 123 : 500, one ? 1 : 4, Units);
        Integer(one ? 252 : 344, one ? 2 : 4, QFormCode);
        Integer(one ? 254 : 348, one ? 2 : 4, SFormCode);
        Reals(one ? 256 : 352, [.. Quaternion, .. QOffset, .. SForm]);
        return bytes;

        void Reals(int at, double[] values)
        {
            foreach (var value in values)
            {
                Integer(at, real, one ? BitConverter.SingleToInt32Bits((float)value) : BitConverter.DoubleToInt64Bits(value));
                at += real;
            }
        }

        void Integer(int at, int width, long value)
        {
            for (var index = 0; index < width; index++)
            {
                bytes[at + (BigEndian ? width - 1 - index : index)] = (byte)(value >> (8 * index));
            }
        }
    }

    public byte[] Data()
    {
        var width = Width();
        var count = Samples?.Length ?? (int)Dim[1..((int)Dim[0] + 1)].Aggregate(1L, (a, b) => a * b);
        var bytes = new byte[count * width];
        if (Samples is not null)
        {
            Buffer.BlockCopy(Samples, 0, bytes, 0, bytes.Length);
        }

        for (var at = 0; BigEndian && at < bytes.Length; at += width)
        {
            bytes.AsSpan(at, width).Reverse();
        }

        return bytes;
    }

    private int Width() => DataType switch
    {
        2 or 256 => 1,
        4 or 512 => 2,
        8 or 16 or 768 => 4,
        128 => 3,
        32 or 64 or 1024 or 1280 => 8,
        1536 or 1792 => 16,
        _ => 4,
    };
}
