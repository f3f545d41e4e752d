using ToNNO.Storage;

namespace ToNNO.Coordinator.Claims;

/// <summary>The claim of this node's coordinator, if it has had one: renewed while it lives, and given back when the node leaves in order.</summary>
internal sealed class ClaimKeeper(IBlobStore store)
{
    /// <summary>Signs of life that another coordinator waits for before it takes a claim over.</summary>
    public const double WatchedRenewals = 2.5;

    public CoordinatorClaim? Claim { get; set; }

    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">Another has claimed the store.</exception>
    public async Task RenewAsync(bool alone, CancellationToken cancel)
    {
        if (Claim is { } claim)
        {
            Claim = await claim.RenewAsync(store, alone, cancel).ConfigureAwait(false);
        }
    }

    public Task ReleaseAsync(CancellationToken cancel) => Claim?.ReleaseAsync(store, cancel) ?? Task.CompletedTask;
}
