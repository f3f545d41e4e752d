namespace ToNNO.Storage;

/// <summary>A container that volumes are read from; nothing is written. Paths are the blobs' names, whatever they are.</summary>
/// <remarks>All failures are <see cref="BlobStoreException"/>s.</remarks>
public interface IBlobSource
{
    /// <summary>The blobs whose name begins with a prefix, in ordinal order; none where there is no container.</summary>
    /// <param name="below">False leaves out those with a further '/' in their names.</param>
    /// <exception cref="BlobStoreException">Unavailable.</exception>
    IAsyncEnumerable<SourceBlob> ListAsync(string prefix, bool below, CancellationToken cancel);

    /// <summary>Opens a blob for reading from its start; the stream knows the blob's length. All that is read is of one version of the blob.</summary>
    /// <param name="mostBytes">The stream ends there: no more of the blob is fetched.</param>
    /// <exception cref="BlobStoreException">NotFound, or Unavailable; the latter also from the stream.</exception>
    Task<Stream> OpenReadAsync(string path, long mostBytes, CancellationToken cancel);

    /// <summary>Opens a blob for reading here and there: of what is only looked at, little more is fetched. All that is read is of one version of the blob.</summary>
    /// <exception cref="BlobStoreException">NotFound, or Unavailable; the latter also from the stream.</exception>
    Task<Stream> OpenSeekableAsync(string path, CancellationToken cancel);
}

/// <summary>A blob as a container lists it.</summary>
public sealed record SourceBlob(string Path, long LengthBytes);
