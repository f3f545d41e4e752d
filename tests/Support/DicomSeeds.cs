using SkiaSharp;

namespace ToNNO.Tests.Support;

/// <summary>Sound DICOM files, small, for tests that damage them.</summary>
internal static class DicomSeeds
{
    private static readonly byte[] _rle =
        [2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0, .. new byte[52], 237, 1, 14, .. Enumerable.Range(0, 15).Select(at => (byte)at), 128, 252, 9, 0];

    // 20 pixels in line, lossless, predictor 6: one table with codes for the categories 0 to 3.
    private static readonly byte[] _jpeg =
    [
        0xFF, 0xD8, 0xFF, 0xC3, 0, 11, 16, 0, 4, 0, 5, 1, 1, 0x11, 0, 0xFF, 0xC4, 0, 23, 0, 0, 4, .. new byte[14], 0, 1, 2, 3,
        0xFF, 0xDA, 0, 8, 1, 1, 0, 6, 0, 0, 0x1B, 0x2D, 0x41, 0x9C, 0x13, 0x71, 0x24, 0x66, 0x08, 0x55, 0x19, 0x02, 0xFF, 0xD9,
    ];

    // 20 pixels that climb by 700 modulo 4096, by CharLS 2.4.1 and OpenJPEG 2.5.0; then 512 x 512 of zero, by the same.
    private static readonly byte[] _jpegLs = Convert.FromBase64String("/9j/9wALEAAEAAUBAREA//gADQH//wASAEMBFABA/9oACAEBAAAAAJXdXdXVXMDrAGh4AQBABKgDqzULAEAZVwAFqzUHAAD/2Q==");
    private static readonly byte[] _jpeg2000 = Convert.FromBase64String(
        "/0//UQApAAAAAAAFAAAABAAAAAAAAAAAAAAABQAAAAQAAAAAAAAAAAABDwEB/1IADAAAAAEAAQQEAAH/XAAHQICIiJD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAA5AAH/k8/8MDAIkFIgoefkZf6XcXfAfyCQP8BUB/gDB2renw+k9ahe8Q1g+n8I6HH/2Q==");
    private static readonly byte[] _blankJpegLs = Convert.FromBase64String(
        "/9j/9wALEAIAAgABAREA//gADQH//wASAEMBFABA/9oACAEBAAAAAP9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//f/9//3//eP/Z");
    private static readonly byte[] _blankJpeg2000 = Convert.FromBase64String(
        "/0//UQApAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAAABDwEB/1IADAAAAAEABQQEAAH/XAATQICIiJCIiJCIiJCIiJCIiJD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAAeAAH/k9/4kDgRUFSv9MiPgICAgID/2Q==");

    /// <summary>Reading a damaged file may take so many times its bytes: a byte of RLE may stand for 64 pixels, which are decoded to words of
    /// four bytes; a byte of JPEG for 256.</summary>
    public const int MostTimesTheFile = 1024;

    /// <summary>One file of each way to write it, by the name of that way.</summary>
    public static IReadOnlyDictionary<string, DicomBytes> Files { get; } = new Dictionary<string, DicomBytes>
    {
        ["plain"] = new(),
        ["implicit"] = new DicomBytes { Syntax = DicomBytes.Implicit },
        ["big endian"] = new DicomBytes { Syntax = DicomBytes.BigEndian, UndefinedLengths = true },
        ["deflated"] = new DicomBytes { Syntax = DicomBytes.Deflated },
        ["enhanced"] = Enhanced(DicomBytes.Explicit),
        ["enhanced implicit"] = Enhanced(DicomBytes.Implicit),
        ["rle"] = new DicomBytes { Syntax = DicomBytes.Rle, Fragments = [[], _rle] },
        ["jpeg baseline"] = new DicomBytes
        {
            Syntax = DicomBytes.JpegBaseline,
            Rows = 24,
            Columns = 32,
            Bits = (8, 8, 7),
            IsSigned = false,
            Fragments = [[], Baseline()],
        },
        ["jpeg"] = new DicomBytes { Syntax = DicomBytes.Jpeg, Fragments = [[], _jpeg] },
        ["jpeg ls"] = new DicomBytes { Syntax = DicomBytes.JpegLs, Fragments = [[], _jpegLs] },
        ["jpeg 2000"] = new DicomBytes { Syntax = DicomBytes.Jpeg2000, Fragments = [[], _jpeg2000] },
    };

    /// <summary>Files of 512 x 512 zeros, which take next to no bytes.</summary>
    public static IReadOnlyDictionary<string, DicomBytes> Blank { get; } = new Dictionary<string, DicomBytes>
    {
        ["jpeg ls"] = new DicomBytes { Syntax = DicomBytes.JpegLs, Rows = 512, Columns = 512, Fragments = [[], _blankJpegLs] },
        ["jpeg 2000"] = new DicomBytes { Syntax = DicomBytes.Jpeg2000, Rows = 512, Columns = 512, Fragments = [[], _blankJpeg2000] },
    };

    /// <summary>What reading may take beside that multiple: tables of a JPEG, an exception and its message; where a file inflates, the slack for
    /// that, and what it grows through; where a hundred bytes may be a blank frame, its pixels as code gives them and in words.</summary>
    public static long BesidesBytes(string kind) => kind switch
    {
        "deflated" => 96 << 20,
        "jpeg ls" or "jpeg 2000" => 32 << 20,
        _ => 1 << 20,
    };

    private static DicomBytes Enhanced(string syntax) => new()
    {
        Syntax = syntax,
        SopClass = DicomBytes.EnhancedCtClass,
        UndefinedLengths = true,
        FramePositions = [new(0, 0, 0), new(0, 0, 2), new(0, 0, 4)],
    };

    /// <summary>A grey gradient.</summary>
    private static byte[] Baseline()
    {
        var pixels = Enumerable.Range(0, 24 * 32).Select(at => (byte)(at * 5)).ToArray();
        using var picture = SKImage.FromPixelCopy(new SKImageInfo(32, 24, SKColorType.Gray8, SKAlphaType.Opaque), pixels);
        using var jpeg = picture.Encode(SKEncodedImageFormat.Jpeg, 80);
        return jpeg.ToArray();
    }
}
