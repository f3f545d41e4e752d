using System.Runtime.CompilerServices;
using ToNNO.Storage;

namespace ToNNO.Tests.Support;

/// <summary>A store in memory: the contract in its plainest form, for tests that make very many calls. Each write has a tag of its own.</summary>
internal sealed class MemoryStore : IBlobStore
{
    private readonly Lock _turn = new();
    private readonly SortedDictionary<string, (byte[] Bytes, ETag Tag)> _blobs = new(StringComparer.Ordinal);
    private long _writes;
    private bool _held;

    public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) => Turn(path, () => new BlobContent(Get(path).Bytes, Get(path).Tag));

    public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) => Turn<Stream>(path, () => new MemoryStream(Get(path).Bytes, writable: false));

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) => Turn<ETag?>(path, () => _blobs.TryGetValue(path, out var blob) ? blob.Tag : null);

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Turn(path, () => Put(path, content.ToArray(), condition));
    }

    public async Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        BlobPaths.Require(path);
        using var content = new MemoryStream();
        await write(content, cancel);
        return await Turn(path, () => Put(path, content.ToArray(), WriteCondition.Always));
    }

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => Turn(source, () =>
    {
        BlobPaths.Require(target);
        Put(target, Get(source).Bytes, condition);
        return _blobs.Remove(source);
    });

    public Task DeleteAsync(string path, CancellationToken cancel) => Turn(path, () => _blobs.Remove(path));

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => Turn(path, () =>
    {
        if (_blobs.TryGetValue(path, out var blob) && blob.Tag != match)
        {
            throw new BlobStoreException(BlobStoreError.ConditionFailed, path);
        }

        return _blobs.Remove(path);
    });

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        BlobPaths.RequirePrefix(prefix);
        List<string> paths;
        lock (_turn)
        {
            paths = [.. _blobs.Keys.Where(path => path.StartsWith(prefix, StringComparison.Ordinal))];
        }

        await Task.CompletedTask;
        foreach (var path in paths)
        {
            yield return path;
        }
    }

    public Task<IStoreHold> HoldAsync(CancellationToken cancel)
    {
        lock (_turn)
        {
            if (_held)
            {
                throw new BlobStoreException(BlobStoreError.InUse, "Held.");
            }

            _held = true;
            return Task.FromResult<IStoreHold>(new Held(this));
        }
    }

    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => Task.FromResult(0);

    private (byte[] Bytes, ETag Tag) Get(string path) =>
        _blobs.TryGetValue(path, out var blob) ? blob : throw new BlobStoreException(BlobStoreError.NotFound, $"There is no blob {path}.");

    private ETag Put(string path, byte[] bytes, WriteCondition condition)
    {
        var current = _blobs.TryGetValue(path, out var blob) ? blob.Tag : (ETag?)null;
        if (condition.MustBeAbsent ? current is not null : condition.MustMatch is { } match && match != current)
        {
            throw new BlobStoreException(BlobStoreError.ConditionFailed, path);
        }

        var tag = new ETag($"{++_writes}");
        _blobs[path] = (bytes, tag);
        return tag;
    }

    private Task<T> Turn<T>(string path, Func<T> deed)
    {
        try
        {
            BlobPaths.Require(path);
            lock (_turn)
            {
                return Task.FromResult(deed());
            }
        }
        catch (BlobStoreException failed)
        {
            return Task.FromException<T>(failed);
        }
    }

    private sealed class Held(MemoryStore store) : IStoreHold
    {
        public CancellationToken Lost => CancellationToken.None;

        public ValueTask DisposeAsync()
        {
            lock (store._turn)
            {
                store._held = false;
            }

            return ValueTask.CompletedTask;
        }
    }
}
