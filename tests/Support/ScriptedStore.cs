using System.Collections.Concurrent;
using ToNNO.Storage;

namespace ToNNO.Tests.Support;

internal enum StoreOperation
{
    Read,
    Write,
    Move,
    Delete,
    List,
}

/// <param name="Path">Of a move: the target.</param>
internal sealed record StoreCall(StoreOperation Operation, string Path)
{
    public bool Changes => Operation is StoreOperation.Write or StoreOperation.Move or StoreOperation.Delete;
}

/// <summary>A store that notes its calls, and that a test makes wait or fail, before or after the deed.</summary>
internal sealed class ScriptedStore(IBlobStore inner) : IBlobStore
{
    private readonly ConcurrentQueue<StoreCall> _calls = [];

    public IReadOnlyList<StoreCall> Calls => [.. _calls];

    public Func<StoreCall, Task> Before { get; set; } = _ => Task.CompletedTask;

    public Func<StoreCall, Task> After { get; set; } = _ => Task.CompletedTask;

    public static BlobStoreException Unavailable() => new(BlobStoreError.Unavailable, "The store is down.");

    public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) =>
        Scripted(StoreOperation.Read, path, () => inner.ReadAsync(path, cancel));

    public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) =>
        Scripted(StoreOperation.Read, path, () => inner.OpenReadAsync(path, cancel));

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) =>
        Scripted(StoreOperation.Read, path, () => inner.FindAsync(path, cancel));

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) =>
        Scripted(StoreOperation.Write, path, () => inner.WriteAsync(path, content, condition, cancel));

    public Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel) =>
        Scripted(StoreOperation.Write, path, () => inner.WriteAsync(path, write, cancel));

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => Scripted(StoreOperation.Move, target, async () =>
    {
        await inner.MoveAsync(source, target, condition, cancel);
        return true;
    });

    public Task DeleteAsync(string path, CancellationToken cancel) => Scripted(StoreOperation.Delete, path, async () =>
    {
        await inner.DeleteAsync(path, cancel);
        return true;
    });

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => Scripted(StoreOperation.Delete, path, async () =>
    {
        await inner.DeleteAsync(path, match, cancel);
        return true;
    });

    public Task<IStoreHold> HoldAsync(CancellationToken cancel) => inner.HoldAsync(cancel);

    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => inner.RemoveRemnantsAsync(cancel);

    public async IAsyncEnumerable<string> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var paths = await Scripted(StoreOperation.List, prefix, async () => await inner.ListAsync(prefix, cancel).ToListAsync(cancel));
        foreach (var path in paths)
        {
            yield return path;
        }
    }

    private async Task<T> Scripted<T>(StoreOperation operation, string path, Func<Task<T>> deed)
    {
        var call = new StoreCall(operation, path);
        _calls.Enqueue(call);
        await Before(call);
        var result = await deed();
        await After(call);
        return result;
    }
}
