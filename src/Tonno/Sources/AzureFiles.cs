using System.Collections.Concurrent;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Tonno.Sources;

/// <summary>Files in Azure Blob Storage, by <c>azure://CONTAINER/NAME</c>; a folder is a prefix that ends before a '/'. As whom they are read,
/// the environment says, as of stores.</summary>
/// <param name="environment">Gives a variable's value; null for the process's own.</param>
internal sealed class AzureFiles(Func<string, string?>? environment = null) : IRemoteFiles
{
    private readonly ConcurrentDictionary<string, IBlobSource> _containers = new(StringComparer.Ordinal);

    /// <summary>An address without a '/' at its end.</summary>
    public static string Folder(string address)
    {
        var (container, path) = BlobStores.Parts(address);
        return path.TrimEnd('/') is { Length: > 0 } name ? $"{BlobStores.Scheme}{container}/{name}" : BlobStores.Scheme + container;
    }

    public bool Holds(string path) => BlobStores.IsAzure(path);

    /// <inheritdoc/>
    /// <exception cref="BlobStoreException">The store fails, or nothing says as whom to open it.</exception>
    public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel)
    {
        var (container, path) = BlobStores.Parts(folder);
        var prefix = path.Length == 0 || path.EndsWith('/') ? path : path + "/";
        return [.. Container(container).ListAsync(prefix, below, cancel).ToBlockingEnumerable(cancel)
            .Where(blob => !blob.Path.EndsWith('/')) // some tools make a blob of a folder
            .Select(blob => $"{BlobStores.Scheme}{container}/{blob.Path}")];
    }

    /// <inheritdoc/>
    /// <remarks>Whoever fills a container may put into a folder what he likes.</remarks>
    public bool HoldsOneSeries(string folder) => false;

    /// <inheritdoc/>
    /// <exception cref="BlobStoreException">The store fails, or nothing says as whom to open it.</exception>
    public Stream Open(string path, long mostBytes) => Opened(path, (container, blob) => container.OpenReadAsync(blob, mostBytes, CancellationToken.None));

    /// <inheritdoc/>
    /// <exception cref="BlobStoreException">The store fails, or nothing says as whom to open it.</exception>
    public Stream OpenSeekable(string path) => Opened(path, (container, blob) => container.OpenSeekableAsync(blob, CancellationToken.None));

    private Stream Opened(string path, Func<IBlobSource, string, Task<Stream>> open)
    {
        var (container, blob) = BlobStores.Parts(path);
        try
        {
            return open(Container(container), blob).GetAwaiter().GetResult(); // on a thread that reads files, and so waits
        }
        catch (BlobStoreException missing) when (missing.Error is BlobStoreError.NotFound or BlobStoreError.InvalidPath)
        {
            throw new FileNotFoundException("There is no such blob.", missing);
        }
    }

    private IBlobSource Container(string name) => _containers.GetOrAdd(
        name, _ => BlobStores.OpenSource(BlobStores.Scheme + name, environment ?? Environment.GetEnvironmentVariable));
}
