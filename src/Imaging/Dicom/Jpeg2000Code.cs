using System.Buffers.Binary;

namespace ToNNO.Imaging.Dicom;

/// <summary>What a JPEG 2000 code says of itself in its headers (ISO 15444-1, annex A), looked at before a decoder takes memory for it.</summary>
internal static class Jpeg2000Code
{
    private const int Size = 0xFF51, StartOfTile = 0xFF90, StartOfData = 0xFF93, CodingStyle = 0xFF52, ComponentCodingStyle = 0xFF53;

    /// <summary>A tile takes an SOT and an SOD at least.</summary>
    private const int LeastTileBytes = 14;

    /// <summary>Bounds of what a decoder keeps books of. Encoders make blocks of 32 x 32 or 64 x 64, precincts of 128 or more, and some ten layers.</summary>
    private const int LeastBlockExponents = 8, LeastPrecinctExponent = 5, MostLayers = 256;

    /// <summary>True for one component of the size that the file claims, in no more tiles than the code has bytes for, and no more blocks, precincts and layers than
    /// encoders make: a few bytes could else ask for gigabytes.</summary>
    public static bool IsBounded(ReadOnlySpan<byte> code, PixelFormat format)
    {
        const int SizeBytes = 42;
        if (code.Length < SizeBytes || code is not [0xFF, 0x4F, ..] || Word(code, 2) != Size)
        {
            return false;
        }

        var (right, bottom, left, top) = (Number(code, 8), Number(code, 12), Number(code, 16), Number(code, 20));
        var (tileWidth, tileHeight) = (Number(code, 24), Number(code, 28));
        return right - left == format.Columns && bottom - top == format.Rows && Word(code, 40) == 1 && tileWidth > 0 && tileHeight > 0
            && ((right / tileWidth) + 1) * ((bottom / tileHeight) + 1) <= 4 + (code.Length / LeastTileBytes)
            && AreStylesBounded(code);
    }

    /// <summary>Walks the segments of the main header, and those of each part of a tile.</summary>
    private static bool AreStylesBounded(ReadOnlySpan<byte> code)
    {
        var (at, nextPart) = (2, (long)code.Length);
        while (at + 4 <= code.Length)
        {
            var (marker, length) = (Word(code, at), Word(code, at + 2));
            if (marker == StartOfData && nextPart > at)
            {
                at = (int)nextPart;
                continue;
            }

            if (marker == StartOfData || length < 2 || at + 2 + length > code.Length)
            {
                return true; // cut, at its end, or a part that is said to end before its data begin, which the decoder tells
            }

            var segment = code.Slice(at + 4, length - 2);
            if (marker == StartOfTile && length == 10)
            {
                var bytes = Number(segment, 2);
                nextPart = bytes == 0 ? code.Length : Math.Min(code.Length, at + bytes);
            }

            var isBounded = marker switch
            {
                CodingStyle => segment.Length >= 10 && Word(segment, 2) <= MostLayers && IsStyleBounded(segment[5..], (segment[0] & 1) != 0),
                ComponentCodingStyle => segment.Length >= 7 && IsStyleBounded(segment[2..], (segment[1] & 1) != 0),
                _ => true,
            };
            if (!isBounded)
            {
                return false;
            }

            at += 2 + length;
        }

        return true;
    }

    /// <param name="style">From the number of decompositions on.</param>
    private static bool IsStyleBounded(ReadOnlySpan<byte> style, bool hasPrecincts)
    {
        if ((style[1] & 15) + (style[2] & 15) + 4 < LeastBlockExponents)
        {
            return false;
        }

        foreach (var precinct in hasPrecincts ? style[5..] : [])
        {
            if ((precinct & 15) < LeastPrecinctExponent || precinct >> 4 < LeastPrecinctExponent)
            {
                return false;
            }
        }

        return true;
    }

    private static int Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);

    private static long Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
