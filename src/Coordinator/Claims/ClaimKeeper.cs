using ToNNO.Storage;

namespace ToNNO.Coordinator.Claims;

/// <summary>The claim of this node's coordinator, if it has had one, to be given back when the node leaves in order.</summary>
internal sealed class ClaimKeeper(IBlobStore store)
{
    public CoordinatorClaim? Claim { get; set; }

    public Task ReleaseAsync(CancellationToken cancel) => Claim?.ReleaseAsync(store, cancel) ?? Task.CompletedTask;
}
