using Azure;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>Reads one version of a blob here and there, as the directory and the files of a zip lie: little of where it is only looked at, and more and
/// more, ahead, of where reading goes on.</summary>
/// <remarks>Parts are fetched where they are wanted, the first of a place small, each that follows twice as long as the one before, up to a block. Those
/// that were used last are held, so that what is looked at and then read is fetched once: in no more memory than reading from start to end takes.</remarks>
internal sealed class SeekableReadStream : Stream
{
    /// <summary>Holds the directory of a zip of some hundred files, or the head of one.</summary>
    private const int LeastBytes = 32 << 10;

    private const int MostParts = 32;

    private readonly BlobVersion _blob;
    private readonly int _parallel;
    private readonly int _leastBytes;
    private readonly int _mostBytes;
    private readonly long _mostHeldBytes;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Those used last at the end.</summary>
    private readonly List<Part> _parts = [];
    private long _position;

    private SeekableReadStream(BlobVersion blob, AzureStoreOptions options, long length)
    {
        (_blob, _parallel, Length) = (blob, options.Parallel, length);
        (_mostBytes, _leastBytes) = (options.BlockBytes, Math.Min(LeastBytes, options.BlockBytes));
        _mostHeldBytes = (options.Parallel + 1L) * options.BlockBytes; // the part that is read, those ahead of it, and as much of others
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <summary>Learns of the blob's length and version.</summary>
    /// <param name="what">What messages call the blob.</param>
    /// <exception cref="RequestFailedException">There is none, or the store failed.</exception>
    public static async Task<SeekableReadStream> OpenAsync(BlockBlobClient blob, string what, AzureStoreOptions options, CancellationToken cancel)
    {
        var properties = (await blob.GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value;
        return new SeekableReadStream(new BlobVersion(blob, what, properties.ETag), options, properties.ContentLength);
    }

    /// <inheritdoc/>
    /// <exception cref="BlobStoreException">Unavailable, also where the blob was replaced or deleted.</exception>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
        if (buffer.IsEmpty || _position >= Length)
        {
            return 0;
        }

        var part = PartAt(_position);
        var at = (int)(_position - part.From);
        var count = Math.Min(buffer.Length, part.Count - at);
        part.Content.GetAwaiter().GetResult().Bytes.AsSpan(at, count).CopyTo(buffer); // on a thread that reads files, and so waits
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="IOException">The place is before the blob's beginning, where a damaged zip may send its reader.</exception>
    public override long Seek(long offset, SeekOrigin origin)
    {
        var position = offset + (origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            _ => Length,
        });
        return _position = position >= 0 ? position : throw new IOException("There is nothing before the beginning of a blob.");
    }

    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_stopping.IsCancellationRequested)
        {
            _stopping.Cancel();
            _parts.ForEach(Drop);
            _parts.Clear();
            _stopping.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Drop(Part part) => part.Content.ContinueWith(
        static done =>
        {
            if (done.IsCompletedSuccessfully)
            {
                done.Result.GiveBack();
            }
            else
            {
                _ = done.Exception; // nobody will look at it
            }
        },
        CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <summary>The part that holds a place; those that follow one which was read on to are asked for, too.</summary>
    private Part PartAt(long position)
    {
        var part = Held(position) ?? Fetch(position);
        _parts.Remove(part);
        _parts.Add(part);
        var last = part;
        for (var ahead = 1; part.IsReadOn && ahead < _parallel && last.End < Length; ahead++)
        {
            last = Held(last.End) ?? Fetch(last.End);
        }

        return part;
    }

    private Part? Held(long position) => _parts.FindLast(part => part.From <= position && position < part.End);

    private Part Fetch(long position)
    {
        var before = _parts.FindLast(part => part.End == position);
        // At the end of a zip is its directory, of which the last bytes are asked for first.
        var from = before is null && Length - position < _leastBytes ? Math.Max(0, Length - _leastBytes) : position;
        var count = (int)Math.Min(before is null ? _leastBytes : Math.Min(2L * before.Count, _mostBytes), Length - from);
        var part = new Part(from, count, before is not null, _blob.FetchAsync(from, count, _stopping.Token));
        _parts.Add(part);
        while (_parts.Count > MostParts || _parts.Sum(held => (long)held.Count) > _mostHeldBytes)
        {
            Drop(_parts[0]);
            _parts.RemoveAt(0);
        }

        return part;
    }

    /// <param name="IsReadOn">It follows another, and so was not just looked at.</param>
    private sealed record Part(long From, int Count, bool IsReadOn, Task<BlobBlock> Content)
    {
        public long End => From + Count;
    }
}
