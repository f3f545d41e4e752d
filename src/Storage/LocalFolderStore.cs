using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace ToNNO.Storage;

/// <summary>A store in a folder. An ETag is the SHA-256 of the content.</summary>
/// <remarks>A blob is written under a temporary name on the same file system, flushed to the disk and renamed, so that a
/// reader or a crash meets the old content or the new one. Conditional writes of all processes take turns at a lock file.</remarks>
public sealed class LocalFolderStore : IBlobStore
{
    private const string OwnFolder = ".tonno";
    private const string OwnLock = OwnFolder + "/lock";
    private const string OwnHold = OwnFolder + "/in-use";
    private const string OwnTemporary = OwnFolder + "/tmp";

    /// <summary>Times that a write makes its folder again, which deletions elsewhere may remove as empty, before it gives up.</summary>
    private const int PlaceAttempts = 100;
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(5);
    private readonly string _root;
    private readonly string _temporary;

    /// <param name="root">The folder; it is made on the first write.</param>
    public LocalFolderStore(string root)
    {
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        _temporary = Path.Combine(_root, OwnTemporary);
    }

    /// <summary>Holds the store for one run: two would delete each other's rows. The hold ends with the process at the latest.</summary>
    /// <exception cref="BlobStoreException">InUse where another holds it; Unavailable where the folder cannot be written.</exception>
    public IDisposable Hold()
    {
        var file = Path.Combine(_root, OwnHold);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
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

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) => Guarded(path, async file =>
    {
        var (temporary, tag) = await WriteTemporaryAsync(async (stream, token) => await stream.WriteAsync(content, token).ConfigureAwait(false), cancel).ConfigureAwait(false);
        try
        {
            if (condition == WriteCondition.Always)
            {
                Place(temporary, file);
                return tag;
            }

            using var turn = await TakeTurnAsync(cancel).ConfigureAwait(false);
            var current = File.Exists(file) ? Tag(SHA256.HashData(await File.ReadAllBytesAsync(file, cancel).ConfigureAwait(false))) : (ETag?)null;
            if (condition.MustBeAbsent ? current is not null : current != condition.MustMatch)
            {
                throw new BlobStoreException(BlobStoreError.ConditionFailed, $"{path} was changed by another writer; read it again.");
            }

            Place(temporary, file);
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

    public Task MoveAsync(string source, string target, CancellationToken cancel) => Guarded(source, from =>
    {
        var to = FileOf(target);
        RequireFile(from);
        Place(from, to);
        RemoveEmptyFolders(Path.GetDirectoryName(from)!);
        return Task.FromResult(true);
    });

    public Task DeleteAsync(string path, CancellationToken cancel) => Guarded(path, file =>
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

        return Task.FromResult(true);
    });

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var slash = prefix.LastIndexOf('/');
        var folder = slash < 0 ? _root : FileOf(prefix[..slash]);
        var paths = await Guarded(prefix, () => Task.FromResult(FilesBelow(folder)
            .Select(file => Path.GetRelativePath(_root, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(path => path.StartsWith(prefix, StringComparison.Ordinal) && !IsOwn(path))
            .Order(StringComparer.Ordinal)
            .ToList())).ConfigureAwait(false);
        foreach (var path in paths)
        {
            cancel.ThrowIfCancellationRequested();
            yield return path;
        }
    }

    private static ETag Tag(byte[] hash) => new(Convert.ToHexStringLower(hash));

    private static bool IsOwn(string path) =>
        path is OwnLock or OwnHold or OwnTemporary || path.StartsWith(OwnTemporary + "/", StringComparison.Ordinal);

    /// <summary>A folder is no blob, and nothing lies below a blob.</summary>
    private static void RequireFile(string file)
    {
        if (!File.Exists(file))
        {
            throw new FileNotFoundException(null, file);
        }
    }

    private static string[] FilesBelow(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFiles(folder, "*", SearchOption.AllDirectories) : [];
        }
        catch (DirectoryNotFoundException)
        {
            return []; // a deletion elsewhere just removed the folder as empty
        }
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
        var file = Path.Combine(_root, OwnLock);
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
        var segments = path.Split('/', Path.DirectorySeparatorChar);
        if (Array.Exists(segments, segment => segment is "" or "." or "..") || path.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(path) || IsOwn(path))
        {
            throw new BlobStoreException(BlobStoreError.InvalidPath, $"The path '{path}' names no blob of the store.");
        }

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
            throw new BlobStoreException(BlobStoreError.Unavailable, $"{path} cannot be read or written: {failed.Message}", failed);
        }
    }
}
