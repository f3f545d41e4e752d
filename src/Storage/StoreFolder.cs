using System.Security.Cryptography;

namespace ToNNO.Storage;

/// <summary>The files of a <see cref="LocalFolderStore"/>: how they come to be, are found, and go.</summary>
internal sealed class StoreFolder(string root)
{
    /// <summary>Times that a write makes its folder again, which deletions elsewhere may remove as empty, before it gives up.</summary>
    private const int PlaceAttempts = 100;

    /// <summary>A file without a name that nobody has touched for so long is nobody's.</summary>
    private static readonly TimeSpan RemnantAge = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(5);

    /// <summary>A turn takes milliseconds; who has had it for so long is frozen.</summary>
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(30);
    private readonly string _temporary = Path.Combine(root, BlobPaths.Temporary);

    public string Root => root;

    public static ETag Tag(byte[] hash) => new(Convert.ToHexStringLower(hash));

    public static BlobStoreException Unavailable(string path, Exception failed) =>
        new(BlobStoreError.Unavailable, $"{path} cannot be read or written: {failed.Message}", failed);

    /// <summary>The file of a blob.</summary>
    public string FileOf(string path)
    {
        BlobPaths.Require(path);
        return Path.Combine(root, path);
    }

    /// <summary>Writes a file that has no name yet.</summary>
    public async Task<(string File, ETag Tag)> WriteTemporaryAsync(Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
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

    /// <summary>Gives a file its name.</summary>
    public static void Place(string temporary, string file)
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

    /// <summary>Waits until no other process writes under a condition; disposing of it ends the turn.</summary>
    public async Task<FileStream> TakeTurnAsync(CancellationToken cancel)
    {
        var file = Path.Combine(root, BlobPaths.Lock);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException taken) when (File.Exists(file))
            {
                if (TimeProvider.System.GetElapsedTime(begun) > LockPatience)
                {
                    throw new BlobStoreException(BlobStoreError.Unavailable, $"Another process has kept {file} locked for over {LockPatience.TotalSeconds:0} s: look whether one is frozen.", taken);
                }

                await Task.Delay(LockRetry, cancel).ConfigureAwait(false);
            }
        }
    }

    public void Remove(string file)
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

    public void RemoveEmptyFolders(string folder)
    {
        try
        {
            while (folder.Length > root.Length && !Directory.EnumerateFileSystemEntries(folder).Any())
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

    /// <summary>Deletes what writers that died left without a name; how many files.</summary>
    public int RemoveRemnants(CancellationToken cancel)
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

        return removed;
    }

    /// <summary>Walks a folder in the order of the paths, folder by folder, so that a large store need not be in memory.</summary>
    /// <param name="folder">Its path with '/' at the end; empty for the store.</param>
    public IEnumerable<string> PathsBelow(string folder, string prefix)
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
            var entries = new DirectoryInfo(Path.Combine(root, folder)).EnumerateFileSystemInfos()
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
}
