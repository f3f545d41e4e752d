using System.Diagnostics;

namespace ToNNO.Storage;

/// <summary>A store whose operations are timed and counted; it does nothing else.</summary>
public sealed class MeasuredStore(IBlobStore store) : IBlobStore
{
    public async Task<BlobContent> ReadAsync(string path, CancellationToken cancel)
    {
        var blob = await MeasureAsync("read", () => store.ReadAsync(path, cancel)).ConfigureAwait(false);
        StorageTelemetry.Read(blob.Bytes.Length);
        return blob;
    }

    /// <inheritdoc/>
    /// <remarks>The time is that of the opening; all of the blob's bytes count as read.</remarks>
    public async Task<Stream> OpenReadAsync(string path, CancellationToken cancel)
    {
        var stream = await MeasureAsync("open", () => store.OpenReadAsync(path, cancel)).ConfigureAwait(false);
        StorageTelemetry.Read(stream.Length);
        return stream;
    }

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) => MeasureAsync("find", () => store.FindAsync(path, cancel));

    public async Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel)
    {
        var etag = await MeasureAsync("write", () => store.WriteAsync(path, content, condition, cancel)).ConfigureAwait(false);
        StorageTelemetry.Written(content.Length);
        return etag;
    }

    public async Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        var sizeBytes = 0L;
        var etag = await MeasureAsync("write", () => store.WriteAsync(path, WriteCountedAsync, cancel)).ConfigureAwait(false);
        StorageTelemetry.Written(sizeBytes);
        return etag;

        async Task WriteCountedAsync(Stream stream, CancellationToken stop)
        {
            await using var counted = new CountingStream(stream);
            await write(counted, stop).ConfigureAwait(false);
            sizeBytes = counted.SizeBytes;
        }
    }

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => MeasureAsync("move", () => store.MoveAsync(source, target, condition, cancel));

    public Task DeleteAsync(string path, CancellationToken cancel) => MeasureAsync("delete", () => store.DeleteAsync(path, cancel));

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => MeasureAsync("delete", () => store.DeleteAsync(path, match, cancel));

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancel) => store.ListAsync(prefix, cancel);

    public Task<IStoreHold> HoldAsync(CancellationToken cancel) => MeasureAsync("hold", () => store.HoldAsync(cancel));

    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => store.RemoveRemnantsAsync(cancel);

    private static Task<bool> MeasureAsync(string operation, Func<Task> work) => MeasureAsync(operation, async () =>
    {
        await work().ConfigureAwait(false);
        return true;
    });

    private static async Task<T> MeasureAsync<T>(string operation, Func<Task<T>> work)
    {
        var begun = Stopwatch.GetTimestamp();
        string? failure = null;
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (BlobStoreException failed)
        {
            failure = failed.Code;
            throw;
        }
        finally
        {
            StorageTelemetry.Done(operation, Stopwatch.GetElapsedTime(begun), failure);
        }
    }

    /// <summary>Passes on what is written, and counts it. Whose stream it is closes it.</summary>
    private sealed class CountingStream(Stream inner) : Stream
    {
        public long SizeBytes { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            SizeBytes += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            SizeBytes += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
