using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace ToNNO.Storage;

/// <summary>A store in a folder. An ETag is the SHA-256 of the content.</summary>
/// <remarks>A blob is written under a temporary name on the same file system, flushed to the disk and renamed, so that a
/// reader or a crash meets the old content or the new one. Conditional writes of all processes take turns at a lock file. Blobs are read
/// and written on threads of the pool: a share of the network that hangs keeps no caller, and who reads may give up.</remarks>
public sealed class LocalFolderStore : IBlobStore
{
    private readonly StoreFolder _folder;

    /// <param name="root">The folder; it is made on the first write.</param>
    public LocalFolderStore(string root) => _folder = new StoreFolder(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));

    public Task<IStoreHold> HoldAsync(CancellationToken cancel) => Task.Run(Hold, cancel);

    public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) => Guarded(path, async file =>
    {
        RequireFile(file);
        var bytes = await File.ReadAllBytesAsync(file, cancel).ConfigureAwait(false);
        return new BlobContent(bytes, StoreFolder.Tag(SHA256.HashData(bytes)));
    }).WaitAsync(cancel);

    public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) => Guarded<Stream>(path, file =>
    {
        RequireFile(file);
        return Task.FromResult<Stream>(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan));
    }).WaitAsync(cancel);

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) => Guarded(path, file => TagOfAsync(file, cancel)).WaitAsync(cancel);

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) => Guarded(path, async file =>
    {
        var (temporary, tag) = await _folder.WriteTemporaryAsync(async (stream, token) => await stream.WriteAsync(content, token).ConfigureAwait(false), cancel).ConfigureAwait(false);
        try
        {
            await PlaceAsync(temporary, file, path, condition, cancel).ConfigureAwait(false);
            return tag;
        }
        finally
        {
            File.Delete(temporary);
        }
    });

    public Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel) => Guarded(path, async file =>
    {
        var (temporary, tag) = await _folder.WriteTemporaryAsync(write, cancel).ConfigureAwait(false);
        try
        {
            StoreFolder.Place(temporary, file);
            return tag;
        }
        finally
        {
            File.Delete(temporary);
        }
    });

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => Guarded(source, async from =>
    {
        var to = _folder.FileOf(target);
        RequireFile(from);
        await PlaceAsync(from, to, target, condition, cancel).ConfigureAwait(false);
        _folder.RemoveEmptyFolders(Path.GetDirectoryName(from)!);
        return true;
    });

    public Task DeleteAsync(string path, CancellationToken cancel) => Guarded(path, file =>
    {
        _folder.Remove(file);
        return Task.FromResult(true);
    });

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => Guarded(path, async file =>
    {
        if (!File.Exists(file))
        {
            return true;
        }

        using var turn = await _folder.TakeTurnAsync(cancel).ConfigureAwait(false);
        if (await TagOfAsync(file, cancel).ConfigureAwait(false) is { } current)
        {
            Require(current == match, path);
            _folder.Remove(file);
        }

        return true;
    });

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = BlobPaths.RequirePrefix(prefix);
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var path in _folder.PathsBelow(folder is null ? "" : folder + "/", prefix))
        {
            cancel.ThrowIfCancellationRequested();
            yield return path;
        }
    }

    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) =>
        Guarded(BlobPaths.Temporary, () => Task.FromResult(_folder.RemoveRemnants(cancel)));

    private IStoreHold Hold()
    {
        var file = Path.Combine(_folder.Root, BlobPaths.InUse);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            return new FileHold(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw File.Exists(file) && failed is IOException
                ? new BlobStoreException(BlobStoreError.InUse, $"Another run is writing to {_folder.Root}; wait until it ends, or choose another folder.", failed)
                : new BlobStoreException(BlobStoreError.Unavailable, $"The folder {_folder.Root} cannot be written; check its path and your rights.", failed);
        }
    }

    private static void Require(bool condition, string path)
    {
        if (!condition)
        {
            throw new BlobStoreException(BlobStoreError.ConditionFailed, $"{path} was changed by another writer; read it again.");
        }
    }

    /// <summary>A folder is no blob, and nothing lies below a blob.</summary>
    private static void RequireFile(string file)
    {
        if (!File.Exists(file))
        {
            throw new FileNotFoundException(null, file);
        }
    }

    private static async Task<ETag?> TagOfAsync(string file, CancellationToken cancel)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan);
            await using (stream.ConfigureAwait(false))
            {
                return StoreFolder.Tag(await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false));
            }
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null; // it was deleted just now
        }
    }

    private async Task PlaceAsync(string temporary, string file, string path, WriteCondition condition, CancellationToken cancel)
    {
        if (condition == WriteCondition.Always)
        {
            StoreFolder.Place(temporary, file);
            return;
        }

        using var turn = await _folder.TakeTurnAsync(cancel).ConfigureAwait(false);
        Require(condition.MustBeAbsent ? !File.Exists(file) : await TagOfAsync(file, cancel).ConfigureAwait(false) == condition.MustMatch, path);
        StoreFolder.Place(temporary, file);
    }

    private async Task<T> Guarded<T>(string path, Func<string, Task<T>> access)
    {
        var file = _folder.FileOf(path);
        return await Guarded(path, () => access(file)).ConfigureAwait(false);
    }

    private static async Task<T> Guarded<T>(string path, Func<Task<T>> access)
    {
        try
        {
            return await Task.Run(access).ConfigureAwait(false);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BlobStoreException(BlobStoreError.NotFound, $"There is no blob {path}.", missing);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw StoreFolder.Unavailable(path, failed);
        }
    }

    private sealed class FileHold(FileStream file) : IStoreHold
    {
        /// <summary>The system ends a file's lock with the process and not before.</summary>
        public CancellationToken Lost => CancellationToken.None;

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}
