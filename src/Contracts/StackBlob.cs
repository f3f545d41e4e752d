using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ToNNO.Tomography.Lifting;

namespace ToNNO.Contracts;

/// <summary>The maps of one direction's slices for one class, as they lie in the store, with a checksum.</summary>
/// <param name="Class">Place of the class among those of the settings.</param>
/// <param name="Direction">Index of the direction.</param>
/// <param name="Grid">The cells of a map, M x M.</param>
/// <param name="Blank">The map of a slice of fill, which stands for every blank slice: <c>[row, column]</c>.</param>
/// <param name="Maps">Maps <c>[offset, row, column]</c>.</param>
public sealed record StackBlob(int Class, int Direction, MapGrid Grid, float[] Blank, float[] Maps)
{
    private const int HeaderBytes = 40;
    private const int HashBytes = 32;
    private const int Chunk = 1 << 20; // a span of bytes ends at 2 GiB

    private static ReadOnlySpan<byte> Magic => "ToNNOca2"u8;

    public int OffsetCount => Maps.Length / Blank.Length;

    public void WriteTo(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            stream.Write(bytes);
        }

        Put(Header());
        foreach (var part in new[] { Blank, Maps })
        {
            for (var at = 0; at < part.Length; at += Chunk)
            {
                Put(MemoryMarshal.AsBytes(part.AsSpan(at, Math.Min(Chunk, part.Length - at))));
            }
        }

        stream.Write(hash.GetHashAndReset());
    }

    /// <summary>Reads a stack back.</summary>
    /// <param name="length">Bytes of the blob: nothing is allocated that they cannot fill.</param>
    /// <returns>Null where the bytes are not the whole stack of this class and direction.</returns>
    public static StackBlob? TryRead(Stream stream, long length, int classAt, int direction, int offsetCount)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        bool Take(Span<byte> bytes)
        {
            var whole = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;
            hash.AppendData(bytes);
            return whole;
        }

        bool TakeFloats(float[] part)
        {
            for (var at = 0; at < part.Length; at += Chunk)
            {
                if (!Take(MemoryMarshal.AsBytes(part.AsSpan(at, Math.Min(Chunk, part.Length - at)))))
                {
                    return false;
                }
            }

            return true;
        }

        Span<byte> header = stackalloc byte[HeaderBytes];
        if (!Take(header))
        {
            return null;
        }

        var edge = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
        if (!header.StartsWith(Magic)
            || BinaryPrimitives.ReadInt32LittleEndian(header[8..]) != direction
            || BinaryPrimitives.ReadInt32LittleEndian(header[12..]) != offsetCount
            || BinaryPrimitives.ReadInt32LittleEndian(header[36..]) != classAt
            || edge is < 1 or > 1 << 14
            || length != HeaderBytes + HashBytes + (sizeof(float) * (1L + offsetCount) * edge * edge))
        {
            return null;
        }

        var grid = new MapGrid(edge, BinaryPrimitives.ReadDoubleLittleEndian(header[20..]), BinaryPrimitives.ReadDoubleLittleEndian(header[28..]));
        var blob = new StackBlob(classAt, direction, grid, new float[edge * edge], new float[(long)offsetCount * edge * edge]);
        Span<byte> written = stackalloc byte[HashBytes];
        return TakeFloats(blob.Blank) && TakeFloats(blob.Maps) && hash.GetHashAndReset() is var meant
            && stream.ReadAtLeast(written, HashBytes, throwOnEndOfStream: false) == HashBytes && written.SequenceEqual(meant)
            ? blob
            : null;
    }

    private byte[] Header()
    {
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Direction);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), OffsetCount);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), Grid.Edge);
        BinaryPrimitives.WriteDoubleLittleEndian(header.AsSpan(20), Grid.CellMm);
        BinaryPrimitives.WriteDoubleLittleEndian(header.AsSpan(28), Grid.FirstMm);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(36), Class);
        return header;
    }
}
