using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Runs;

/// <summary>What a coordinator does before it takes orders: claims the store, and finds the runs that are under way.</summary>
/// <param name="node">Names the coordinator's node.</param>
/// <param name="alone">Whether there are neither encoders nor reducers now.</param>
/// <param name="works">Whether the coordinator's process is one of these itself.</param>
/// <param name="services">Makes the services of volumes from what all runs share and the ledger.</param>
internal sealed class RunStarter(
    IBlobStore store, string node, CoordinatorOptions options, TimeProvider time, ClaimKeeper keeper, Func<bool> alone, bool works, Func<RunStarter.Desks, Ledger, VolumeServices> services)
{
    /// <summary>Epoch of the process that died before this one, whichever try found it: later ones find this one's own claim.</summary>
    private long? _died;

    public CoordinatorOptions Options { get; } = options;

    /// <summary>Says that the coordinator lives.</summary>
    /// <inheritdoc cref="ClaimKeeper.RenewAsync"/>
    public Task RenewAsync(CancellationToken cancel) => keeper.RenewAsync(alone(), cancel);

    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">Another coordinator lives.</exception>
    public async Task<Begun> BeginAsync(Desks desks, CancellationToken cancel)
    {
        if (!Options.TakesUpRuns)
        {
            return await ClaimAsync(desks, cancel).ConfigureAwait(false); // the process holds the store for as long as it lives
        }

        // Not while such a process works on it; once it is claimed, none will.
        var hold = await store.HoldAsync(cancel).ConfigureAwait(false);
        await using (hold.ConfigureAwait(false))
        {
            return await ClaimAsync(desks, cancel).ConfigureAwait(false);
        }
    }

    private async Task<Begun> ClaimAsync(Desks desks, CancellationToken cancel)
    {
        var own = keeper.Claim?.Epoch;
        var (claim, former) = await CoordinatorClaim
            .TakeAsync(store, node, standing: Options.TakesUpRuns, alone(), works, Options.ClaimRenewal * ClaimKeeper.WatchedRenewals, time, cancel).ConfigureAwait(false);
        keeper.Claim = claim;
        _died ??= former is { Ended: false } && former.Epoch != own && (former.Works || !Options.TakesUpRuns) ? former.Epoch : null;
        var registry = new RunRegistry(store);
        var underWay = Options.TakesUpRuns ? await registry.UnderWayAsync(cancel).ConfigureAwait(false) : [];
        var volumes = services(desks, new Ledger(store, time, claim.Epoch)) with
        {
            DiedEpoch = _died,
            StoreMark = Options.TakesUpRuns ? await StoreMark.EnsureAsync(store, cancel).ConfigureAwait(false) : null,
        };
        return new Begun(new RunServices(registry, claim.Epoch, volumes), underWay);
    }

    /// <summary>What all runs of a coordinator share.</summary>
    public sealed record Desks(IActorRef Leases, IActorRef Gate, IActorRef Admission);

    public sealed record Begun(RunServices Services, IReadOnlyList<RunDocument> UnderWay) : ILocalMessage;
}
