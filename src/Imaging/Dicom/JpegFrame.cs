using JpegLibrary;

namespace ToNNO.Imaging.Dicom;

/// <summary>JPEG (ISO 10918-1): baseline and extended of 8 and 12 bits by JpegLibrary, lossless by <see cref="LosslessJpeg"/>.</summary>
internal static class JpegFrame
{
    /// <summary>Most pixels that a byte may stand for: a block of 64 takes two bits or more.</summary>
    public const int MostPixelsPerByte = 256;

    /// <summary>Decodes one frame.</summary>
    /// <param name="words">Destination, one word a pixel.</param>
    /// <returns>False where the code is damaged, or is no grey picture of the size and depth that the file claims.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> code, PixelFormat format, Span<int> words)
    {
        switch (LosslessJpeg.FrameMarker(code.Span))
        {
            case 0xC3:
                return LosslessJpeg.TryDecode(code.Span, format, words);
            case not (0xC0 or 0xC1):
                return false;
        }

        try
        {
            var decoder = new JpegDecoder();
            decoder.SetInput(code);
            decoder.Identify();
            // Held against the file's claim before the decoder takes memory for its own.
            if (decoder.Width != format.Columns || decoder.Height != format.Rows || decoder.NumberOfComponents != 1 || decoder.Precision > format.BitsAllocated)
            {
                return false;
            }

            var writer = new Writer(format, decoder.Precision);
            decoder.SetOutputWriter(writer);
            decoder.Decode();
            writer.Words.CopyTo(words);
            return true;
        }
        catch (Exception damaged) when (damaged is not OutOfMemoryException)
        {
            // What a decoder throws on bytes that are no JPEG is not documented; whatever it is, it is about these bytes.
            return false;
        }
    }

    private sealed class Writer(PixelFormat format, int precision) : JpegBlockOutputWriter
    {
        private const int Edge = 8;

        public int[] Words { get; } = new int[format.PixelsPerFrame];

        public override void WriteBlock(ref short blockRef, int componentIndex, int x, int y)
        {
            var block = System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref blockRef, Edge * Edge);
            var most = (1 << precision) - 1;
            for (var row = 0; row < Math.Min(Edge, format.Rows - y); row++)
            {
                for (var column = 0; column < Math.Min(Edge, format.Columns - x); column++)
                {
                    // A cosine transform may overshoot.
                    Words[((y + row) * format.Columns) + x + column] = Math.Clamp((int)block[(row * Edge) + column], 0, most);
                }
            }
        }
    }
}
