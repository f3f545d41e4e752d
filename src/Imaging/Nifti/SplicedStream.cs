namespace ToNNO.Imaging.Nifti;

/// <summary>A stream, left open, between two runs of bytes.</summary>
internal sealed class SplicedStream(ReadOnlyMemory<byte> head, Stream body, ReadOnlyMemory<byte> tail) : ReadOnlyStream
{
    private ReadOnlyMemory<byte> _head = head;
    private ReadOnlyMemory<byte> _tail = tail;

    /// <summary>More was asked for than head and body hold.</summary>
    public bool IsPastBody { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (!_head.IsEmpty)
        {
            return Take(ref _head, buffer);
        }

        if (!IsPastBody && body.Read(buffer) is > 0 and var count)
        {
            return count;
        }

        IsPastBody = true;
        return Take(ref _tail, buffer);
    }

    private static int Take(ref ReadOnlyMemory<byte> bytes, Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, bytes.Length);
        bytes.Span[..count].CopyTo(buffer);
        bytes = bytes[count..];
        return count;
    }
}
