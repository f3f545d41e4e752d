using System.IO.Compression;

namespace ToNNO.Imaging.Nifti;

/// <summary>The content of a gzip file, which ends without an exception only where the file is whole.</summary>
/// <remarks><see cref="GZipStream"/> checks the CRC of what it reaches, but takes a file that stops early for one that
/// ends. So one more member with a known text is appended to the file: only after a whole file does that text come out.</remarks>
internal sealed class GzipContent : ReadOnlyStream
{
    private static readonly byte[] Marker = "ToNNO: whole gz."u8.ToArray();
    private static readonly byte[] MarkerMember = Compress(Marker);

    private readonly string _name;
    private readonly SplicedStream _file;
    private readonly GZipStream _inflater;
    private readonly byte[] _buffer = new byte[32 << 10];
    private int _start;
    private int _end;
    private bool _ended;

    /// <param name="first">Bytes already taken from the file.</param>
    /// <param name="file">The rest of the compressed bytes; left open.</param>
    public GzipContent(ReadOnlyMemory<byte> first, Stream file, string name)
    {
        _name = name;
        _file = new(first, file, MarkerMember);
        _inflater = new(_file, CompressionMode.Decompress);
    }

    /// <exception cref="ImagingException">The file is damaged, or stops early.</exception>
    public override int Read(Span<byte> buffer)
    {
        // The last bytes are held back until it is known whether they are the marker.
        while (!_ended && _end - _start <= Marker.Length)
        {
            Fill();
        }

        var count = Math.Min(buffer.Length, _end - _start - Marker.Length);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inflater.Dispose();
        }

        base.Dispose(disposing);
    }

    private static byte[] Compress(byte[] content)
    {
        using var member = new MemoryStream();
        using (var deflater = new GZipStream(member, CompressionLevel.Fastest))
        {
            deflater.Write(content);
        }

        return member.ToArray();
    }

    private void Fill()
    {
        _buffer.AsSpan(_start.._end).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        int count;
        try
        {
            count = _inflater.Read(_buffer.AsSpan(_end));
        }
        catch (InvalidDataException error)
        {
            throw Damaged(error);
        }

        _end += count;
        _ended = count == 0;
        if (_ended && !_buffer.AsSpan(_start.._end).EndsWith(Marker))
        {
            throw Damaged(null);
        }
    }

    /// <summary>The inflater asks for more only once it has used all it had: past the file's end, the file was too short.</summary>
    private ImagingException Damaged(Exception? error) => _file.IsPastBody
        ? new(RejectReason.NiftiTruncated, $"{_name} stops in the middle of its gzip data: copy it again from its source.", error)
        : new(RejectReason.NiftiCorruptGzip, $"{_name} has damaged gzip data: copy it again from its source.", error);
}
