using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace ToNNO.Storage;

/// <summary>A store in a folder. An ETag is the SHA-256 of the content.</summary>
/// <remarks>A blob is written under a temporary name on the same file system, flushed to the disk and renamed, so that a
/// reader or a crash meets the old content or the new one. Conditional writes of all processes take turns at a lock file.</remarks>
public sealed class LocalFolderStore : IBlobStore
{
    /// <summary>Times that a write makes its folder again, which deletions elsewhere may remove as empty, before it gives up.</summary>
    private const int PlaceAttempts = 100;
    /// <summary>A file without a name that nobody has touched for so long is nobody's.</summary>
    private static readonly TimeSpan RemnantAge = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(5);
    private readonly string _root;
    private readonly string _temporary;

    /// <param name="root">The folder; it is made on the first write.</param>
    public LocalFolderStore(string root)
    {
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        _temporary = Path.Combine(_root, BlobPaths.Temporary);
    }

    public Task<IStoreHold> HoldAsync(CancellationToken cancel)
    {
        var file = Path.Combine(_root, BlobPaths.InUse);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            return Task.FromResult<IStoreHold>(new FileHold(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)));
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw File.Exists(file) && failed is IOException
                ? new BlobStoreException(BlobStoreError.InUse, $"Another run is writing to {_root}; wait until it ends, or choose another folder.", failed)
                : new BlobStoreException(BlobStoreError.Unavailable, $"The folder {_root} cannot be written; check its path and your rights.", failed);
        }
    }

    public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) => Guarded(path, async file =>
    {
        RequireFile(file);
        var bytes = await File.ReadAllBytesAsync(file, cancel).ConfigureAwait(false);
        return new BlobContent(bytes, Tag(SHA256.HashData(bytes)));
    });

    public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) => Guarded<Stream>(path, file =>
    {
        RequireFile(file);
        return Task.FromResult<Stream>(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan));
    });

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) => Guarded(path, file => TagOfAsync(file, cancel));

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) => Guarded(path, async file =>
    {
        var (temporary, tag) = await WriteTemporaryAsync(async (stream, token) => await stream.WriteAsync(content, token).ConfigureAwait(false), cancel).ConfigureAwait(false);
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
        var (temporary, tag) = await WriteTemporaryAsync(write, cancel).ConfigureAwait(false);
        try
        {
            Place(temporary, file);
            return tag;
        }
        finally
        {
            File.Delete(temporary);
        }
    });

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => Guarded(source, async from =>
    {
        var to = FileOf(target);
        RequireFile(from);
        await PlaceAsync(from, to, target, condition, cancel).ConfigureAwait(false);
        RemoveEmptyFolders(Path.GetDirectoryName(from)!);
        return true;
    });

    public Task DeleteAsync(string path, CancellationToken cancel) => Guarded(path, file =>
    {
        Remove(file);
        return Task.FromResult(true);
    });

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => Guarded(path, async file =>
    {
        if (!File.Exists(file))
        {
            return true;
        }

        using var turn = await TakeTurnAsync(cancel).ConfigureAwait(false);
        if (await TagOfAsync(file, cancel).ConfigureAwait(false) is { } current)
        {
            Require(current == match, path);
            Remove(file);
        }

        return true;
    });

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = BlobPaths.RequirePrefix(prefix);
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var path in PathsBelow(folder is null ? "" : folder + "/", prefix))
        {
            cancel.ThrowIfCancellationRequested();
            yield return path;
        }
    }

    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => Guarded(BlobPaths.Temporary, () =>
    {
        var removed = 0;
        foreach (var file in Directory.Exists(_temporary) ? new DirectoryInfo(_temporary).EnumerateFiles() : [])
        {
            cancel.ThrowIfCancellationRequested();
            if (TimeProvider.System.GetUtcNow() - file.LastWriteTimeUtc > RemnantAge && !IsBeingWritten(file.FullName))
            {
                file.Delete();
                removed++;
            }
        }

        return Task.FromResult(removed);
    });

    private static ETag Tag(byte[] hash) => new(Convert.ToHexStringLower(hash));

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

    /// <summary>A writer has its file locked; the system ends the lock with the process.</summary>
    private static bool IsBeingWritten(string file)
    {
        try
        {
            using var opened = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (FileNotFoundException)
        {
            return true; // it got its name just now
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Walks a folder in the order of the paths, folder by folder, so that a large store need not be in memory.</summary>
    /// <param name="folder">Its path with '/' at the end; empty for the store.</param>
    private IEnumerable<string> PathsBelow(string folder, string prefix)
    {
        foreach (var path in Entries(folder))
        {
            if (!path.StartsWith(prefix, StringComparison.Ordinal) && !(path.EndsWith('/') && prefix.StartsWith(path, StringComparison.Ordinal)))
            {
                continue;
            }

            if (!path.EndsWith('/'))
            {
                if (!BlobPaths.IsOwn(path))
                {
                    yield return path;
                }
            }
            else if (!BlobPaths.IsOwn(path))
            {
                foreach (var below in PathsBelow(path, prefix))
                {
                    yield return below;
                }
            }
        }
    }

    /// <summary>Files and folders, these with '/' at the end, which puts them in order among the paths.</summary>
    private List<string> Entries(string folder)
    {
        try
        {
            var entries = new DirectoryInfo(Path.Combine(_root, folder)).EnumerateFileSystemInfos()
                .Select(entry => entry is DirectoryInfo ? $"{folder}{entry.Name}/" : folder + entry.Name)
                .ToList();
            entries.Sort(StringComparer.Ordinal);
            return entries;
        }
        catch (DirectoryNotFoundException)
        {
            return []; // nothing was written yet, or a deletion elsewhere just removed the folder as empty
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(folder, failed);
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
                return Tag(await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false));
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
            Place(temporary, file);
            return;
        }

        using var turn = await TakeTurnAsync(cancel).ConfigureAwait(false);
        Require(condition.MustBeAbsent ? !File.Exists(file) : await TagOfAsync(file, cancel).ConfigureAwait(false) == condition.MustMatch, path);
        Place(temporary, file);
    }

    private static void Place(string temporary, string file)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.Move(temporary, file, overwrite: true);
                return;
            }
            catch (IOException) when (attempt < PlaceAttempts && File.Exists(temporary))
            {
                // A deletion elsewhere just removed the folder as empty, which may look like any of several errors.
            }
        }
    }

    private async Task<(string File, ETag Tag)> WriteTemporaryAsync(Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        Directory.CreateDirectory(_temporary);
        var file = Path.Combine(_temporary, Guid.NewGuid().ToString("N"));
        try
        {
            using var hash = SHA256.Create();
            var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.Asynchronous);
            await using (stream.ConfigureAwait(false))
            {
                var hashing = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true);
                await using (hashing.ConfigureAwait(false))
                {
                    await write(hashing, cancel).ConfigureAwait(false);
                }

                await stream.FlushAsync(cancel).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
            }

            return (file, Tag(hash.Hash!));
        }
        catch
        {
            File.Delete(file);
            throw;
        }
    }

    private async Task<FileStream> TakeTurnAsync(CancellationToken cancel)
    {
        var file = Path.Combine(_root, BlobPaths.Lock);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        while (true)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException) when (File.Exists(file))
            {
                await Task.Delay(LockRetry, cancel).ConfigureAwait(false);
            }
        }
    }

    private void Remove(string file)
    {
        try
        {
            if (File.Exists(file))
            {
                File.Delete(file);
                RemoveEmptyFolders(Path.GetDirectoryName(file)!);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Another deletion was first, and removed the folder as empty.
        }
    }

    private void RemoveEmptyFolders(string folder)
    {
        try
        {
            while (folder.Length > _root.Length && !Directory.EnumerateFileSystemEntries(folder).Any())
            {
                Directory.Delete(folder);
                folder = Path.GetDirectoryName(folder)!;
            }
        }
        catch (IOException)
        {
            // Another writer put a blob there meanwhile: the folder stays.
        }
    }

    /// <summary>The file of a blob.</summary>
    private string FileOf(string path)
    {
        BlobPaths.Require(path);
        return Path.Combine(_root, path);
    }

    private async Task<T> Guarded<T>(string path, Func<string, Task<T>> access)
    {
        var file = FileOf(path);
        return await Guarded(path, () => access(file)).ConfigureAwait(false);
    }

    private static async Task<T> Guarded<T>(string path, Func<Task<T>> access)
    {
        try
        {
            return await access().ConfigureAwait(false);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BlobStoreException(BlobStoreError.NotFound, $"There is no blob {path}.", missing);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(path, failed);
        }
    }

    private static BlobStoreException Unavailable(string path, Exception failed) =>
        new(BlobStoreError.Unavailable, $"{path} cannot be read or written: {failed.Message}", failed);

    private sealed class FileHold(FileStream file) : IStoreHold
    {
        /// <summary>The system ends a file's lock with the process and not before.</summary>
        public CancellationToken Lost => CancellationToken.None;

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}
