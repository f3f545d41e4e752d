using System.Text;
using CsCheck;
using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Tests.DicomWeb;

public sealed class MultipartAnswerTests
{
    private static readonly string[] _pieces = ["\r", "\n", "-", "b", "\r\n--b"];
    private static readonly string[] _preambles = ["", "\r\n", "before\r\n"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Parts of any bytes, even such as begin like a delimiter, in pieces of any length.</summary>
    [Fact]
    public void Read_AnyPartInAnyPieces_ItsBytesAndLength() => Gen.Select(
        Gen.OneOf(Gen.Byte.Array[0, 300], Gen.Int[0, 4].Array[0, 60].Select(pieces => Encoding.ASCII.GetBytes(string.Concat(pieces.Select(piece => _pieces[piece]))))),
        Gen.Int[1, 40], Gen.Int[0, 400], Gen.Bool, Gen.Int[0, 2].Select(at => _preambles[at])).Sample((part, piece, most, isClaimed, preamble) =>
        {
            var body = Body(part, isClaimed ? part.Length : null, preamble);
            var (start, length) = Read(body, "boundary", most, piece);
            Assert.Equal(part[..Math.Min(most, part.Length)], start.ToArray());
            Assert.Equal(part.Length, length);
        }, iter: 2000);

    /// <summary>Whatever comes, there is an answer of this type's own, and no more is kept than was asked for.</summary>
    [Fact]
    public void Read_DamagedAnswers_PartOrRefusalOrCut() => Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, 400], Gen.Int[0, 400], Gen.Byte.Array[0, 20], Gen.Int[0, 300]).Sample((part, from, count, other, most) =>
    {
        var body = Body(part, part.Length, "");
        from = Math.Min(from, body.Length);
        byte[] damaged = [.. body[..from], .. other, .. body[Math.Min(body.Length, from + count)..]];
        try
        {
            Assert.True(Read(damaged, "boundary", most, 33).Start.Length <= most);
        }
        catch (Exception expected) when (expected is PacsException { Fault: PacsFault.AnswerInvalid } or EndOfStreamException)
        {
        }
    }, iter: 5000);

    [Theory]
    [InlineData("--boundary\r\nContent-Length: 3\r\n\r\nabcd\r\n--boundary--", "another length")]
    [InlineData("--boundary\r\nContent-Length: 5\r\n\r\nabcd\r\n--boundary--", "another length")]
    [InlineData("--boundary\r\nContent-Length: -5\r\n\r\nabcd\r\n--boundary--", "length that is none")]
    [InlineData("--boundary\r\n\r\nabcd\r\n--boundary\r\n\r\nefgh\r\n--boundary--", "more than one part")]
    [InlineData("--boundary--\r\n", "no part")]
    public void Read_PacsThatLies_Refused(string body, string because)
    {
        var refused = Assert.Throws<PacsException>(() => Read(Encoding.ASCII.GetBytes(body), "boundary", long.MaxValue, 100));
        Assert.Equal("pacs.answer_invalid", refused.Code);
        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ä")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345678901")]
    public void Read_BoundaryThatIsNone_Refused(string boundary) =>
        Assert.Equal("pacs.answer_invalid", Assert.Throws<PacsException>(() => Read([], boundary, 1, 1)).Code);

    /// <summary>A claim of 8 EiB and an answer without end: neither takes memory for what was not asked for.</summary>
    [Fact]
    public async Task Read_ClaimsAndEndlessHeads_BoundedMemory()
    {
        var claim = Encoding.ASCII.GetBytes($"--boundary\r\nContent-Length: {long.MaxValue}\r\n\r\n{new string('x', 1000)}");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (start, length) = Read(claim, "boundary", 100, 5000);
        Assert.Equal((100, long.MaxValue), (start.Length, length));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
        await Assert.ThrowsAsync<PacsException>(() => MultipartAnswer.ReadAsync(new Endless(), "boundary", 100, Token));
    }

    private static byte[] Body(byte[] part, int? claim, string preamble) =>
    [
        .. Encoding.ASCII.GetBytes($"{preamble}--boundary\r\nContent-Type: application/dicom\r\n{(claim is { } length ? $"content-length: {length}\r\n" : "")}MIME-Version: 1.0\r\n\r\n"),
        .. part, .. "\r\n--boundary--\r\n"u8,
    ];

    private static (byte[] Start, long LengthBytes) Read(byte[] body, string boundary, long most, int piece)
    {
        using var pieces = new Pieces(body, piece);
        var (start, length) = MultipartAnswer.ReadAsync(pieces, boundary, most, Token).GetAwaiter().GetResult();
        return (start.ToArray(), length);
    }

    /// <summary>Gives some bytes at a time.</summary>
    private sealed class Pieces(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(buffer.Length, most)], cancellationToken);
    }

    private sealed class Endless : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(buffer.Length);
    }
}
