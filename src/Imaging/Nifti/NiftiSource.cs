namespace ToNNO.Imaging.Nifti;

/// <summary>The bytes of one file, inflated if they are gzip, whatever the file is called.</summary>
internal sealed class NiftiSource : IDisposable
{
    /// <summary>DEFLATE's best case: 258 bytes from 2 bits.</summary>
    private const long MaximumExpansion = 1032;

    /// <summary>What may follow the voxels: bounds the time that a small file can cost, and finds headers that
    /// describe a part of their file only.</summary>
    private const long MostTrailingBytes = 16 << 20;

    private readonly Stream _content;
    private readonly bool _isGzip;
    private readonly long _lengthBytes;
    private long _position;

    /// <param name="file">Left open.</param>
    /// <param name="lengthBytes">Length of the file as it is stored.</param>
    public NiftiSource(Stream file, long lengthBytes, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        Name = name;
        _lengthBytes = lengthBytes;
        var first = new byte[2];
        var count = file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        _isGzip = first is [0x1f, 0x8b];
        _content = _isGzip
            ? new GzipContent(first, file, name)
            : new SplicedStream(first.AsMemory(0, count), file, default);
    }

    public string Name { get; }

    /// <summary>Fills as much of the destination as the file has bytes for.</summary>
    public int Read(Span<byte> destination)
    {
        var count = _content.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        _position += count;
        return count;
    }

    /// <exception cref="ImagingException">The file ends first.</exception>
    public void ReadExactly(Span<byte> destination)
    {
        if (Read(destination) < destination.Length)
        {
            throw Truncated();
        }
    }

    /// <summary>Refuses a header whose voxels cannot be in this file, before any memory is taken for them.</summary>
    public void RequireRoomFor(NiftiHeader header)
    {
        var needed = header.EndByte;
        // Divided, not multiplied: no length overflows.
        if (_isGzip ? needed / MaximumExpansion > _lengthBytes : needed > _lengthBytes)
        {
            throw Truncated();
        }

        if (!_isGzip && _lengthBytes - needed > MostTrailingBytes)
        {
            throw TooLong();
        }
    }

    /// <exception cref="ImagingException">The file ends first.</exception>
    public void SkipTo(long position, CancellationToken cancellationToken)
    {
        Span<byte> skipped = stackalloc byte[4096];
        while (_position < position)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadExactly(skipped[..(int)Math.Min(skipped.Length, position - _position)]);
        }
    }

    /// <summary>Reads gzip to its end, since its checksum stands there.</summary>
    /// <param name="dataEnd">Byte at which the last frame's voxels end.</param>
    public void Finish(long dataEnd, CancellationToken cancellationToken)
    {
        if (!_isGzip)
        {
            return;
        }

        SkipTo(dataEnd, cancellationToken);
        Span<byte> rest = stackalloc byte[4096];
        var end = _position;
        while (Read(rest) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_position - end > MostTrailingBytes)
            {
                throw TooLong();
            }
        }
    }

    public void Dispose() => _content.Dispose();

    public ImagingException Truncated() => new(
        RejectReason.NiftiTruncated, $"{Name} ends before its last voxel: copy it again from its source.");

    private ImagingException TooLong() => new(
        RejectReason.NiftiHeaderInvalid,
        $"{Name} holds far more than the voxels that its header describes: the header is damaged; copy it again or rewrite it.");
}
