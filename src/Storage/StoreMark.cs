using System.Text;

namespace ToNNO.Storage;

/// <summary>Tells a cluster's store from any other, such as an empty folder where it was not mounted: <c>.tonno/store-id</c>.</summary>
/// <remarks>A copy of a store bears the mark of its original.</remarks>
public static class StoreMark
{
    public const string Path = ".tonno/store-id";

    /// <summary>The store's mark, which it is given where it has none.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<string> EnsureAsync(IBlobStore store, CancellationToken cancel)
    {
        while (true)
        {
            var (mark, condition) = await ReadAsync(store, cancel).ConfigureAwait(false);
            if (mark is not null)
            {
                return mark;
            }

            var made = Guid.NewGuid().ToString("N");
            try
            {
                await store.WriteAsync(Path, Encoding.ASCII.GetBytes(made + "\n"), condition, cancel).ConfigureAwait(false);
                return made;
            }
            catch (BlobStoreException overtaken) when (overtaken.Error == BlobStoreError.ConditionFailed)
            {
                // Another has marked it.
            }
        }
    }

    /// <summary>Makes sure that a store is the one that is meant.</summary>
    /// <param name="mark">The mark of that one; null where it is not known.</param>
    /// <exception cref="BlobStoreException">OtherStore where it is another; else the store failed.</exception>
    public static async Task RequireAsync(IBlobStore store, string? mark, CancellationToken cancel)
    {
        if (mark is null)
        {
            return;
        }

        var (found, _) = await ReadAsync(store, cancel).ConfigureAwait(false);
        if (found != mark)
        {
            throw new BlobStoreException(
                BlobStoreError.OtherStore,
                $"The store of the node on {Environment.MachineName} {(found is null ? "is not marked as a cluster's: it may not be mounted" : "is not the coordinator's")}; compare tonno config show --effective on both.");
        }
    }

    /// <returns>The mark, or null where there is none or it makes no sense; and what must still hold when one is given.</returns>
    private static async Task<(string? Mark, WriteCondition Condition)> ReadAsync(IBlobStore store, CancellationToken cancel)
    {
        try
        {
            var blob = await store.ReadAsync(Path, cancel).ConfigureAwait(false);
            var text = Encoding.ASCII.GetString(blob.Bytes.Span).Trim();
            return (Guid.TryParseExact(text, "N", out _) ? text : null, WriteCondition.IfMatch(blob.ETag));
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return (null, WriteCondition.IfAbsent);
        }
    }
}
