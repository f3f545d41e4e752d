using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tests.Support;

/// <summary>One attribute of a DICOM file to be written.</summary>
/// <param name="Value">Text, a ushort, words of pixels, bytes, items (a list of lists of attributes), or fragments (byte[][]).</param>
internal sealed record DicomAttribute(uint Tag, string Vr, object Value);

/// <summary>Bytes of DICOM files, set by hand from PS3.5 and PS3.10.</summary>
internal sealed record DicomBytes
{
    public const string Explicit = "1.2.840.10008.1.2.1", Implicit = "1.2.840.10008.1.2", BigEndian = "1.2.840.10008.1.2.2", Deflated = "1.2.840.10008.1.2.1.99";
    public const string Rle = "1.2.840.10008.1.2.5", Jpeg = "1.2.840.10008.1.2.4.70", JpegBaseline = "1.2.840.10008.1.2.4.50", JpegLs = "1.2.840.10008.1.2.4.80", Jpeg2000 = "1.2.840.10008.1.2.4.90";
    public const string CtClass = "1.2.840.10008.5.1.4.1.1.2", EnhancedCtClass = "1.2.840.10008.5.1.4.1.1.2.1";
    private const uint Undefined = 0xFFFFFFFF;

    public string Syntax { get; init; } = Explicit;

    public string SopClass { get; init; } = CtClass;

    public string Series { get; init; } = "1.2.3.4";

    public string ImageType { get; init; } = @"ORIGINAL\PRIMARY\AXIAL";

    public string PatientName { get; init; } = "";

    public string Photometric { get; init; } = "MONOCHROME2";

    public int Columns { get; init; } = 5;

    public int Rows { get; init; } = 4;

    /// <summary>LPS+ mm.</summary>
    public Vector3D Position { get; init; } = new(-10, -20, 30);

    public (Vector3D Row, Vector3D Column) Orientation { get; init; } = (new(1, 0, 0), new(0, 1, 0));

    public double ColumnSpacingMm { get; init; } = 0.5;

    public double RowSpacingMm { get; init; } = 0.75;

    public (int Allocated, int Stored, int High) Bits { get; init; } = (16, 16, 15);

    public bool IsSigned { get; init; } = true;

    public string? Slope { get; init; } = "1";

    public string? Intercept { get; init; } = "-1024";

    /// <summary>Words as they are stored, by pixel; of several frames one after the other.</summary>
    public Func<int, ushort> Pixel { get; init; } = at => (ushort)at;

    /// <summary>Compressed pixels, the offset table first, in place of <see cref="Pixel"/>.</summary>
    public byte[][]? Fragments { get; init; }

    /// <summary>Positions of the frames of an Enhanced file; null for a plain one.</summary>
    public Vector3D[]? FramePositions { get; init; }

    /// <summary>Functional groups of each of those frames besides its position: the tag of each, and what is in its item.</summary>
    public Func<int, IEnumerable<(uint Tag, DicomAttribute[] Item)>> FrameGroups { get; init; } = _ => [];

    /// <summary>Sequences and items end with delimiters.</summary>
    public bool UndefinedLengths { get; init; }

    /// <summary>Attributes beside, or in place of, those that the properties make; null leaves out.</summary>
    public IReadOnlyDictionary<uint, DicomAttribute?> Others { get; init; } = new Dictionary<uint, DicomAttribute?>();

    /// <summary>Slices of a volume, along the normal.</summary>
    public IEnumerable<DicomBytes> Stack(int count, double spacingMm = 2) => Enumerable.Range(0, count).Select(
        k => this with { Position = Position + (k * spacingMm * Orientation.Row.Cross(Orientation.Column)), Pixel = at => Pixel(at + (k * Rows * Columns)) });

    public byte[] ToArray()
    {
        var (isExplicit, bigEndian) = (Syntax != Implicit, Syntax == BigEndian);
        using var set = new MemoryStream();
        WriteSet(set, Attributes(), isExplicit, bigEndian);
        var body = set.ToArray();
        if (Syntax == Deflated)
        {
            using var deflated = new MemoryStream();
            using (var deflater = new DeflateStream(deflated, CompressionLevel.Optimal))
            {
                deflater.Write(body);
            }

            body = deflated.ToArray();
        }

        using var file = new MemoryStream();
        file.Write(new byte[128]);
        file.Write("DICM"u8);
        WriteSet(file, [new(0x0002_0010, "UI", Syntax)], isExplicit: true, bigEndian: false);
        file.Write(body);
        return file.ToArray();
    }

    private List<DicomAttribute> Attributes()
    {
        var frames = FramePositions?.Length ?? 1;
        var attributes = new SortedDictionary<uint, DicomAttribute?>
        {
            [0x0008_0008] = new(0, "CS", ImageType),
            [0x0008_0016] = new(0, "UI", SopClass),
            [0x0008_0060] = new(0, "CS", "CT"),
            [0x0010_0010] = new(0, "PN", PatientName),
            [0x0020_000E] = new(0, "UI", Series),
            [0x0028_0002] = new(0, "US", (ushort)1),
            [0x0028_0004] = new(0, "CS", Photometric),
            [0x0028_0010] = new(0, "US", (ushort)Rows),
            [0x0028_0011] = new(0, "US", (ushort)Columns),
            [0x0028_0100] = new(0, "US", (ushort)Bits.Allocated),
            [0x0028_0101] = new(0, "US", (ushort)Bits.Stored),
            [0x0028_0102] = new(0, "US", (ushort)Bits.High),
            [0x0028_0103] = new(0, "US", (ushort)(IsSigned ? 1 : 0)),
            [0x7FE0_0010] = Fragments is null ? Pixels(frames) : new(0, "OB", Fragments),
        };
        if (FramePositions is null)
        {
            attributes[0x0020_0032] = new(0, "DS", Numbers(Position.X, Position.Y, Position.Z));
            attributes[0x0020_0037] = new(0, "DS", OrientationText);
            attributes[0x0028_0030] = new(0, "DS", Numbers(RowSpacingMm, ColumnSpacingMm));
            attributes[0x0028_1052] = Intercept is null ? null : new(0, "DS", Intercept);
            attributes[0x0028_1053] = Slope is null ? null : new(0, "DS", Slope);
        }
        else
        {
            attributes[0x0028_0008] = new(0, "IS", frames.ToString(CultureInfo.InvariantCulture));
            attributes[0x5200_9229] = Sequence([
                Group(0x0020_9116, new DicomAttribute(0x0020_0037, "DS", OrientationText)),
                Group(0x0028_9110, new DicomAttribute(0x0028_0030, "DS", Numbers(RowSpacingMm, ColumnSpacingMm))),
                .. Slope is null || Intercept is null ? [] : new[] { Group(0x0028_9145, Rescale(Slope, Intercept)) },
            ]);
            attributes[0x5200_9230] = Sequence([.. FramePositions.Select((position, frame) => FrameGroups(frame)
                .Append((Tag: 0x0020_9113u, Item: [new DicomAttribute(0x0020_0032, "DS", Numbers(position.X, position.Y, position.Z))]))
                .OrderBy(group => group.Tag).Select(group => Group(group.Tag, group.Item)).ToArray())]);
        }

        foreach (var (tag, other) in Others)
        {
            attributes[tag] = other;
        }

        return [.. attributes.Where(pair => pair.Value is not null).Select(pair => pair.Value! with { Tag = pair.Key })];
    }

    private string OrientationText => Numbers(
        Orientation.Row.X, Orientation.Row.Y, Orientation.Row.Z, Orientation.Column.X, Orientation.Column.Y, Orientation.Column.Z);

    /// <summary>What is in the item of a PixelValueTransformationSequence.</summary>
    public static DicomAttribute[] Rescale(string slope, string intercept, string type = "HU") =>
        [new(0x0028_1052, "DS", intercept), new(0x0028_1053, "DS", slope), new(0x0028_1054, "LO", type)];

    public static DicomAttribute Sequence(params DicomAttribute[][] items) => new(0, "SQ", items);

    public static string Numbers(params double[] numbers) => string.Join('\\', numbers.Select(number => number.ToString("0.##########", CultureInfo.InvariantCulture)));

    private static DicomAttribute Group(uint tag, params DicomAttribute[] attributes) => Sequence(attributes) with { Tag = tag };

    private DicomAttribute Pixels(int frames)
    {
        var words = Enumerable.Range(0, Rows * Columns * frames).Select(Pixel).ToArray();
        return Bits.Allocated == 8 ? new(0, "OB", Array.ConvertAll(words, word => (byte)word)) : new(0, "OW", words);
    }

    private void WriteSet(Stream stream, IEnumerable<DicomAttribute> attributes, bool isExplicit, bool bigEndian)
    {
        foreach (var attribute in attributes)
        {
            Tag(attribute.Tag);
            switch (attribute.Value)
            {
                case DicomAttribute[][] items:
                    using (var content = new MemoryStream())
                    {
                        foreach (var item in items)
                        {
                            using var inner = new MemoryStream();
                            WriteSet(inner, item, isExplicit, bigEndian);
                            content.Write(Words32(Item, UndefinedLengths ? Undefined : (uint)inner.Length));
                            content.Write(inner.ToArray());
                            content.Write(UndefinedLengths ? Words32(ItemEnd, 0) : []);
                        }

                        content.Write(UndefinedLengths ? Words32(SequenceEnd, 0) : []);
                        Head(attribute.Vr, UndefinedLengths ? Undefined : (uint)content.Length);
                        stream.Write(content.ToArray());
                    }

                    break;
                case byte[][] fragments:
                    Head(attribute.Vr, Undefined);
                    foreach (var fragment in fragments)
                    {
                        stream.Write(Words32(Item, (uint)Even(fragment).Length));
                        stream.Write(Even(fragment));
                    }

                    stream.Write(Words32(SequenceEnd, 0));
                    break;
                default:
                    var value = attribute.Value switch
                    {
                        string text => Encoding.Latin1.GetBytes(text.Length % 2 == 0 ? text : text + (attribute.Vr == "UI" ? '\0' : ' ')),
                        ushort number => Word(number),
                        ushort[] words => words.SelectMany(Word).ToArray(),
                        _ => Even((byte[])attribute.Value),
                    };
                    Head(attribute.Vr, (uint)value.Length);
                    stream.Write(value);
                    break;
            }
        }

        void Tag(uint tag) => stream.Write([.. Word((ushort)(tag >> 16)), .. Word((ushort)tag)]);

        void Head(string vr, uint length)
        {
            if (isExplicit)
            {
                stream.Write(Encoding.ASCII.GetBytes(vr));
                if (vr is not ("OB" or "OW" or "SQ" or "UN" or "UT"))
                {
                    stream.Write(Word((ushort)length));
                    return;
                }

                stream.Write(new byte[2]);
            }

            stream.Write(Long(length));
        }

        byte[] Words32(uint tag, uint length) => [.. Word((ushort)(tag >> 16)), .. Word((ushort)tag), .. Long(length)];

        byte[] Word(ushort word)
        {
            var bytes = new byte[2];
            if (bigEndian)
            {
                BinaryPrimitives.WriteUInt16BigEndian(bytes, word);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, word);
            }

            return bytes;
        }

        byte[] Long(uint word) => bigEndian ? [.. Word((ushort)(word >> 16)), .. Word((ushort)word)] : [.. Word((ushort)word), .. Word((ushort)(word >> 16))];

        static byte[] Even(byte[] bytes) => bytes.Length % 2 == 0 ? bytes : [.. bytes, 0];
    }

    private const uint Item = 0xFFFE_E000, ItemEnd = 0xFFFE_E00D, SequenceEnd = 0xFFFE_E0DD;
}
