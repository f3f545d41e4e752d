using System.Buffers.Binary;

namespace ToNNO.Imaging.Dicom;

/// <summary>Lossless JPEG with Huffman codes (ISO 10918-1, annex H), as DICOM uses it: one component, any of the seven predictors.</summary>
/// <remarks>Written here because JpegLibrary 0.4.32 predicts the first line wrongly unless the predictor is 1, without a word.</remarks>
internal ref struct LosslessJpeg
{
    private const int MostTables = 4;
    private const int CodeBits = 16;

    private readonly ReadOnlySpan<byte> _code;

    /// <summary>By table and the next 16 bits: length of the code they begin with, times 256, and its category; 0 where there is none.</summary>
    private readonly ushort[]?[] _tables;
    private int _at;
    private int _restartInterval;
    private uint _bits;
    private int _bitCount;

    private LosslessJpeg(ReadOnlySpan<byte> code)
    {
        _code = code;
        _tables = new ushort[]?[MostTables];
    }

    /// <summary>The marker of the frame header, which tells the process: 0xC3 is lossless; 0 where there is none.</summary>
    public static byte FrameMarker(ReadOnlySpan<byte> code)
    {
        var reader = new LosslessJpeg(code);
        while (reader.NextMarker() is > 0 and var marker)
        {
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                return marker;
            }

            if (reader.Segment() is not { IsEmpty: false })
            {
                return 0;
            }
        }

        return 0;
    }

    /// <summary>Decodes one frame.</summary>
    /// <param name="words">Destination, row by row.</param>
    /// <returns>False where the code is damaged, or is no picture of the size and depth that the file claims.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> code, PixelFormat format, Span<int> words)
    {
        var reader = new LosslessJpeg(code);
        var precision = 0;
        while (reader.NextMarker() is > 0 and var marker)
        {
            var segment = reader.Segment();
            switch (marker)
            {
                case 0xC3:
                    // Precision, height, width, one component of any name and without subsampling.
                    if (segment.Length < 9 || segment[0] is < 2 or > 16 || segment[0] > format.BitsAllocated || segment[5] != 1
                        || BinaryPrimitives.ReadUInt16BigEndian(segment[1..]) != format.Rows || BinaryPrimitives.ReadUInt16BigEndian(segment[3..]) != format.Columns)
                    {
                        return false;
                    }

                    precision = segment[0];
                    break;
                case 0xC4 when !reader.TryAddTables(segment):
                    return false;
                case 0xDD when segment.Length == 2:
                    reader._restartInterval = BinaryPrimitives.ReadUInt16BigEndian(segment);
                    break;
                case 0xDA:
                    return precision > 0 && segment.Length == 6 && segment[0] == 1 && segment[3] is >= 1 and <= 7 && (segment[5] & 15) < precision
                        && segment[2] >> 4 < MostTables && reader._tables[segment[2] >> 4] is { } table
                        && reader.TryDecodeScan(table, predictor: segment[3], precision, pointTransform: segment[5] & 15, format.Columns, words);
            }
        }

        return false;
    }

    /// <summary>Moves past the next marker.</summary>
    /// <returns>0 where the code ends first.</returns>
    private byte NextMarker()
    {
        while (_at + 1 < _code.Length)
        {
            if (_code[_at++] == 0xFF && _code[_at] is not (0 or 0xFF or 0xD8))
            {
                return _code[_at++];
            }
        }

        return 0;
    }

    /// <summary>Moves past a marker's segment, which begins with its length.</summary>
    private ReadOnlySpan<byte> Segment()
    {
        if (_code.Length - _at < 2 || BinaryPrimitives.ReadUInt16BigEndian(_code[_at..]) is var length && (length < 2 || length > _code.Length - _at))
        {
            _at = _code.Length;
            return default;
        }

        var segment = _code.Slice(_at + 2, length - 2);
        _at += length;
        return segment;
    }

    /// <summary>Adds Huffman tables (annex C): lengths of codes, then what they stand for, in the order of the codes.</summary>
    private readonly bool TryAddTables(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > CodeBits)
        {
            if (segment[0] >= MostTables)
            {
                return false; // tables for cosine transforms have no place here
            }

            // One array a place: a file of nothing but tables must not cost more than these.
            var table = _tables[segment[0]] ??= new ushort[1 << CodeBits];
            Array.Clear(table);
            var (next, code) = (CodeBits + 1, 0);
            for (var length = 1; length <= CodeBits; length++, code <<= 1)
            {
                for (var count = segment[length]; count > 0; count--, code++, next++)
                {
                    if (next >= segment.Length || segment[next] > CodeBits || code >= 1 << length)
                    {
                        return false;
                    }

                    table.AsSpan(code << (CodeBits - length), 1 << (CodeBits - length)).Fill((ushort)((length << 8) | segment[next]));
                }
            }

            segment = segment[next..];
        }

        return segment.IsEmpty;
    }

    private bool TryDecodeScan(ushort[] table, int predictor, int precision, int pointTransform, int columns, Span<int> words)
    {
        // Restarts come between lines (H.1.2.1); the line after one is predicted as the first is.
        if (_restartInterval % columns != 0)
        {
            return false;
        }

        var (linesPerRestart, lines) = (_restartInterval / columns, words.Length / columns);
        for (var line = 0; line < lines; line++)
        {
            var isFirst = linesPerRestart == 0 ? line == 0 : line % linesPerRestart == 0;
            if (isFirst && line > 0 && !TryRestart())
            {
                return false;
            }

            var row = words.Slice(line * columns, columns);
            var above = isFirst ? default : words.Slice((line - 1) * columns, columns);
            for (var column = 0; column < columns; column++)
            {
                if (!TryDifference(table, out var difference))
                {
                    return false;
                }

                var predicted = (isFirst, column) switch
                {
                    (true, 0) => 1 << (precision - pointTransform - 1),
                    (true, _) => row[column - 1],
                    (_, 0) => above[0],
                    _ => Predict(predictor, row[column - 1], above[column], above[column - 1]),
                };
                row[column] = (predicted + difference) & 0xFFFF;
            }
        }

        foreach (ref var word in words)
        {
            word <<= pointTransform;
        }

        return true;
    }

    /// <summary>Table H.1: from the samples left, above, and left above.</summary>
    private static int Predict(int predictor, int left, int above, int corner) => predictor switch
    {
        1 => left,
        2 => above,
        3 => corner,
        4 => left + above - corner,
        5 => left + ((above - corner) >> 1),
        6 => above + ((left - corner) >> 1),
        _ => (left + above) >> 1,
    };

    private bool TryDifference(ushort[] table, out int difference)
    {
        difference = 0;
        Fill();
        var entry = table[_bits >> (32 - CodeBits)];
        if (entry == 0 || !TryDrop(entry >> 8))
        {
            return false;
        }

        var category = entry & 0xFF;
        if (category is 0 or 16)
        {
            difference = category == 16 ? 1 << 15 : 0; // which needs no further bits
            return true;
        }

        Fill();
        var value = (int)(_bits >> (32 - category));
        difference = value < 1 << (category - 1) ? value - (1 << category) + 1 : value; // F.2.2.1, EXTEND
        return TryDrop(category);
    }

    /// <summary>Takes bytes in until 16 bits stand ready, or a marker or the end comes: behind it zeros are read, but cannot be dropped.</summary>
    private void Fill()
    {
        while (_bitCount <= 24 && _at < _code.Length)
        {
            var value = _code[_at];
            if (value == 0xFF && (_at + 1 == _code.Length || _code[_at + 1] != 0))
            {
                return;
            }

            _at += value == 0xFF ? 2 : 1; // a zero is stuffed behind
            _bits |= (uint)value << (24 - _bitCount);
            _bitCount += 8;
        }
    }

    private bool TryDrop(int count)
    {
        if (count > _bitCount)
        {
            return false;
        }

        (_bits, _bitCount) = (_bits << count, _bitCount - count);
        return true;
    }

    private bool TryRestart()
    {
        (_bits, _bitCount) = (0, 0);
        return NextMarker() is >= 0xD0 and <= 0xD7;
    }
}
