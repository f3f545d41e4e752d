using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Dicom;

/// <summary>JPEG 2000 (ISO 15444-1), lossless and lossy, by OpenJPEG where the machine has it.</summary>
internal static unsafe class Jpeg2000Frame
{
    private const string OpenJpeg = "libopenjp2.so.7";

    /// <summary>More than any version's parameters (8.3 KiB).</summary>
    private const int ParametersBytes = 64 << 10;

    /// <summary>The library is installed.</summary>
    public static bool IsThere { get; } = NativeCodec.IsThere(OpenJpeg);

    /// <summary>Decodes one frame.</summary>
    /// <param name="words">Destination, one word a pixel.</param>
    /// <returns>False where the code is damaged, or is no grey picture of the size and depth that the file claims.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> code, PixelFormat format, Span<int> words)
    {
        if (!Jpeg2000Code.IsBounded(code, format))
        {
            return false;
        }

        fixed (byte* first = code)
        {
            var source = new Source { First = first, Length = code.Length };
            var codec = CreateCodec(0);
            var stream = CreateStream((nuint)Math.Min(code.Length, 1 << 20), 1);
            Picture* picture = null;
            try
            {
                SetRead(stream, &Read);
                SetSkip(stream, &Skip);
                SetSeek(stream, &Seek);
                SetUserData(stream, &source, 0);
                SetLength(stream, (ulong)code.Length);
                var parameters = stackalloc byte[ParametersBytes];
                SetDefaults(parameters);
                return SetWarningHandler(codec, &Complain, &source) != 0
                    && SetErrorHandler(codec, &Complain, &source) != 0
                    && SetUp(codec, parameters) != 0
                    && ReadHeader(stream, codec, &picture) != 0
                    && DecodeImage(codec, stream, picture) != 0
                    && EndDecoding(codec, stream) != 0
                    // It warns of what it leaves out of a code that is cut or damaged, and gives a picture all the same.
                    && !source.IsComplained
                    && TryCopy(picture, format, words);
            }
            finally
            {
                DestroyImage(picture);
                DestroyStream(stream);
                DestroyCodec(codec);
            }
        }
    }

    private static bool TryCopy(Picture* picture, PixelFormat format, Span<int> words)
    {
        if (picture->ComponentCount != 1)
        {
            return false;
        }

        var component = picture->Components;
        if (component->Width != format.Columns || component->Height != format.Rows || component->Precision > format.BitsAllocated || component->Data is null)
        {
            return false;
        }

        new ReadOnlySpan<int>(component->Data, words.Length).CopyTo(words);
        return true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Read(byte* into, nuint most, Source* source)
    {
        var count = Math.Min((long)most, source->Length - source->At);
        if (count == 0)
        {
            return nuint.MaxValue;
        }

        Buffer.MemoryCopy(source->First + source->At, into, (long)most, count);
        source->At += count;
        return (nuint)count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long Skip(long count, Source* source)
    {
        if (count < 0 || count > source->Length - source->At)
        {
            return -1;
        }

        source->At += count;
        return count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Seek(long at, Source* source)
    {
        if (at < 0 || at > source->Length)
        {
            return 0;
        }

        source->At = at;
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Complain(byte* message, Source* source) => source->IsComplained = true;

    private struct Source
    {
        public byte* First;
        public long Length;
        public long At;
        public bool IsComplained;
    }

    /// <summary>opj_image_t, as far as it is looked at.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Picture
    {
        public uint Left;
        public uint Top;
        public uint Right;
        public uint Bottom;
        public uint ComponentCount;
        public int ColorSpace;
        public Component* Components;
    }

    /// <summary>opj_image_comp_t, as far as it is looked at.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Component
    {
        public uint StepX;
        public uint StepY;
        public uint Width;
        public uint Height;
        public uint Left;
        public uint Top;
        public uint Precision;
        public uint Depth;
        public uint IsSigned;
        public uint ResolutionsDecoded;
        public uint Factor;
        public int* Data;
    }

    [DllImport(OpenJpeg, EntryPoint = "opj_create_decompress")]
    private static extern nint CreateCodec(int format);

    [DllImport(OpenJpeg, EntryPoint = "opj_destroy_codec")]
    private static extern void DestroyCodec(nint codec);

    [DllImport(OpenJpeg, EntryPoint = "opj_set_default_decoder_parameters")]
    private static extern void SetDefaults(byte* parameters);

    [DllImport(OpenJpeg, EntryPoint = "opj_setup_decoder")]
    private static extern int SetUp(nint codec, byte* parameters);

    [DllImport(OpenJpeg, EntryPoint = "opj_set_warning_handler")]
    private static extern int SetWarningHandler(nint codec, delegate* unmanaged[Cdecl]<byte*, Source*, void> handler, Source* source);

    [DllImport(OpenJpeg, EntryPoint = "opj_set_error_handler")]
    private static extern int SetErrorHandler(nint codec, delegate* unmanaged[Cdecl]<byte*, Source*, void> handler, Source* source);

    [DllImport(OpenJpeg, EntryPoint = "opj_read_header")]
    private static extern int ReadHeader(nint stream, nint codec, Picture** picture);

    [DllImport(OpenJpeg, EntryPoint = "opj_decode")]
    private static extern int DecodeImage(nint codec, nint stream, Picture* picture);

    [DllImport(OpenJpeg, EntryPoint = "opj_end_decompress")]
    private static extern int EndDecoding(nint codec, nint stream);

    [DllImport(OpenJpeg, EntryPoint = "opj_image_destroy")]
    private static extern void DestroyImage(Picture* picture);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_create")]
    private static extern nint CreateStream(nuint bufferBytes, int isInput);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_destroy")]
    private static extern void DestroyStream(nint stream);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_set_read_function")]
    private static extern void SetRead(nint stream, delegate* unmanaged[Cdecl]<byte*, nuint, Source*, nuint> read);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_set_skip_function")]
    private static extern void SetSkip(nint stream, delegate* unmanaged[Cdecl]<long, Source*, long> skip);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_set_seek_function")]
    private static extern void SetSeek(nint stream, delegate* unmanaged[Cdecl]<long, Source*, int> seek);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_set_user_data")]
    private static extern void SetUserData(nint stream, Source* source, nint free);

    [DllImport(OpenJpeg, EntryPoint = "opj_stream_set_user_data_length")]
    private static extern void SetLength(nint stream, ulong length);
}
