using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Dicom;

/// <summary>JPEG-LS (ISO 14495-1), lossless and near lossless, by CharLS where the machine has it.</summary>
internal static unsafe class JpegLsFrame
{
    private const string CharLs = "libcharls.so.2";

    /// <summary>The library is installed.</summary>
    public static bool IsThere { get; } = NativeCodec.IsThere(CharLs);

    /// <summary>Decodes one frame.</summary>
    /// <param name="words">Destination, one word a pixel.</param>
    /// <returns>False where the code is damaged, or is no grey picture of the size and depth that the file claims.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> code, PixelFormat format, Span<int> words)
    {
        var decoder = Create();
        if (decoder == 0)
        {
            throw new InsufficientMemoryException("There is no memory for a decoder of JPEG-LS.");
        }

        try
        {
            // CharLS 2.4 counts zeros for seconds behind the end of a code that is cut; it stops at an end of image.
            byte[] ended = [.. code, 0xFF, 0xD9];
            fixed (byte* source = ended)
            {
                // Held against the file's claim before the decoder takes memory for its own.
                if (SetSource(decoder, source, (nuint)ended.Length) != 0
                    || ReadHeader(decoder) != 0
                    || GetFrame(decoder, out var frame) != 0
                    || frame.Width != format.Columns || frame.Height != format.Rows || frame.Components != 1 || frame.Bits > format.BitsAllocated)
                {
                    return false;
                }

                return frame.Bits <= 8 ? TryDecode<byte>(decoder, words) : TryDecode<ushort>(decoder, words);
            }
        }
        finally
        {
            Destroy(decoder);
        }
    }

    private static bool TryDecode<T>(nint decoder, Span<int> words)
        where T : unmanaged, IConvertible
    {
        var samples = new T[words.Length];
        fixed (T* first = samples)
        {
            if (Decode(decoder, first, (nuint)(samples.Length * sizeof(T)), 0) != 0)
            {
                return false;
            }
        }

        for (var at = 0; at < words.Length; at++)
        {
            words[at] = samples[at].ToInt32(null);
        }

        return true;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Frame
    {
        public uint Width;
        public uint Height;
        public int Bits;
        public int Components;
    }

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_create")]
    private static extern nint Create();

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_destroy")]
    private static extern void Destroy(nint decoder);

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_set_source_buffer")]
    private static extern int SetSource(nint decoder, byte* source, nuint length);

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_read_header")]
    private static extern int ReadHeader(nint decoder);

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_get_frame_info")]
    private static extern int GetFrame(nint decoder, out Frame frame);

    [DllImport(CharLs, EntryPoint = "charls_jpegls_decoder_decode_to_buffer")]
    private static extern int Decode(nint decoder, void* destination, nuint length, uint stride);
}
