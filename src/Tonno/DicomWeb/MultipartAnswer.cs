using System.Globalization;
using System.Text;

namespace ToNNO.Tonno.DicomWeb;

/// <summary>Reads the one part of a <c>multipart/related</c> answer (RFC 2046, 5.1) as it comes.</summary>
/// <remarks>Besides what is kept of the part, memory is one window, whatever a PACS sends and claims.</remarks>
internal sealed class MultipartAnswer
{
    private const int WindowBytes = 128 << 10;

    /// <summary>Of a preamble, and of a part's own headers.</summary>
    private const int MostHeadBytes = 64 << 10;

    /// <summary>RFC 2046: a boundary has up to 70 characters.</summary>
    private const int LongestBoundary = 70;

    /// <summary>A claimed length reserves no more than this.</summary>
    private const int MostReserved = 16 << 20;

    private static readonly byte[] _emptyLine = "\r\n\r\n"u8.ToArray();

    private readonly Stream _body;
    private readonly byte[] _window = new byte[WindowBytes];
    private int _start;
    private int _end;

    private MultipartAnswer(Stream body)
    {
        _body = body;
        "\r\n"u8.CopyTo(_window); // the first delimiter may lack the line break that the others begin with
        _end = 2;
    }

    /// <param name="mostBytes">No more is kept of the part.</param>
    /// <returns>The part's beginning, and its whole length. Of a part of more than one array can hold, at least that.</returns>
    /// <exception cref="PacsException">AnswerInvalid: no such answer, or not of one part.</exception>
    /// <exception cref="IOException">It ends within the part.</exception>
    public static async Task<(ArraySegment<byte> Start, long LengthBytes)> ReadAsync(Stream body, string boundary, long mostBytes, CancellationToken cancel)
    {
        if (boundary.Length is 0 or > LongestBoundary || !Ascii.IsValid(boundary))
        {
            throw Invalid("its boundary is none");
        }

        var (answer, delimiter) = (new MultipartAnswer(body), Encoding.ASCII.GetBytes($"\r\n--{boundary}"));
        await answer.HeadAsync(delimiter, cancel).ConfigureAwait(false);
        if (await answer.EndsAsync(cancel).ConfigureAwait(false))
        {
            throw Invalid("it has no part");
        }

        var headers = await answer.HeadAsync(_emptyLine, cancel).ConfigureAwait(false);
        return await answer.PartAsync(delimiter, Claim(headers), mostBytes, cancel).ConfigureAwait(false);
    }

    /// <summary>The bytes up to a mark, as text.</summary>
    private async Task<string> HeadAsync(byte[] mark, CancellationToken cancel)
    {
        var head = new StringBuilder();
        await UntilAsync(mark, bytes =>
        {
            head.Append(Encoding.Latin1.GetString(bytes));
            return head.Length <= MostHeadBytes ? true : throw Invalid("it does not begin with a part");
        }, cancel).ConfigureAwait(false);
        return head.ToString();
    }

    private async Task<(ArraySegment<byte> Start, long LengthBytes)> PartAsync(byte[] delimiter, long? claim, long mostBytes, CancellationToken cancel)
    {
        var (kept, count) = (new MemoryStream((int)Math.Min(Math.Min(claim ?? 0, mostBytes), MostReserved)), 0L);
        var isWhole = await UntilAsync(delimiter, bytes =>
        {
            count += bytes.Length;
            if (count > Math.Min(claim ?? long.MaxValue, Array.MaxLength))
            {
                return false;
            }

            kept.Write(bytes[..(int)Math.Min(bytes.Length, Math.Max(0, mostBytes - kept.Length))]);
            return claim is null || kept.Length < mostBytes || count == claim; // how long the rest is, it says
        }, cancel).ConfigureAwait(false);
        if (claim is { } claimed && (isWhole ? count != claimed : count > claimed))
        {
            throw Invalid("its part has another length than it says");
        }

        if (isWhole && !await EndsAsync(cancel).ConfigureAwait(false))
        {
            throw Invalid("it has more than one part");
        }

        return (new ArraySegment<byte>(kept.GetBuffer(), 0, (int)kept.Length), claim ?? count);
    }

    /// <summary>True where what follows closes the answer.</summary>
    private async Task<bool> EndsAsync(CancellationToken cancel)
    {
        while (_end - _start < 2)
        {
            await FillAsync(cancel).ConfigureAwait(false);
        }

        return _window.AsSpan(_start, 2).SequenceEqual("--"u8);
    }

    /// <summary>Passes the bytes before a mark on, and goes behind it.</summary>
    /// <param name="take">False ends it.</param>
    /// <returns>True where the mark was met.</returns>
    private async Task<bool> UntilAsync(byte[] mark, Func<ReadOnlySpan<byte>, bool> take, CancellationToken cancel)
    {
        while (true)
        {
            var at = _window.AsSpan(_start.._end).IndexOf(mark);
            var length = at >= 0 ? at : Math.Max(0, _end - _start - mark.Length + 1); // the rest may begin the mark
            var goesOn = take(_window.AsSpan(_start, length));
            _start += length;
            if (!goesOn)
            {
                return false;
            }

            if (at >= 0)
            {
                _start += mark.Length;
                return true;
            }

            await FillAsync(cancel).ConfigureAwait(false);
        }
    }

    private async Task FillAsync(CancellationToken cancel)
    {
        _window.AsSpan(_start.._end).CopyTo(_window);
        (_start, _end) = (0, _end - _start);
        var read = await _body.ReadAsync(_window.AsMemory(_end), cancel).ConfigureAwait(false);
        _end += read > 0 ? read : throw new EndOfStreamException("its answer ends before it is whole");
    }

    /// <returns>Null where the part does not say how long it is.</returns>
    private static long? Claim(string headers)
    {
        const string Name = "Content-Length:";
        var line = headers.Split("\r\n").FirstOrDefault(line => line.StartsWith(Name, StringComparison.OrdinalIgnoreCase));
        return line is null ? null
            : long.TryParse(line.AsSpan(Name.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length
            : throw Invalid("its part has a length that is none");
    }

    private static PacsException Invalid(string because) => new(PacsFault.AnswerInvalid, $"The PACS answers a request for an instance with what is none, as {because}: look whether it speaks WADO-RS.");
}
