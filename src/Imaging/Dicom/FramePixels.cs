using System.Buffers.Binary;

namespace ToNNO.Imaging.Dicom;

/// <summary>The pixels of a file's frames, as stored.</summary>
internal sealed class FramePixels
{
    /// <summary>Pixels that JPEG-LS and JPEG 2000 of a file may stand for: so many a byte (lossless slices have two to five), and so many besides.</summary>
    private const long MostPixelsPerByte = 128, MostBlankPixels = 4 << 20;

    private readonly PixelFormat _format;
    private readonly TransferSyntax _syntax;
    private readonly DicomElement _element;

    /// <summary>By frame, where they are compressed.</summary>
    private readonly IReadOnlyList<ReadOnlyMemory<byte>> _frames;
    private readonly string _name;

    private FramePixels(PixelFormat format, TransferSyntax syntax, DicomElement element, IReadOnlyList<ReadOnlyMemory<byte>> frames, string name) =>
        (_format, _syntax, _element, _frames, _name) = (format, syntax, element, frames, name);

    /// <summary>Finds the pixels of each frame, and refuses a file that cannot hold what it claims.</summary>
    /// <exception cref="ImagingException">Pixels are missing, or written in a way that is not read.</exception>
    public static FramePixels Of(DicomFile file, DicomImage image, string name)
    {
        RequireSound(file, image, name);
        var (element, format) = (file.DataSet.Find(DicomTag.PixelData)!, image.Format);
        if (element.Fragments is null)
        {
            return new(format, file.Syntax, element, [], name);
        }

        var frames = Encapsulated(element.Fragments, image.Frames.Count, name);
        return CanFill(frames, file.Syntax.Codec, format) ? new(format, file.Syntax, element, frames, name) : throw Truncated(name);
    }

    /// <summary>Compressed pixels can be as many as the image claims.</summary>
    private static bool CanFill(List<ReadOnlyMemory<byte>> frames, PixelCodec codec, PixelFormat format) => codec switch
    {
        PixelCodec.Rle => frames.All(frame => (long)frame.Length * RleFrame.MostExpansion >= format.PixelsPerFrame),
        PixelCodec.Jpeg => frames.All(frame => (long)frame.Length * JpegFrame.MostPixelsPerByte >= format.PixelsPerFrame),
        // Runs have no such bound: a blank frame takes a hundred bytes, whatever its size.
        _ => (long)frames.Count * format.PixelsPerFrame <= MostBlankPixels + (MostPixelsPerByte * frames.Sum(frame => (long)frame.Length)),
    };

    /// <summary>Refuses pixels for what is said of them, without looking at them: they may have been passed over.</summary>
    /// <exception cref="ImagingException">They are written in a way that is not read, or are fewer than the image claims.</exception>
    public static void RequireSound(DicomFile file, DicomImage image, string name)
    {
        var element = file.DataSet.Find(DicomTag.PixelData)!;
        var lacking = file.Syntax.Codec switch
        {
            PixelCodec.JpegLs when !JpegLsFrame.IsThere => "libcharls2",
            PixelCodec.Jpeg2000 when !Jpeg2000Frame.IsThere => "libopenjp2-7",
            _ => null,
        };
        if (lacking is not null)
        {
            throw new ImagingException(
                RejectReason.DicomSyntaxUnsupported,
                $"{name} has its pixels compressed in a way (transfer syntax {file.Syntax.Name}) that is read by the library {lacking}, which is not here: install it on every machine that reads sources (apt-get install {lacking}), or decompress the file first.");
        }

        if (file.Syntax.Codec == PixelCodec.Unsupported)
        {
            throw new ImagingException(
                RejectReason.DicomSyntaxUnsupported,
                $"{name} has its pixels compressed in a way that is not read (transfer syntax {file.Syntax.Name}): decompress it first, as dcmdjpeg or gdcmconv --raw do.");
        }

        if (file.Syntax.Codec == PixelCodec.Native != (element.Fragments is null))
        {
            throw new ImagingException(
                RejectReason.DicomDamaged, $"{name} holds pixels in another way than its transfer syntax says: export it again from its archive.");
        }

        if (element.Fragments is null && (long)image.Frames.Count * image.Format.FrameBytes > element.LengthBytes)
        {
            throw Truncated(name);
        }
    }

    /// <summary>Decodes a frame's stored values, row by row.</summary>
    /// <param name="values">Destination, as many as a frame has pixels.</param>
    /// <exception cref="ImagingException">The pixels are damaged.</exception>
    public void Decode(int frame, Span<int> values)
    {
        var decoded = _syntax.Codec switch
        {
            PixelCodec.Rle => RleFrame.TryDecode(_frames[frame].Span, values, _format.BitsAllocated / 8),
            PixelCodec.Jpeg => JpegFrame.TryDecode(_frames[frame], _format, values),
            PixelCodec.JpegLs => JpegLsFrame.TryDecode(_frames[frame].Span, _format, values),
            PixelCodec.Jpeg2000 => Jpeg2000Frame.TryDecode(_frames[frame].Span, _format, values),
            _ => Native(frame, values),
        };
        if (!decoded)
        {
            throw new ImagingException(RejectReason.DicomPixelsDamaged, $"{_name} has compressed pixels that cannot be decoded: fetch it again from its archive.");
        }

        foreach (ref var value in values)
        {
            value = _format.Value(value);
        }
    }

    private bool Native(int frame, Span<int> words)
    {
        var stored = _element.Value.Span;
        var start = frame * _format.FrameBytes;
        if (_format.BitsAllocated == 8)
        {
            // Bytes in words of 16 bits are turned with them.
            var turn = _syntax.IsBigEndian && _element.IsWords ? 1 : 0;
            for (var at = 0; at < words.Length; at++)
            {
                words[at] = stored[Math.Min((start + at) ^ turn, stored.Length - 1)];
            }

            return true;
        }

        stored = stored[start..];
        for (var at = 0; at < words.Length; at++)
        {
            words[at] = _syntax.IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(stored[(2 * at)..]) : BinaryPrimitives.ReadUInt16LittleEndian(stored[(2 * at)..]);
        }

        return true;
    }

    /// <summary>The bytes of each frame: one fragment each, or the fragments from one offset of the table to the next, or from one start of
    /// a JPEG to the next (PS3.5, A.4).</summary>
    private static List<ReadOnlyMemory<byte>> Encapsulated(IReadOnlyList<ReadOnlyMemory<byte>> fragments, int count, string name)
    {
        if (fragments.Count == 0)
        {
            throw Truncated(name);
        }

        var table = fragments[0].Span;
        var data = fragments.Skip(1).ToList();
        if (data.Count == count)
        {
            return data;
        }

        var starts = count == 1 ? [0] : table.Length == 4 * count ? ByTable(table, data) : ByMarker(data);
        if (data.Count < count || starts.Count != count || starts[0] != 0)
        {
            throw new ImagingException(
                RejectReason.DicomPixelsDamaged, $"{name} has {count} frames in {data.Count} pieces that cannot be told apart: fetch it again from its archive.");
        }

        return [.. starts.Select((start, frame) => Joined(data[start..(frame + 1 < count ? starts[frame + 1] : data.Count)]))];
    }

    private static List<int> ByTable(ReadOnlySpan<byte> table, List<ReadOnlyMemory<byte>> data)
    {
        var offsets = new Dictionary<long, int>();
        var at = 0L;
        for (var fragment = 0; fragment < data.Count; fragment++)
        {
            offsets[at] = fragment;
            at += 8 + data[fragment].Length;
        }

        var starts = new List<int>();
        for (; !table.IsEmpty; table = table[4..])
        {
            if (!offsets.TryGetValue(BinaryPrimitives.ReadUInt32LittleEndian(table), out var start) || (starts.Count > 0 && start <= starts[^1]))
            {
                return [];
            }

            starts.Add(start);
        }

        return starts;
    }

    private static List<int> ByMarker(List<ReadOnlyMemory<byte>> data) =>
        [.. Enumerable.Range(0, data.Count).Where(at => data[at].Span is [0xFF, 0xD8, ..] or [0xFF, 0x4F, 0xFF, 0x51, ..])];

    private static ReadOnlyMemory<byte> Joined(List<ReadOnlyMemory<byte>> pieces)
    {
        if (pieces.Count == 1)
        {
            return pieces[0];
        }

        var joined = new byte[pieces.Sum(piece => (long)piece.Length)];
        var at = 0;
        foreach (var piece in pieces)
        {
            piece.CopyTo(joined.AsMemory(at));
            at += piece.Length;
        }

        return joined;
    }

    private static ImagingException Truncated(string name) => new(
        RejectReason.DicomTruncated, $"{name} ends before its last pixel: copy it again from its source.");
}
