namespace ToNNO.Storage;

/// <summary>Where results, rows and the ledger live: a local folder or a blob container. Paths are relative, with '/'.</summary>
/// <remarks>A write is whole or absent: readers never see a part of it. All failures are <see cref="BlobStoreException"/>s.
/// A path has no part that is empty, '.' or '..', and where there is a blob <c>a/b</c> there is none <c>a</c>. The tag that a write
/// returns is the one that reading what it wrote gives.</remarks>
public interface IBlobStore
{
    /// <summary>Reads a small blob whole.</summary>
    /// <exception cref="BlobStoreException">NotFound, or Unavailable.</exception>
    Task<BlobContent> ReadAsync(string path, CancellationToken cancel);

    /// <summary>Opens a blob for reading from its start to its end; the stream knows its length. All that is read is of one version of the blob.</summary>
    /// <exception cref="BlobStoreException">NotFound, or Unavailable; the latter also from the stream.</exception>
    Task<Stream> OpenReadAsync(string path, CancellationToken cancel);

    /// <summary>The version of a blob's content; null where there is no such blob.</summary>
    /// <exception cref="BlobStoreException">Unavailable.</exception>
    Task<ETag?> FindAsync(string path, CancellationToken cancel);

    /// <summary>Writes a small blob.</summary>
    /// <exception cref="BlobStoreException">ConditionFailed where <paramref name="condition"/> does not hold: nothing was written, or, after
    /// a failure on the way, what was written was at once replaced by another writer's.</exception>
    Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel);

    /// <summary>Writes a blob of any length from what <paramref name="write"/> puts into the stream it is given.</summary>
    /// <remarks>Where <paramref name="write"/> throws, no blob comes to be. Of two writers at the same path one may get Unavailable.</remarks>
    Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel);

    /// <summary>Gives a blob another name.</summary>
    /// <param name="condition">What must be true of the blob that bears the name already, and is replaced.</param>
    /// <exception cref="BlobStoreException">NotFound where there is no <paramref name="source"/>, ConditionFailed.</exception>
    Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel);

    /// <summary>Deletes a blob; one that is absent is no error.</summary>
    Task DeleteAsync(string path, CancellationToken cancel);

    /// <summary>Deletes a blob if its content is still the one that was read; one that is absent is no error.</summary>
    /// <exception cref="BlobStoreException">ConditionFailed where its content is another.</exception>
    Task DeleteAsync(string path, ETag match, CancellationToken cancel);

    /// <summary>Paths of the blobs whose path begins with <paramref name="prefix"/>, in ordinal order.</summary>
    IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancel);

    /// <summary>Holds the store for one run: two would delete each other's rows. The hold ends with the process, at most a minute later.</summary>
    /// <exception cref="BlobStoreException">InUse where another holds it; Unavailable where it cannot be written.</exception>
    Task<IStoreHold> HoldAsync(CancellationToken cancel);

    /// <summary>Removes what writers that died left where the store writes what has no name yet.</summary>
    /// <returns>How many files.</returns>
    Task<int> RemoveRemnantsAsync(CancellationToken cancel);
}

/// <summary>A hold of a store; disposed of, another may take it.</summary>
public interface IStoreHold : IAsyncDisposable
{
    /// <summary>Cancelled when another took the store: this process was cut off, or stopped, for longer than a hold lasts without it.</summary>
    CancellationToken Lost { get; }
}

/// <summary>Version of a blob's content.</summary>
public readonly record struct ETag(string Value);

/// <summary>A blob read whole.</summary>
public sealed record BlobContent(ReadOnlyMemory<byte> Bytes, ETag ETag);

/// <summary>What must be true of the blob that a write replaces.</summary>
public readonly record struct WriteCondition
{
    private WriteCondition(bool absent, ETag? match)
    {
        MustBeAbsent = absent;
        MustMatch = match;
    }

    /// <summary>No condition: the last writer wins.</summary>
    public static WriteCondition Always => default;

    /// <summary>There is no such blob yet (If-None-Match: *).</summary>
    public static WriteCondition IfAbsent { get; } = new(true, null);

    public bool MustBeAbsent { get; }

    public ETag? MustMatch { get; }

    /// <summary>The blob's content is the one that was read (If-Match).</summary>
    public static WriteCondition IfMatch(ETag etag) => new(false, etag);
}
