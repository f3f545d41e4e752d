using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Claims;

/// <summary>Who coordinates the work on a store: <c>.tonno/coordinator.json</c>.</summary>
/// <param name="Epoch">One more with each coordinator. What it writes bears this number; nothing overwrites a higher one.</param>
/// <param name="Node">Address of its node.</param>
/// <param name="Standing">True while a cluster works on the store, though its nodes may have died.</param>
public sealed record CoordinatorClaim(long Epoch, string Node, bool Standing, DateTimeOffset ClaimedAt)
{
    public const string Path = ".tonno/coordinator.json";

    /// <summary>The claim that lies in a store, or null.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<CoordinatorClaim?> FindAsync(IBlobStore store, CancellationToken cancel) =>
        (await ReadAsync(store, cancel).ConfigureAwait(false)).Claim;

    /// <summary>Takes the next epoch.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    internal static async Task<CoordinatorClaim> TakeAsync(IBlobStore store, string node, bool standing, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            var (former, condition) = await ReadAsync(store, cancel).ConfigureAwait(false);
            var claim = new CoordinatorClaim((former?.Epoch ?? 0) + 1, node, standing, time.GetUtcNow());
            try
            {
                await store.WriteAsync(Path, Documents.ToBytes(claim), condition, cancel).ConfigureAwait(false);
                return claim;
            }
            catch (BlobStoreException overtaken) when (overtaken.Error == BlobStoreError.ConditionFailed)
            {
                // Another coordinator was first: the epoch after its.
            }
        }
    }

    /// <summary>Gives the store back, unless another has claimed it since.</summary>
    internal async Task ReleaseAsync(IBlobStore store, CancellationToken cancel)
    {
        try
        {
            var (current, condition) = await ReadAsync(store, cancel).ConfigureAwait(false);
            if (current == this)
            {
                await store.WriteAsync(Path, Documents.ToBytes(this with { Standing = false }), condition, cancel).ConfigureAwait(false);
            }
        }
        catch (BlobStoreException)
        {
            // It stands until another coordinator comes, or a person removes it.
        }
    }

    private static async Task<(CoordinatorClaim? Claim, WriteCondition Condition)> ReadAsync(IBlobStore store, CancellationToken cancel)
    {
        try
        {
            var blob = await store.ReadAsync(Path, cancel).ConfigureAwait(false);
            return (Documents.TryParse<CoordinatorClaim>(blob.Bytes.Span), WriteCondition.IfMatch(blob.ETag));
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return (null, WriteCondition.IfAbsent);
        }
    }
}

/// <summary>A later coordinator has taken over: this one must write no more.</summary>
internal sealed class SupersededException(long epoch, long later)
    : Exception($"A coordinator of epoch {later} has taken over from this one, of epoch {epoch}.")
{
    public static void ThrowIfOlder(long epoch, long later)
    {
        if (epoch < later)
        {
            throw new SupersededException(epoch, later);
        }
    }
}
