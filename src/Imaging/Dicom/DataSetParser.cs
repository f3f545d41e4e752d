using System.Buffers.Binary;
using System.Collections.Frozen;

namespace ToNNO.Imaging.Dicom;

/// <summary>
/// Reads a data set: explicit and implicit value representations, both byte orders, defined and undefined lengths, nested
/// sequences, encapsulated pixel data (PS3.5, sections 7 and A.4).
/// </summary>
/// <remarks>Every length is held against the bytes that are there before it is believed; nothing is copied. Attributes that are
/// not kept cost nothing, so what is held stays below a few times the bytes read. Nesting is bounded, so that no file can
/// exhaust the stack.</remarks>
internal sealed class DataSetParser
{
    private const uint Undefined = 0xFFFF_FFFF;
    private const int MostNested = 32;

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly FrozenSet<uint> _kept;
    private readonly uint _lastTag;
    private readonly string _name;
    private readonly long? _wholeBytes;
    private int _at;

    private DataSetParser(ReadOnlyMemory<byte> bytes, FrozenSet<uint> kept, uint lastTag, string name, long? wholeBytes) =>
        (_bytes, _kept, _lastTag, _name, _wholeBytes) = (bytes, kept, lastTag, name, wholeBytes);

    /// <summary>Reads the attributes up to a tag, which itself is read.</summary>
    /// <param name="kept">The attributes to keep, at any depth.</param>
    /// <param name="lastTag">What lies behind is not looked at: behind pixel data there is nothing of use, and often rubbish.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="wholeBytes">Where the bytes are the beginning of more: the length of the whole. Pixels are then passed over.</param>
    /// <returns>The attributes, and how many bytes they took.</returns>
    /// <exception cref="ImagingException"><see cref="RejectReason.DicomTruncated"/> where the bytes end first,
    /// <see cref="RejectReason.DicomDamaged"/> where they are no data set.</exception>
    public static (DataSet DataSet, int Length) Parse(
        ReadOnlyMemory<byte> bytes, TransferSyntax syntax, FrozenSet<uint> kept, uint lastTag, string name, long? wholeBytes = null)
    {
        var parser = new DataSetParser(bytes, kept, lastTag, name, wholeBytes);
        return (parser.ReadSet(bytes.Length, syntax, isKept: true, depth: 0, isDelimited: false), parser._at);
    }

    /// <summary>The attributes of the whole, or of one item.</summary>
    /// <param name="isDelimited">The set ends with a delimiter, not at <paramref name="end"/>.</param>
    private DataSet ReadSet(int end, TransferSyntax syntax, bool isKept, int depth, bool isDelimited)
    {
        var set = new DataSet(syntax.IsBigEndian);
        while (isDelimited || _at < end)
        {
            var start = _at;
            var tag = Tag(end, syntax);
            if (tag == DicomTag.ItemDelimitation && isDelimited)
            {
                Length(end, syntax);
                return set;
            }

            // What lies past the last tag may be unreadable, and what has no more than that is whole.
            if (depth == 0 && tag > _lastTag)
            {
                _at = start;
                return set;
            }

            if (tag is DicomTag.Item or DicomTag.ItemDelimitation or DicomTag.SequenceDelimitation)
            {
                throw Damaged("an item stands where there is no sequence");
            }

            ReadElement(set, tag, end, syntax, isKept, depth);
            if (depth == 0 && tag == _lastTag)
            {
                return set;
            }
        }

        return set;
    }

    private void ReadElement(DataSet set, uint tag, int end, TransferSyntax syntax, bool isKept, int depth)
    {
        var (representation, length) = syntax.IsExplicit ? ExplicitHead(tag, end, syntax) : (Vr.None, Length(end, syntax));
        var keeps = isKept && _kept.Contains(tag);
        if (_wholeBytes is { } whole && tag == DicomTag.PixelData && depth == 0)
        {
            set.Add(length == Undefined ? new DicomElement(tag, default, Fragments: [])
                : length <= whole - _at ? new DicomElement(tag, default, PassedOverBytes: length)
                : throw Truncated());
        }
        else if (length == Undefined && tag == DicomTag.PixelData && depth == 0)
        {
            var fragments = Fragments(end, syntax);
            set.Add(new DicomElement(tag, default, Fragments: fragments));
        }
        else if (length == Undefined)
        {
            if (representation is not (Vr.Sequence or Vr.Unknown or Vr.None))
            {
                throw Damaged("a value that is no sequence has no length");
            }

            // What the writer did not know it copied as it had come: implicit (PS3.5, 6.2.2, note 7).
            var items = Items(end, representation == Vr.Unknown ? TransferSyntax.Implicit : syntax, keeps, depth + 1, isDelimited: true);
            Keep(new DicomElement(tag, default, Items: items));
        }
        else if (length > (uint)(end - _at))
        {
            throw Truncated();
        }
        else if (keeps && (representation == Vr.Sequence || (representation is Vr.None or Vr.Unknown && DicomTag.IsSequence(tag))))
        {
            var items = Items(_at + (int)length, representation == Vr.Unknown ? TransferSyntax.Implicit : syntax, keeps, depth + 1, isDelimited: false);
            Keep(new DicomElement(tag, default, Items: items));
        }
        else
        {
            Keep(new DicomElement(tag, _bytes.Slice(_at, (int)length), IsWords: representation is Vr.Words or Vr.None));
            _at += (int)length;
        }

        void Keep(DicomElement element)
        {
            if (keeps)
            {
                set.Add(element);
            }
        }
    }

    private List<DataSet> Items(int end, TransferSyntax syntax, bool keeps, int depth, bool isDelimited)
    {
        if (depth > MostNested)
        {
            throw Damaged("its sequences are nested too deeply");
        }

        var items = new List<DataSet>();
        while (isDelimited || _at < end)
        {
            var tag = Tag(end, syntax);
            var length = Length(end, syntax);
            if (tag == DicomTag.SequenceDelimitation && isDelimited)
            {
                break;
            }

            if (tag != DicomTag.Item)
            {
                throw Damaged("a sequence holds something else than items");
            }

            if (length != Undefined && length > (uint)(end - _at))
            {
                throw Truncated();
            }

            if (length != Undefined && !keeps)
            {
                _at += (int)length;
                continue;
            }

            var item = ReadSet(length == Undefined ? end : _at + (int)length, syntax, keeps, depth, isDelimited: length == Undefined);
            if (keeps)
            {
                items.Add(item);
            }
        }

        return items;
    }

    /// <summary>The fragments of encapsulated pixel data, the offset table first.</summary>
    private List<ReadOnlyMemory<byte>> Fragments(int end, TransferSyntax syntax)
    {
        var fragments = new List<ReadOnlyMemory<byte>>();
        while (true)
        {
            var tag = Tag(end, syntax);
            var length = Length(end, syntax);
            if (tag == DicomTag.SequenceDelimitation)
            {
                return fragments;
            }

            if (tag != DicomTag.Item || length == Undefined)
            {
                throw Damaged("its pixel data holds something else than fragments");
            }

            if (length > (uint)(end - _at))
            {
                throw Truncated();
            }

            fragments.Add(_bytes.Slice(_at, (int)length));
            _at += (int)length;
        }
    }

    private (Vr Representation, uint Length) ExplicitHead(uint tag, int end, TransferSyntax syntax)
    {
        var letters = Take(2, end);
        if (!char.IsAsciiLetterUpper((char)letters[0]) || !char.IsAsciiLetterUpper((char)letters[1]))
        {
            throw Damaged($"attribute {tag:X8} has no value representation");
        }

        var representation = (char)letters[0] switch
        {
            'S' when letters[1] == 'Q' => Vr.Sequence,
            'U' when letters[1] == 'N' => Vr.Unknown,
            'O' when letters[1] == 'W' => Vr.Words,
            'O' when letters[1] is (byte)'B' or (byte)'D' or (byte)'F' or (byte)'L' or (byte)'V' => Vr.Long,
            'U' when letters[1] is (byte)'C' or (byte)'R' or (byte)'T' or (byte)'V' => Vr.Long,
            'S' when letters[1] == 'V' => Vr.Long,
            _ => Vr.Short,
        };
        if (representation == Vr.Short)
        {
            var field = Take(2, end);
            return (representation, syntax.IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(field) : BinaryPrimitives.ReadUInt16LittleEndian(field));
        }

        Take(2, end); // reserved
        return (representation, Length(end, syntax));
    }

    private uint Tag(int end, TransferSyntax syntax)
    {
        var field = Take(4, end);
        return syntax.IsBigEndian
            ? BinaryPrimitives.ReadUInt32BigEndian(field)
            : ((uint)BinaryPrimitives.ReadUInt16LittleEndian(field) << 16) | BinaryPrimitives.ReadUInt16LittleEndian(field[2..]);
    }

    private uint Length(int end, TransferSyntax syntax)
    {
        var field = Take(4, end);
        return syntax.IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(field) : BinaryPrimitives.ReadUInt32LittleEndian(field);
    }

    private ReadOnlySpan<byte> Take(int count, int end)
    {
        if (end - _at < count)
        {
            throw Truncated();
        }

        var taken = _bytes.Span.Slice(_at, count);
        _at += count;
        return taken;
    }

    private ImagingException Truncated() => new(
        RejectReason.DicomTruncated, $"{_name} ends in the middle of an attribute: copy it again from its source.");

    private ImagingException Damaged(string fault) => new(
        RejectReason.DicomDamaged, $"{_name} is no sound DICOM file, as {fault}: copy it again from its source.");

    /// <summary>What a value representation says about how to read on.</summary>
    private enum Vr
    {
        /// <summary>Implicit.</summary>
        None,

        /// <summary>A length of two bytes.</summary>
        Short,

        /// <summary>A length of four bytes.</summary>
        Long,
        Words,
        Sequence,
        Unknown,
    }
}
