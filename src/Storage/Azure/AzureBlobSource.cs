using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>A container of Azure Blob Storage that volumes are read from.</summary>
/// <remarks>Messages name the container, never a blob: hospitals call files after patients, and DICOM calls them by UIDs.</remarks>
internal sealed class AzureBlobSource(BlobContainerClient container, AzureStoreOptions options) : IBlobSource
{
    private readonly string _what = $"A blob of the container {container.Name}";

    public async IAsyncEnumerable<SourceBlob> ListAsync(string prefix, bool below, [EnumeratorCancellation] CancellationToken cancel)
    {
        var pages = Pages(prefix, below, cancel).GetAsyncEnumerator(cancel);
        await using (pages.ConfigureAwait(false))
        {
            while (await NextAsync().ConfigureAwait(false))
            {
                foreach (var blob in pages.Current)
                {
                    cancel.ThrowIfCancellationRequested();
                    yield return new SourceBlob(blob.Name, blob.Properties.ContentLength ?? 0);
                }
            }
        }

        Task<bool> NextAsync() => AzureFailures.Guarded(container.Name, async () =>
        {
            try
            {
                return await pages.MoveNextAsync().ConfigureAwait(false);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                return false;
            }
        }, cancel);
    }

    public Task<Stream> OpenReadAsync(string path, long mostBytes, CancellationToken cancel) => AzureFailures.Guarded<Stream>(
        _what, async () => await RangedReadStream.OpenAsync(container.GetBlockBlobClient(path), _what, options, cancel, mostBytes).ConfigureAwait(false), cancel);

    public Task<Stream> OpenSeekableAsync(string path, CancellationToken cancel) => AzureFailures.Guarded<Stream>(
        _what, async () => await SeekableReadStream.OpenAsync(container.GetBlockBlobClient(path), _what, options, cancel).ConfigureAwait(false), cancel);

    private IAsyncEnumerable<IEnumerable<BlobItem>> Pages(string prefix, bool below, CancellationToken cancel) => below
        ? container.GetBlobsAsync(new GetBlobsOptions { Prefix = prefix }, cancel).AsPages().Select(page => page.Values.AsEnumerable())
        : container.GetBlobsByHierarchyAsync(new GetBlobsByHierarchyOptions { Prefix = prefix, Delimiter = "/" }, cancel).AsPages()
            .Select(page => page.Values.Where(item => item.IsBlob).Select(item => item.Blob));
}
