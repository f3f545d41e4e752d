using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>Reads a blob from start to end in blocks, several ahead at once, all of one version.</summary>
internal sealed class RangedReadStream : Stream
{
    private readonly BlobVersion _blob;
    private readonly string _path;
    private readonly AzureStoreOptions _options;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<Task<BlobBlock>> _ahead = [];
    private readonly long _end;
    private BlobBlock _current;
    private int _taken;
    private long _asked;

    private RangedReadStream(BlockBlobClient blob, string path, AzureStoreOptions options, long length, long mostBytes, global::Azure.ETag version)
    {
        (_blob, _path, _options, _end) = (new BlobVersion(blob, path, version), path, options, Math.Min(length, mostBytes));
        Length = length;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Learns of the blob's length and version, and begins to read.</summary>
    /// <param name="mostBytes">The stream ends there, whatever follows.</param>
    /// <exception cref="RequestFailedException">There is none, or the store failed.</exception>
    public static async Task<RangedReadStream> OpenAsync(
        BlockBlobClient blob, string path, AzureStoreOptions options, CancellationToken cancel, long mostBytes = long.MaxValue)
    {
        try
        {
            var first = Math.Min(options.BlockBytes, mostBytes);
            var answer = (await blob.DownloadStreamingAsync(new BlobDownloadOptions { Range = new HttpRange(0, first) }, cancel).ConfigureAwait(false)).Value;
            var range = answer.Details.ContentRange; // bytes 0-9/123
            var length = long.Parse(range.AsSpan(range.LastIndexOf('/') + 1), System.Globalization.CultureInfo.InvariantCulture);
            var stream = new RangedReadStream(blob, path, options, length, mostBytes, answer.Details.ETag);
            stream.Begin(answer, (int)Math.Min(first, length));
            return stream;
        }
        catch (RequestFailedException empty) when (empty.Status == 416)
        {
            return new RangedReadStream(blob, path, options, 0, mostBytes, default);
        }
    }

    public override int Read(Span<byte> buffer)
    {
        while (buffer.Length > 0 && _taken == _current.Count)
        {
            if (!Ask())
            {
                return 0;
            }

            Turn(_ahead.Peek().GetAwaiter().GetResult());
        }

        return Take(buffer);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0 && _taken == _current.Count)
        {
            if (!Ask())
            {
                return 0;
            }

            Turn(await _ahead.Peek().WaitAsync(cancellationToken).ConfigureAwait(false));
        }

        return Take(buffer.Span);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Writes each block whole: nothing is copied through a buffer between.</summary>
    public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_taken < _current.Count)
            {
                await destination.WriteAsync(_current.Bytes.AsMemory(_taken, _current.Count - _taken), cancellationToken).ConfigureAwait(false);
                _taken = _current.Count;
            }

            if (!Ask())
            {
                return;
            }

            Turn(await _ahead.Peek().WaitAsync(cancellationToken).ConfigureAwait(false));
        }
    }

    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_stopping.IsCancellationRequested)
        {
            _stopping.Cancel();
            _current.GiveBack();
            (_current, _taken, _asked) = (default, 0, Length);
            foreach (var block in _ahead)
            {
                // Nobody will look at what becomes of it.
                _ = block.ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }

            _ahead.Clear();
            _stopping.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Begin(BlobDownloadStreamingResult first, int count)
    {
        _ahead.Enqueue(AzureFailures.Guarded(_path, () => ReadAsync(first, count, _stopping.Token), _stopping.Token));
        _asked = count;
        Ask();
    }

    /// <summary>Asks for blocks until enough are under way.</summary>
    /// <returns>False at the end.</returns>
    private bool Ask()
    {
        while (_ahead.Count < _options.Parallel && _asked < _end)
        {
            var count = (int)Math.Min(_options.BlockBytes, _end - _asked);
            _ahead.Enqueue(_blob.FetchAsync(_asked, count, _stopping.Token));
            _asked += count;
        }

        return _ahead.Count > 0;
    }

    private static async Task<BlobBlock> ReadAsync(BlobDownloadStreamingResult answer, int count, CancellationToken cancel)
    {
        using (answer)
        {
            return await BlobBlock.ReadAsync(answer.Content, count, cancel).ConfigureAwait(false);
        }
    }

    private void Turn(BlobBlock next)
    {
        _ahead.Dequeue();
        _current.GiveBack();
        (_current, _taken) = (next, 0);
    }

    private int Take(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _current.Count - _taken);
        _current.Bytes.AsSpan(_taken, count).CopyTo(buffer);
        _taken += count;
        return count;
    }
}
