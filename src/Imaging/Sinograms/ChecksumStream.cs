using System.IO.Hashing;

namespace ToNNO.Imaging.Sinograms;

/// <summary>Takes the CRC-32 of what is read through it, as zip files state it: the runtime's own reader does not look at theirs.</summary>
internal sealed class ChecksumStream(Stream content) : ReadOnlyStream
{
    private readonly Crc32 _checksum = new();

    /// <summary>Of all that was read so far.</summary>
    public uint Checksum => _checksum.GetCurrentHashAsUInt32();

    public override int Read(Span<byte> buffer)
    {
        var count = content.Read(buffer);
        _checksum.Append(buffer[..count]);
        return count;
    }
}
