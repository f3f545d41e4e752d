using System.Diagnostics;
using System.Runtime.CompilerServices;

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
    /// <remarks>The time is that of the opening; all of the blob's bytes count as read. Reading counts where it fails.</remarks>
    public async Task<Stream> OpenReadAsync(string path, CancellationToken cancel)
    {
        var stream = await MeasureAsync("open", () => store.OpenReadAsync(path, cancel)).ConfigureAwait(false);
        StorageTelemetry.Read(stream.Length);
        return new ReadingStream(stream);
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

    /// <inheritdoc/>
    /// <remarks>The time is that of the store, without what is done with the paths meanwhile.</remarks>
    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (taken, failure) = (TimeSpan.Zero, (string?)null);
        try
        {
            var paths = store.ListAsync(prefix, cancel).GetAsyncEnumerator(cancel);
            await using var ofPaths = paths.ConfigureAwait(false);
            while (await NextAsync(paths).ConfigureAwait(false))
            {
                yield return paths.Current;
            }
        }
        finally
        {
            StorageTelemetry.Done("list", taken, failure);
        }

        async ValueTask<bool> NextAsync(IAsyncEnumerator<string> paths)
        {
            var begun = Stopwatch.GetTimestamp();
            try
            {
                return await paths.MoveNextAsync().ConfigureAwait(false);
            }
            catch (BlobStoreException failed)
            {
                failure = failed.Code;
                throw;
            }
            finally
            {
                taken += Stopwatch.GetElapsedTime(begun);
            }
        }
    }

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

    /// <summary>Passes on what is read, and counts what fails.</summary>
    private sealed class ReadingStream(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => inner.CanSeek;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => inner.Position = value; }

        public override int Read(Span<byte> buffer)
        {
            try
            {
                return inner.Read(buffer);
            }
            catch (BlobStoreException failed) when (IsCounted(failed))
            {
                throw;
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (BlobStoreException failed) when (IsCounted(failed))
            {
                throw;
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
        {
            try
            {
                await inner.CopyToAsync(destination, bufferSize, cancellationToken).ConfigureAwait(false);
            }
            catch (BlobStoreException failed) when (IsCounted(failed))
            {
                throw;
            }
        }

        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }

        private static bool IsCounted(BlobStoreException failed)
        {
            StorageTelemetry.Done("read", TimeSpan.Zero, failed.Code);
            return false; // it goes on as it came
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
