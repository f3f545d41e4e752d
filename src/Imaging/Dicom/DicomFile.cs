using System.Buffers.Binary;
using System.Collections.Frozen;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Dicom;

/// <summary>A DICOM file (PS3.10): preamble, file meta information, data set.</summary>
/// <param name="Syntax">How the data set is written.</param>
/// <param name="DataSet">The attributes that were asked for.</param>
internal sealed record DicomFile(TransferSyntax Syntax, DataSet DataSet)
{
    /// <summary>Bytes that it takes to tell a DICOM file.</summary>
    public const int SniffBytes = PreambleBytes + 4;

    private const int PreambleBytes = 128;
    private const uint LastMetaTag = 0x0002_FFFF;

    /// <summary>A deflated data set may be this many times its bytes, and the slack on top: images compress a tenth of it.</summary>
    private const int MostExpansion = 64;
    private const int ExpansionSlack = 16 << 20;

    /// <summary>Of the first attribute of a data set; what is longer is none.</summary>
    private const int MostFirstBytes = 1 << 10;

    public static bool IsDicom(ReadOnlySpan<byte> start) => start.Length >= SniffBytes && start[PreambleBytes..SniffBytes].SequenceEqual("DICM"u8);

    /// <summary>True for what begins with two attributes of a data set, little endian, where a file should have its preamble: what some programs write,
    /// and others read by guessing.</summary>
    public static bool LacksPreamble(ReadOnlySpan<byte> start)
    {
        const int Head = 8, Tag = 4;
        if (start is not [2 or 8, 0, _, 0, var first, var second, _, _, ..])
        {
            return false;
        }

        var isExplicit = char.IsAsciiLetterUpper((char)first) && char.IsAsciiLetterUpper((char)second);
        var length = isExplicit ? BinaryPrimitives.ReadUInt16LittleEndian(start[6..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[4..]);
        return length <= MostFirstBytes && start.Length >= Head + length + Tag && start[(Head + (int)length)..] is [var group, 0, var element, 0, ..]
            && (group == start[0] ? element > start[2] : group == 8 && start[0] == 2);
    }

    /// <summary>Reads a file, or the beginning of one, up to a tag.</summary>
    /// <param name="bytes">The file; what is kept of it refers to these bytes.</param>
    /// <param name="kept">The attributes to keep.</param>
    /// <param name="lastTag">The last tag that is looked at.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="wholeBytes">Where the bytes are the beginning of a file: its length. Pixels are then passed over.</param>
    /// <exception cref="ImagingException">It is no DICOM file, damaged, or ends first.</exception>
    public static DicomFile Parse(ReadOnlyMemory<byte> bytes, FrozenSet<uint> kept, uint lastTag, string name, long? wholeBytes = null)
    {
        if (!IsDicom(bytes.Span))
        {
            throw new ImagingException(RejectReason.NotDicom, $"{name} is no DICOM file, as it lacks the letters DICM at byte 128: export it again from its archive.");
        }

        var (meta, length) = DataSetParser.Parse(bytes[SniffBytes..], TransferSyntax.Meta, DicomTag.Meta, LastMetaTag, name);
        if (meta.Text(DicomTag.TransferSyntaxUid) is not { } uid)
        {
            throw new ImagingException(
                RejectReason.DicomAttributeMissing, $"{name} does not say how it is written, as TransferSyntaxUID is missing: export it again from its archive.");
        }

        var (syntax, rest) = (TransferSyntax.Of(uid), bytes[(SniffBytes + length)..]);
        if (syntax.IsDeflated)
        {
            // How long the whole is when inflated, its beginning does not tell.
            return new(syntax, DataSetParser.Parse(Inflate(rest, name), syntax, kept, lastTag, name).DataSet);
        }

        return new(syntax, DataSetParser.Parse(rest, syntax, kept, lastTag, name, wholeBytes - SniffBytes - length).DataSet);
    }

    private static ReadOnlyMemory<byte> Inflate(ReadOnlyMemory<byte> deflated, string name)
    {
        _ = MemoryMarshal.TryGetArray(deflated, out var bytes); // files are read into arrays
        using var compressed = new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false);
        using var inflater = new DeflateStream(compressed, CompressionMode.Decompress);
        using var inflated = new MemoryStream();
        var (buffer, most) = (new byte[1 << 16], ((long)MostExpansion * deflated.Length) + ExpansionSlack);
        try
        {
            int count;
            while ((count = inflater.Read(buffer)) > 0)
            {
                inflated.Write(buffer, 0, count);
                if (inflated.Length > Math.Min(most, Array.MaxLength - buffer.Length))
                {
                    throw new ImagingException(
                        RejectReason.DicomDamaged, $"{name} inflates to more than {MostExpansion} times its size, as no image does: copy it again from its source.");
                }
            }
        }
        catch (InvalidDataException damaged)
        {
            throw new ImagingException(RejectReason.DicomDamaged, $"{name} cannot be inflated: copy it again from its source.", damaged);
        }

        return inflated.GetBuffer().AsMemory(0, (int)inflated.Length);
    }
}
