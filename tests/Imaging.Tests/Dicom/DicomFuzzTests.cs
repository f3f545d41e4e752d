using System.Diagnostics;
using ToNNO.Imaging.Dicom;
using ToNNO.Tests.Support;

namespace ToNNO.Imaging.Tests.Dicom;

/// <summary>Damaged files are read or refused: no other exception, no memory beyond a multiple of the file, no hang.</summary>
public sealed class DicomFuzzTests
{
    public static TheoryData<string> Kinds => [.. DicomSeeds.Files.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Read_DamagedFile_ReadOrRefused(string kind)
    {
        const int Count = 20_000;
        NativeCodecs.Require(kind);
        var bytes = DicomSeeds.Files[kind].ToArray();
        Assert.True(TryRead(bytes, kind), "the sound file is refused");
        var random = new Random(kind.Length);
        var read = Enumerable.Range(0, Count).Count(_ => TryRead(Damaged.Of(bytes, random), kind));
        Assert.InRange(read, Count / 50, Count - (Count / 50));
    }

    /// <summary>What a header says without the pixels is what it says with them: of damaged files too, and from whatever beginning of them.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ParseHeader_DamagedFileOrItsBeginning_SameAsOfTheWhole(string kind)
    {
        const int Count = 20_000;
        NativeCodecs.Require(kind);
        var (bytes, random, same) = (DicomSeeds.Files[kind].ToArray(), new Random(kind.Length + 1), 0);
        for (var at = 0; at < Count; at++)
        {
            var damaged = at == 0 ? bytes : Damaged.Of(bytes, random);
            var whole = TryImage(damaged, null);
            var header = TryImage(damaged, damaged.Length);
            Assert.True(whole is null || Same(whole, header), "the whole is read, but not its header");
            if (TryImage(damaged[..random.Next(damaged.Length + 1)], damaged.Length) is { } beginning)
            {
                Assert.True(kind == "deflated" || header is null || Same(beginning, header), "the beginning tells something else");
                same++;
            }
        }

        Assert.True(kind == "deflated" || same > Count / 100, $"{same} beginnings were read: nothing was tested");

        static bool Same(DicomImage one, DicomImage? other) => other is not null && one.Format == other.Format && one.Frames.SequenceEqual(other.Frames);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Read_CutAnywhere_Refused(string kind)
    {
        NativeCodecs.Require(kind);
        var bytes = DicomSeeds.Files[kind].ToArray();
        for (var length = 0; length < bytes.Length; length++)
        {
            // What deflate leaves out at its very end, and the delimiter behind the last fragment, are no pixels.
            Assert.False(TryRead(bytes[..length], kind) && length < bytes.Length - 16, $"it is read from {length} bytes of {bytes.Length}");
        }
    }

    /// <summary>A code that ends early in a file that is whole: its decoder must not make up the rest.</summary>
    [Theory]
    [InlineData("rle")]
    [InlineData("jpeg ls")]
    [InlineData("jpeg 2000")]
    public void Read_CodeCutAnywhere_Refused(string kind)
    {
        NativeCodecs.Require(kind);
        var sound = DicomSeeds.Files[kind];
        var code = sound.Fragments![1];
        for (var length = 0; length < code.Length - 2; length++)
        {
            var cut = sound with { Fragments = [[], code[..length]] };
            Assert.False(TryRead(cut.ToArray(), kind), $"it is read from {length} bytes of {code.Length}");
        }
    }

    /// <summary>Codes of a few bytes for which a decoder would keep books of gigabytes: blocks of 4 x 4, precincts of 2 x 2, a thousand layers.</summary>
    [Theory]
    [InlineData("00 00 0001 00 05 00 00 00 01")]
    [InlineData("01 00 0001 00 05 04 04 00 01 111111111111")]
    [InlineData("00 00 0400 00 05 04 04 00 01")]
    public void IsBounded_CodeThatAsksForMoreBooksThanPixels_False(string style)
    {
        NativeCodecs.Require("jpeg 2000");
        var sound = DicomSeeds.Blank["jpeg 2000"];
        var (code, format) = (sound.Fragments![1], new PixelFormat(512, 512, 16, 16, 15, true));
        Assert.True(Jpeg2000Code.IsBounded(code, format));
        var at = code.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0x52]);
        var made = Convert.FromHexString(style.Replace(" ", "", StringComparison.Ordinal));
        byte[] other = [.. code[..at], 0xFF, 0x52, 0, (byte)(made.Length + 2), .. made, .. code[(at + 14)..]];
        Assert.False(Jpeg2000Code.IsBounded(other, format));
        Assert.False(TryRead((sound with { Fragments = [[], other] }).ToArray(), "jpeg 2000"));
    }

    /// <summary>A part of a tile that is said to end before its data begin must not lead back to where it has been looked at.</summary>
    [Fact(Timeout = 60_000)]
    public async Task IsBounded_PartThatEndsWithinItsHeader_ComesToAnEnd()
    {
        var code = DicomSeeds.Blank["jpeg 2000"].Fragments![1].ToArray();
        var part = code.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0x90]);
        byte[] comment = [0xFF, 0x64, 0, 6, 0, 0, 0, 0];
        for (var bytes = 0; bytes < 64; bytes++)
        {
            byte[] other = [.. code[..(part + 12)], .. comment, .. code[(part + 12)..]];
            other[part + 9] = (byte)bytes;
            await Task.Run(() => Jpeg2000Code.IsBounded(other, new PixelFormat(512, 512, 16, 16, 15, true)), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A blank slice takes a hundred bytes, and is no bomb.</summary>
    [Theory]
    [InlineData("jpeg ls")]
    [InlineData("jpeg 2000")]
    public void Read_BlankFrame_Read(string kind)
    {
        NativeCodecs.Require(kind);
        Assert.True(TryRead(DicomSeeds.Blank[kind].ToArray(), kind));
        Assert.False(TryRead((DicomSeeds.Blank[kind] with { Rows = 30_000, Columns = 30_000 }).ToArray(), kind));
    }

    [Fact]
    public void Parse_NestedWithoutEnd_RefusedBeforeTheStackIs()
    {
        byte[] level = [0x08, 0x00, 0x40, 0x11, (byte)'S', (byte)'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF];
        byte[] file = [.. new DicomBytes().ToArray()[..160], .. Enumerable.Repeat(level, 100_000).SelectMany(bytes => bytes)];
        Assert.False(TryRead(file, "plain"));
    }

    [Fact]
    public void Parse_DeflateBomb_RefusedEarly()
    {
        var bomb = new DicomBytes
        {
            Syntax = DicomBytes.Deflated,
            Others = new Dictionary<uint, DicomAttribute?> { [0x0009_0010] = new(0, "OB", new byte[100 << 20]) },
        }.ToArray();
        Assert.False(TryRead(bomb, "deflated"));
    }

    /// <param name="wholeBytes">Where the bytes are read as the beginning of a file: its length.</param>
    /// <returns>Null where it is refused.</returns>
    private static DicomImage? TryImage(byte[] bytes, long? wholeBytes)
    {
        try
        {
            var file = DicomFile.Parse(bytes, DicomTag.Imaging, DicomTag.PixelData, "The file", wholeBytes);
            var image = DicomImage.Of(file, "The file");
            _ = wholeBytes is null ? FramePixels.Of(file, image, "The file") : null;
            FramePixels.RequireSound(file, image, "The file");
            return image;
        }
        catch (ImagingException refusal)
        {
            Assert.NotEqual(RejectReason.Unspecified, refusal.Reason);
            return null;
        }
    }

    /// <returns>True where the file was read to its last pixel.</returns>
    private static bool TryRead(byte[] bytes, string kind)
    {
        var clock = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var isRead = false;
        try
        {
            var file = DicomFile.Parse(bytes, DicomTag.Imaging, DicomTag.PixelData, "The file");
            var image = DicomImage.Of(file, "The file");
            var pixels = FramePixels.Of(file, image, "The file");
            var values = new int[image.Format.PixelsPerFrame];
            foreach (var frame in image.Frames)
            {
                pixels.Decode(frame.Index, values);
            }

            isRead = true;
        }
        catch (ImagingException refusal)
        {
            Assert.NotEqual(RejectReason.Unspecified, refusal.Reason);
            Assert.StartsWith("The file ", refusal.Message, StringComparison.Ordinal);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (DicomSeeds.MostTimesTheFile * (long)bytes.Length) + DicomSeeds.BesidesBytes(kind));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, 4096)))} took {clock.Elapsed}");
        return isRead;
    }
}
