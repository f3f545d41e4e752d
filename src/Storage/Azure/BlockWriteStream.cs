using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.ExceptionServices;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>Writes a blob as blocks, several at once, that make no blob before <see cref="CompleteAsync"/> says so. One that fits a
/// single block is written at once.</summary>
/// <remarks>Blocks that were never committed are invisible, and Azure drops them after a week.</remarks>
internal sealed class BlockWriteStream : Stream
{
    private readonly BlockBlobClient _blob;
    private readonly string _path;
    private readonly AzureStoreOptions _options;
    private readonly CancellationTokenSource _stopping;
    private readonly SemaphoreSlim _slots;
    private readonly List<string> _blocks = [];
    private readonly List<Task> _underWay = [];
    private readonly byte[] _id = new byte[20];
    private ExceptionDispatchInfo? _failure;
    private byte[] _buffer = [];
    private int _filled;

    public BlockWriteStream(BlockBlobClient blob, string path, AzureStoreOptions options, CancellationToken cancel)
    {
        (_blob, _path, _options) = (blob, path, options);
        _slots = new SemaphoreSlim(options.Parallel);
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Guid.NewGuid().TryWriteBytes(_id); // so that another writer's blocks are never taken for ours
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Makes the blob of all that was written.</summary>
    /// <exception cref="RequestFailedException">The condition does not hold, or the store failed.</exception>
    public async Task<global::Azure.ETag> CompleteAsync(BlobRequestConditions? conditions, IDictionary<string, string> metadata)
    {
        if (_blocks.Count == 0)
        {
            using var content = new MemoryStream(_buffer, 0, _filled, writable: false);
            var upload = new BlobUploadOptions { Conditions = conditions, Metadata = metadata };
            var written = (await _blob.UploadAsync(content, upload, _stopping.Token).ConfigureAwait(false)).Value.ETag;
            GiveBack(_buffer);
            _buffer = [];
            return written;
        }

        if (_filled > 0)
        {
            await _slots.WaitAsync(_stopping.Token).ConfigureAwait(false);
            Send();
        }

        await Task.WhenAll(_underWay).ConfigureAwait(false);
        try
        {
            var commit = new CommitBlockListOptions { Conditions = conditions, Metadata = metadata };
            return (await _blob.CommitBlockListAsync(_blocks, commit, _stopping.Token).ConfigureAwait(false)).Value.ETag;
        }
        catch (RequestFailedException dropped) when (dropped.ErrorCode == BlobErrorCode.InvalidBlockList)
        {
            throw new BlobStoreException(BlobStoreError.Unavailable, $"{_path} was written by another at the same time, which drops our blocks; write it again.", dropped);
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            if (IsFull)
            {
                _slots.Wait(_stopping.Token);
                Send();
            }

            buffer = buffer[Take(buffer)..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (buffer.Length > 0)
        {
            if (IsFull)
            {
                await _slots.WaitAsync(_stopping.Token).ConfigureAwait(false);
                Send();
            }

            buffer = buffer[Take(buffer.Span)..];
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
        // Nothing is visible before all is.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_underWay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        _slots.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private bool IsFull => _filled == _options.BlockBytes;

    private int Take(ReadOnlySpan<byte> from)
    {
        if (_filled == _buffer.Length)
        {
            Grow(from.Length);
        }

        var count = Math.Min(from.Length, Math.Min(_buffer.Length, _options.BlockBytes) - _filled);
        from[..count].CopyTo(_buffer.AsSpan(_filled));
        _filled += count;
        return count;
    }

    /// <summary>Most blobs are far smaller than a block.</summary>
    private void Grow(int more)
    {
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(_options.BlockBytes, Math.Max((long)_filled + more, 2L * _filled)));
        _buffer.AsSpan(0, _filled).CopyTo(larger);
        GiveBack(_buffer);
        _buffer = larger;
    }

    /// <summary>Sends the full buffer on its way; a slot was taken for it.</summary>
    private void Send()
    {
        _failure?.Throw();
        BinaryPrimitives.WriteInt32BigEndian(_id.AsSpan(16), _blocks.Count);
        var block = Convert.ToBase64String(_id);
        _blocks.Add(block);
        _underWay.Add(SendAsync(block, _buffer, _filled));
        (_buffer, _filled) = ([], 0);
    }

    private async Task SendAsync(string block, byte[] buffer, int count)
    {
        try
        {
            using var content = new MemoryStream(buffer, 0, count, writable: false);
            await AzureFailures.Guarded(_path, () => _blob.StageBlockAsync(block, content, cancellationToken: _stopping.Token), _stopping.Token).ConfigureAwait(false);
            GiveBack(buffer); // after a failure it may still be on its way, and is left to the collector
        }
        catch (Exception failed)
        {
            _failure = ExceptionDispatchInfo.Capture(failed);
            throw;
        }
        finally
        {
            _slots.Release();
        }
    }

    private static void GiveBack(byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
