using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ToNNO.Imaging.Sinograms;

/// <summary>What NumPy's .npy format says of an array before its data: versions 1.0 to 3.0, no structured types.</summary>
/// <param name="Type">As in <c>&lt;f4</c>: byte order, kind and size.</param>
/// <param name="Shape">Empty for a single value.</param>
internal sealed record NpyHeader(string Type, bool FortranOrder, IReadOnlyList<long> Shape)
{
    /// <summary>NumPy refuses longer ones too, as parsing them could take long.</summary>
    private const int MostBytes = 10_000;

    private const int MostAxes = 32;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Size of one element by the type's kind, or null where it is none of ours.</summary>
    public int? ElementBytes => Type switch
    {
        "<f4" or "<i4" => 4,
        "<f8" or "<i8" => 8,
        "|b1" or "|u1" => 1,
        ['<', 'U', .. var characters] when int.TryParse(characters, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= MostBytes => 4 * count,
        _ => null,
    };

    public string ShapeText => $"({string.Join(", ", Shape)})";

    /// <summary>Number of elements; null where no file holds so many.</summary>
    public long? Count
    {
        get
        {
            var count = 1L;
            foreach (var length in Shape)
            {
                if (length > 0 && count > long.MaxValue / 64 / length)
                {
                    return null;
                }

                count *= length;
            }

            return count;
        }
    }

    /// <summary>Reads a header, and no more of the stream than that takes.</summary>
    /// <param name="length">Bytes that the header takes.</param>
    /// <returns>Null where the bytes are no such header, or end within it.</returns>
    public static NpyHeader? TryRead(Stream stream, out int length)
    {
        length = 0;
        Span<byte> prefix = stackalloc byte[12];
        if (stream.ReadAtLeast(prefix[..8], 8, throwOnEndOfStream: false) < 8 || !prefix[..6].SequenceEqual(Magic) || prefix[6] is < 1 or > 3 || prefix[7] != 0)
        {
            return null;
        }

        var width = prefix[6] == 1 ? 2 : 4;
        if (stream.ReadAtLeast(prefix.Slice(8, width), width, throwOnEndOfStream: false) < width)
        {
            return null;
        }

        var bytes = width == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(prefix[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(prefix[8..]);
        if (bytes > MostBytes)
        {
            return null;
        }

        var text = new byte[bytes];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
        {
            return null;
        }

        length = 8 + width + text.Length;
        return new Scanner(Encoding.UTF8.GetString(text)).Header();
    }

    /// <summary>Reads a Python dict of the three keys, in any order; gives null at the first thing that is not expected.</summary>
    private ref struct Scanner(string text)
    {
        private ReadOnlySpan<char> _rest = text;

        public NpyHeader? Header()
        {
            string? type = null;
            bool? fortran = null;
            List<long>? shape = null;
            if (!Take("{"))
            {
                return null;
            }

            while (!Take("}"))
            {
                switch (Quoted())
                {
                    case "descr" when type is null && Take(":"):
                        type = Quoted();
                        break;
                    case "fortran_order" when fortran is null && Take(":"):
                        fortran = Take("True") ? true : Take("False") ? false : null;
                        break;
                    case "shape" when shape is null && Take(":"):
                        shape = Numbers();
                        break;
                    default:
                        return null;
                }

                if (!Take(",") && !Ahead("}"))
                {
                    return null;
                }
            }

            return type is null || fortran is not { } order || shape is null || !_rest.Trim().IsEmpty ? null : new(type, order, shape);
        }

        private bool Ahead(string word)
        {
            _rest = _rest.TrimStart();
            return _rest.StartsWith(word, StringComparison.Ordinal);
        }

        private bool Take(string word)
        {
            var ahead = Ahead(word);
            _rest = ahead ? _rest[word.Length..] : _rest;
            return ahead;
        }

        private string? Quoted()
        {
            if (!Take("'") || _rest.IndexOf('\'') is not (>= 0 and var end))
            {
                return null;
            }

            var content = _rest[..end].ToString();
            _rest = _rest[(end + 1)..];
            return content;
        }

        private List<long>? Numbers()
        {
            if (!Take("("))
            {
                return null;
            }

            var numbers = new List<long>();
            while (!Take(")"))
            {
                _rest = _rest.TrimStart();
                var digits = _rest.IndexOfAnyExceptInRange('0', '9');
                if (digits <= 0 || numbers.Count == MostAxes || !long.TryParse(_rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                {
                    return null;
                }

                numbers.Add(number);
                _rest = _rest[digits..];
                if (!Take(",") && !Ahead(")"))
                {
                    return null;
                }
            }

            return numbers;
        }
    }
}
