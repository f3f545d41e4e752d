using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ToNNO.Imaging.Dicom;

/// <summary>The attributes that were kept of a data set, or of an item of a sequence.</summary>
/// <remarks>A list, not a dictionary: few are kept, and an item of eight bytes must not cost hundreds.</remarks>
internal sealed class DataSet(bool isBigEndian)
{
    private static readonly DataSet[] NoItems = [];
    private List<DicomElement>? _elements;

    public void Add(DicomElement element) => (_elements ??= []).Add(element);

    public DicomElement? Find(uint tag) => _elements?.Find(element => element.Tag == tag);

    /// <summary>The items of a sequence; none where it is absent.</summary>
    public IReadOnlyList<DataSet> Items(uint tag) => Find(tag)?.Items ?? NoItems;

    /// <summary>The text of an attribute, without padding; null where it is absent or empty.</summary>
    /// <remarks>Latin-1 keeps what is ASCII, as all that is read for its meaning, and any other byte apart.</remarks>
    public string? Text(uint tag) =>
        Find(tag) is { } element && Encoding.Latin1.GetString(element.Value.Span).Trim(' ', '\0') is { Length: > 0 } text ? text : null;

    /// <summary>The values of a decimal attribute; null where it is absent, empty or no finite numbers.</summary>
    public double[]? Decimals(uint tag)
    {
        if (Text(tag)?.Split('\\') is not { } parts)
        {
            return null;
        }

        var values = new double[parts.Length];
        for (var at = 0; at < parts.Length; at++)
        {
            if (!double.TryParse(parts[at].Trim(' ', '\0'), NumberStyles.Float, CultureInfo.InvariantCulture, out values[at]) || !double.IsFinite(values[at]))
            {
                return null;
            }
        }

        return values;
    }

    /// <summary>An unsigned short; null where it is absent or none.</summary>
    public int? UnsignedShort(uint tag) => Find(tag) is not { Value: { Length: 2 } value } ? null
        : isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(value.Span) : BinaryPrimitives.ReadUInt16LittleEndian(value.Span);
}

/// <summary>An attribute as stored.</summary>
/// <param name="IsWords">Its bytes are 16-bit words (OW), so that big endian turns each pair.</param>
/// <param name="Items">Of a sequence.</param>
/// <param name="Fragments">Of encapsulated pixel data, the offset table first; null where pixels are native, and empty where they were passed over.</param>
/// <param name="PassedOverBytes">Length of native pixels that were passed over.</param>
internal sealed record DicomElement(
    uint Tag, ReadOnlyMemory<byte> Value, bool IsWords = false, IReadOnlyList<DataSet>? Items = null, IReadOnlyList<ReadOnlyMemory<byte>>? Fragments = null,
    long PassedOverBytes = 0)
{
    public long LengthBytes => PassedOverBytes + Value.Length;
}
