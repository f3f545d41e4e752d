using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>A blob as it was when it was opened: what has been replaced since is not read for it.</summary>
/// <param name="what">What messages call it.</param>
internal sealed class BlobVersion(BlockBlobClient blob, string what, global::Azure.ETag version)
{
    /// <summary>Reads a range that the blob has.</summary>
    /// <exception cref="BlobStoreException">Unavailable, also where it was replaced or deleted.</exception>
    public Task<BlobBlock> FetchAsync(long from, int count, CancellationToken cancel) => AzureFailures.Guarded(what, async () =>
    {
        try
        {
            var ask = new BlobDownloadOptions { Range = new HttpRange(from, count), Conditions = new BlobRequestConditions { IfMatch = version } };
            using var answer = (await blob.DownloadStreamingAsync(ask, cancel).ConfigureAwait(false)).Value;
            return await BlobBlock.ReadAsync(answer.Content, count, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 412)
        {
            throw new BlobStoreException(BlobStoreError.Unavailable, $"{what} was replaced or deleted while it was read; read it again.", changed);
        }
    }, cancel);
}
