using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Contracts;

/// <summary>The rows of one lease, as they lie in the store: logits <c>[class, direction, offset]</c>, what they cost, and a checksum.</summary>
/// <param name="Directions">Range of the rows.</param>
/// <param name="BlankLogits">By class: the encoder's answer to a slice of fill, which stands for every blank slice.</param>
/// <param name="Logits">Logits of the range: of each class, rows of <paramref name="OffsetCount"/>.</param>
public sealed record RowsBlob(DirectionRange Directions, int OffsetCount, float[] BlankLogits, RowsCost Cost, float[] Logits)
{
    private const int HeaderBytes = BatchAt + sizeof(int);
    private const int CostEnd = 72;
    private const int DeviceBytes = 28;
    private const int LibtorchAt = CostEnd + DeviceBytes;
    private const int LibtorchBytes = 16;
    private const int BatchAt = LibtorchAt + LibtorchBytes;
    private const int HashBytes = 32;

    /// <summary>The device that encoded, at most 28 ASCII characters.</summary>
    public string Device { get; init; } = "";

    /// <summary>Version of the libtorch that encoded, at most 16 ASCII characters; empty where none did, or rows of an older version do not tell.</summary>
    public string Libtorch { get; init; } = "";

    /// <summary>Slices of a forward pass, at the end of the lease; null where there were none, or rows of an older version do not tell.</summary>
    public int? Batch { get; init; }

    private static ReadOnlySpan<byte> Magic => "ToNNOrw2"u8;

    /// <summary>The rows of one class, <c>[direction, offset]</c>.</summary>
    public Span<float> Of(int classAt) => Logits.AsSpan(classAt * Directions.Count * OffsetCount, Directions.Count * OffsetCount);

    public byte[] ToBytes()
    {
        var logitsAt = HeaderBytes + (BlankLogits.Length * sizeof(float));
        var bytes = new byte[logitsAt + (Logits.Length * sizeof(float)) + HashBytes];
        var span = bytes.AsSpan();
        Magic.CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[8..], Directions.First);
        BinaryPrimitives.WriteInt32LittleEndian(span[12..], Directions.Count);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], OffsetCount);
        BinaryPrimitives.WriteInt32LittleEndian(span[20..], BlankLogits.Length);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], Cost.SlicesCut);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], Cost.SlicesSkipped);
        BinaryPrimitives.WriteInt64LittleEndian(span[40..], Cost.SlicesEncoded);
        BinaryPrimitives.WriteInt64LittleEndian(span[48..], Cost.ReadTime.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(span[56..], Cost.CutTime.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(span[64..], Cost.EncodeTime.Ticks);
        Encoding.ASCII.GetBytes(Device, span[CostEnd..LibtorchAt]);
        Encoding.ASCII.GetBytes(Libtorch, span[LibtorchAt..BatchAt]);
        BinaryPrimitives.WriteInt32LittleEndian(span[BatchAt..], Batch ?? 0);
        MemoryMarshal.AsBytes(BlankLogits.AsSpan()).CopyTo(span[HeaderBytes..]);
        MemoryMarshal.AsBytes(Logits.AsSpan()).CopyTo(span[logitsAt..]);
        SHA256.HashData(span[..^HashBytes], span[^HashBytes..]);
        return bytes;
    }

    /// <summary>Reads rows back.</summary>
    /// <returns>Null where the bytes are not whole rows of this lease: they are then made again.</returns>
    public static RowsBlob? TryParse(ReadOnlySpan<byte> bytes, DirectionRange lease, int offsetCount, int classCount)
    {
        var logitsAt = HeaderBytes + (classCount * sizeof(float));
        if (bytes.Length != logitsAt + ((long)classCount * lease.Count * offsetCount * sizeof(float)) + HashBytes
            || !bytes.StartsWith(Magic)
            || !SHA256.HashData(bytes[..^HashBytes]).AsSpan().SequenceEqual(bytes[^HashBytes..])
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) != lease.First
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) != lease.Count
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]) != offsetCount
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[20..]) != classCount)
        {
            return null;
        }

        TimeSpan Ticks(ReadOnlySpan<byte> at) => new(BinaryPrimitives.ReadInt64LittleEndian(at));
        return new RowsBlob(
            lease,
            offsetCount,
            MemoryMarshal.Cast<byte, float>(bytes[HeaderBytes..logitsAt]).ToArray(),
            new RowsCost(
                BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
                Ticks(bytes[48..]),
                Ticks(bytes[56..]),
                Ticks(bytes[64..])),
            MemoryMarshal.Cast<byte, float>(bytes[logitsAt..^HashBytes]).ToArray())
        {
            Device = Encoding.ASCII.GetString(bytes[CostEnd..LibtorchAt]).TrimEnd('\0'),
            Libtorch = Encoding.ASCII.GetString(bytes[LibtorchAt..BatchAt]).TrimEnd('\0'),
            Batch = BinaryPrimitives.ReadInt32LittleEndian(bytes[BatchAt..]) is > 0 and var batch ? batch : null,
        };
    }
}

/// <summary>What making rows took. A slice is cut, or skipped since it misses the volume; of those cut, the blank ones are skipped
/// too and the rest encoded.</summary>
public readonly record struct RowsCost(
    long SlicesCut, long SlicesSkipped, long SlicesEncoded, TimeSpan ReadTime, TimeSpan CutTime, TimeSpan EncodeTime)
{
    public static RowsCost operator +(RowsCost a, RowsCost b) => new(
        a.SlicesCut + b.SlicesCut,
        a.SlicesSkipped + b.SlicesSkipped,
        a.SlicesEncoded + b.SlicesEncoded,
        a.ReadTime + b.ReadTime,
        a.CutTime + b.CutTime,
        a.EncodeTime + b.EncodeTime);
}
