using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Sinograms;

/// <summary>Takes the CRC-32 of what is read through it, as zip files state it: the runtime's own reader does not look at theirs.</summary>
internal sealed class ChecksumStream(Stream content) : ReadOnlyStream
{
    private static readonly uint[] _table = Table();
    private uint _state = uint.MaxValue;

    /// <summary>Of all that was read so far.</summary>
    public uint Crc32 => ~_state;

    public override int Read(Span<byte> buffer)
    {
        var count = content.Read(buffer);
        foreach (var value in buffer[..count])
        {
            _state = _table[(byte)(_state ^ value)] ^ (_state >> 8);
        }

        return count;
    }

    /// <summary>By byte, the remainder of its division by the reflected polynomial of IEEE 802.3.</summary>
    private static uint[] Table()
    {
        var table = new uint[256];
        for (var value = 0u; value < 256; value++)
        {
            table[value] = value;
            for (var bit = 0; bit < 8; bit++)
            {
                table[value] = (table[value] >> 1) ^ ((table[value] & 1) * 0xEDB88320);
            }
        }

        return table;
    }
}
