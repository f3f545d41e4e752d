using System.Buffers.Binary;

namespace ToNNO.Imaging.Dicom;

/// <summary>RLE Lossless (PS3.5, annex G): each byte of the words is a run-length coded plane of its own, the highest first.</summary>
internal static class RleFrame
{
    private const int HeaderBytes = 64;

    /// <summary>Most bytes that one may stand for: two make a run of 128.</summary>
    public const int MostExpansion = 64;

    /// <summary>Decodes one frame.</summary>
    /// <param name="words">Destination, one word a pixel.</param>
    /// <param name="bytesPerWord">1 or 2.</param>
    /// <returns>False where the code is damaged.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> code, Span<int> words, int bytesPerWord)
    {
        if (code.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(code) != bytesPerWord)
        {
            return false;
        }

        words.Clear();
        for (var plane = 0; plane < bytesPerWord; plane++)
        {
            var start = BinaryPrimitives.ReadUInt32LittleEndian(code[(4 * (plane + 1))..]);
            var end = plane + 1 < bytesPerWord ? BinaryPrimitives.ReadUInt32LittleEndian(code[(4 * (plane + 2))..]) : (uint)code.Length;
            if (start < HeaderBytes || end < start || end > code.Length || !TryDecodePlane(code[(int)start..(int)end], words, 8 * (bytesPerWord - 1 - plane)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryDecodePlane(ReadOnlySpan<byte> code, Span<int> words, int shift)
    {
        var (at, made) = (0, 0);
        while (made < words.Length)
        {
            if (at >= code.Length)
            {
                return false;
            }

            var control = (sbyte)code[at++];
            if (control >= 0)
            {
                var literal = Math.Min(control + 1, words.Length - made);
                if (code.Length - at < literal)
                {
                    return false;
                }

                for (var index = 0; index < literal; index++)
                {
                    words[made++] |= code[at + index] << shift;
                }

                at += control + 1;
            }
            else if (control != sbyte.MinValue) // which says nothing
            {
                if (at >= code.Length)
                {
                    return false;
                }

                var value = code[at++] << shift;
                for (var end = Math.Min(made + 1 - control, words.Length); made < end; made++)
                {
                    words[made] |= value;
                }
            }
        }

        return true;
    }
}
