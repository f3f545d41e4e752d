using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator;

/// <summary>Documents that several processes may write: replaced by compare-and-swap, so that nobody's change is lost.</summary>
internal static class SharedDocuments
{
    /// <summary>A document; null where there is none, or none that can be read.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<T?> FindDocumentAsync<T>(this IBlobStore store, string path, CancellationToken cancel)
        where T : class => (await ReadAsync<T>(store, path, cancel).ConfigureAwait(false)).Document;

    /// <summary>Replaces a document by what <paramref name="change"/> makes of it; again where another writer came between.</summary>
    /// <param name="change">Takes the document, or null where there is none or none that can be read; may refuse by an exception.</param>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<T> ChangeDocumentAsync<T>(this IBlobStore store, string path, Func<T?, T> change, CancellationToken cancel)
        where T : class
    {
        while (true)
        {
            var (document, condition) = await ReadAsync<T>(store, path, cancel).ConfigureAwait(false);
            var changed = change(document);
            try
            {
                await store.WriteAsync(path, Documents.ToBytes(changed), condition, cancel).ConfigureAwait(false);
                return changed;
            }
            catch (BlobStoreException overtaken) when (overtaken.Error == BlobStoreError.ConditionFailed)
            {
                CoordinatorTelemetry.Conflict(superseded: false); // read again what the other writer left
            }
        }
    }

    private static async Task<(T? Document, WriteCondition Condition)> ReadAsync<T>(IBlobStore store, string path, CancellationToken cancel)
        where T : class
    {
        try
        {
            var blob = await store.ReadAsync(path, cancel).ConfigureAwait(false);
            return (Documents.TryParse<T>(blob.Bytes.Span), WriteCondition.IfMatch(blob.ETag));
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return (null, WriteCondition.IfAbsent);
        }
    }
}
