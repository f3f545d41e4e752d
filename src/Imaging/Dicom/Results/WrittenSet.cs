using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A data set to be written, or an item of one: explicit value representations, little endian, in the order of tags, values of even
/// length (PS3.5, section 7).</summary>
/// <remarks>All of it is held, so pixels are not among it: they are written behind.</remarks>
internal sealed class WrittenSet
{
    private const int ShortHead = 8;
    private const int LongHead = 12;
    private const int ItemHead = 8;
    private readonly SortedDictionary<uint, (string Vr, byte[] Value)> _elements = [];

    /// <summary>Bytes that it takes.</summary>
    public long LengthBytes => _elements.Values.Sum(element => (IsLong(element.Vr) ? LongHead : ShortHead) + (long)element.Value.Length);

    /// <param name="value">ASCII; several values with a backslash between.</param>
    public WrittenSet Text(TypedTag tag, string value) => Bytes(tag, Encoding.ASCII.GetBytes(value));

    /// <param name="value">As it is, but for its padding.</param>
    public WrittenSet Bytes(TypedTag tag, ReadOnlySpan<byte> value)
    {
        var padded = new byte[value.Length + (value.Length % 2)];
        value.CopyTo(padded);
        if (value.Length % 2 == 1)
        {
            padded[^1] = tag.Vr is "UI" or "OB" ? (byte)0 : (byte)' ';
        }

        if (!IsLong(tag.Vr))
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(padded.Length, ushort.MaxValue, nameof(value));
        }

        _elements[tag.Tag] = (tag.Vr, padded);
        return this;
    }

    public WrittenSet Whole(TypedTag tag, int value) => Text(tag, value.ToString(CultureInfo.InvariantCulture));

    public WrittenSet Decimals(TypedTag tag, params IEnumerable<double> values) => Text(tag, string.Join('\\', values.Select(DecimalText.Of)));

    public WrittenSet Shorts(TypedTag tag, params ReadOnlySpan<int> values)
    {
        var bytes = new byte[values.Length * sizeof(ushort)];
        for (var at = 0; at < values.Length; at++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at * sizeof(ushort)), checked((ushort)values[at]));
        }

        return Bytes(tag, bytes);
    }

    public WrittenSet Longs(TypedTag tag, params ReadOnlySpan<int> values)
    {
        var bytes = new byte[values.Length * sizeof(uint)];
        for (var at = 0; at < values.Length; at++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at * sizeof(uint)), checked((uint)values[at]));
        }

        return Bytes(tag, bytes);
    }

    public WrittenSet Double(TypedTag tag, double value)
    {
        var bytes = new byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Bytes(tag, bytes);
    }

    /// <summary>A pointer to another attribute.</summary>
    public WrittenSet Pointer(TypedTag tag, TypedTag to)
    {
        var bytes = new byte[sizeof(uint)];
        WriteTag(bytes, to.Tag);
        return Bytes(tag, bytes);
    }

    public WrittenSet Sequence(TypedTag tag, params IEnumerable<WrittenSet> items)
    {
        using var content = new MemoryStream();
        Span<byte> head = stackalloc byte[ItemHead];
        foreach (var item in items)
        {
            WriteTag(head, DicomTag.Item);
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], checked((uint)item.LengthBytes));
            content.Write(head);
            item.WriteTo(content);
        }

        return Bytes(tag, content.ToArray());
    }

    /// <summary>A sequence of one code (PS3.3, 8.8).</summary>
    public WrittenSet Code(TypedTag tag, (string Value, string Scheme, string Meaning) code) => Sequence(
        tag,
        new WrittenSet().Text(ResultTags.CodeValue, code.Value).Text(ResultTags.CodingSchemeDesignator, code.Scheme).Text(ResultTags.CodeMeaning, code.Meaning));

    public void WriteTo(Stream stream)
    {
        foreach (var (tag, (vr, value)) in _elements)
        {
            WriteHead(stream, new(tag, vr), value.Length);
            stream.Write(value);
        }
    }

    /// <summary>Writes what stands before a value.</summary>
    /// <param name="lengthBytes">Of the value: even, and no more than a short or a long field takes.</param>
    public static void WriteHead(Stream stream, TypedTag tag, long lengthBytes)
    {
        Span<byte> head = stackalloc byte[LongHead];
        head.Clear();
        WriteTag(head, tag.Tag);
        (head[4], head[5]) = ((byte)tag.Vr[0], (byte)tag.Vr[1]);
        if (IsLong(tag.Vr))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(head[8..], checked((uint)lengthBytes));
            stream.Write(head);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head[6..], checked((ushort)lengthBytes));
            stream.Write(head[..ShortHead]);
        }
    }

    /// <summary>True for representations whose length takes four bytes, of those that results use.</summary>
    private static bool IsLong(string vr) => vr is "OB" or "OF" or "OW" or "SQ";

    private static void WriteTag(Span<byte> bytes, uint tag)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(tag >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], (ushort)tag);
    }
}
