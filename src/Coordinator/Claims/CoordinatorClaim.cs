using ToNNO.Storage;

namespace ToNNO.Coordinator.Claims;

/// <summary>Who coordinates the work on a store: <c>.tonno/coordinator.json</c>.</summary>
/// <param name="Epoch">Higher with each coordinator. What it writes bears this number; nothing overwrites a higher one.</param>
/// <param name="Node">Address of its node.</param>
/// <param name="Standing">True while a cluster works on the store, though its nodes may have died.</param>
/// <param name="Renewals">How often the coordinator has said since that it lives.</param>
/// <param name="Ended">True where the coordinator ended in order.</param>
/// <param name="Machine">Name of the machine that it runs on.</param>
/// <param name="Alone">True while it has neither encoders nor reducers, and can do nothing.</param>
/// <param name="Works">True where its process also encodes or reduces, and so may die of a volume.</param>
public sealed record CoordinatorClaim(
    long Epoch, string Node, bool Standing, DateTimeOffset ClaimedAt, long Renewals = 0, bool Ended = false, string Machine = "", bool Alone = false, bool Works = false)
{
    public const string Path = ".tonno/coordinator.json";

    /// <summary>The claim that lies in a store, or null.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static Task<CoordinatorClaim?> FindAsync(IBlobStore store, CancellationToken cancel) => store.FindDocumentAsync<CoordinatorClaim>(Path, cancel);

    /// <summary>Takes the next epoch.</summary>
    /// <param name="alone">Whether this coordinator has neither encoders nor reducers.</param>
    /// <param name="works">Whether its process is one of these itself.</param>
    /// <param name="watch">How long a claim of another node's is watched for a sign of life, before it is taken over.</param>
    /// <returns>The claim, and the one before it, or null.</returns>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">Another coordinator lives, which this node's cluster does not know of.</exception>
    internal static async Task<(CoordinatorClaim Claim, CoordinatorClaim? Former)> TakeAsync(
        IBlobStore store, string node, bool standing, bool alone, bool works, TimeSpan watch, TimeProvider time, CancellationToken cancel)
    {
        var watched = await FindAsync(store, cancel).ConfigureAwait(false);
        if (MayLive(watched))
        {
            // Clocks may differ: whether it changes tells, not when it was written.
            await Task.Delay(watch, time, cancel).ConfigureAwait(false);
        }

        CoordinatorClaim? former = null;
        var claim = await store.ChangeDocumentAsync<CoordinatorClaim>(
            Path,
            current =>
            {
                if (MayLive(current) && current != watched)
                {
                    throw new SupersededException($"The coordinator of {current!.Node} works on this store, and this node's cluster does not know of it.");
                }

                former = current;
                return new CoordinatorClaim(Math.Max((current?.Epoch ?? 0) + 1, EpochOf(time)), node, standing, time.GetUtcNow(), Machine: Environment.MachineName, Alone: alone, Works: works);
            },
            cancel).ConfigureAwait(false);
        return (claim, former);

        // A node at the same address of the same machine is a former life of this one: two cannot listen there. One that is alone was cut off
        // from a cluster, ended, and has made one of its own: those whom it lost go on, and it ends again.
        bool MayLive(CoordinatorClaim? one) => one is { Standing: true } && (one.Node != node || one.Machine != Environment.MachineName) && (alone || !one.Alone);
    }

    /// <summary>The least epoch that a coordinator takes now: Unix seconds, so that epochs go on where somebody has removed the claim.</summary>
    internal static long EpochOf(TimeProvider time) => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Says that the coordinator lives.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">Another has claimed the store since.</exception>
    internal Task<CoordinatorClaim> RenewAsync(IBlobStore store, bool alone, CancellationToken cancel) =>
        ReplaceAsync(store, this with { Renewals = Renewals + 1, Alone = alone }, cancel);

    /// <summary>Gives the store back, unless another has claimed it since.</summary>
    internal async Task ReleaseAsync(IBlobStore store, CancellationToken cancel)
    {
        try
        {
            await ReplaceAsync(store, this with { Standing = false, Ended = true }, cancel).ConfigureAwait(false);
        }
        catch (Exception kept) when (kept is BlobStoreException or SupersededException)
        {
            // It stands until another coordinator comes, or a person removes it.
        }
    }

    private Task<CoordinatorClaim> ReplaceAsync(IBlobStore store, CoordinatorClaim next, CancellationToken cancel) => store.ChangeDocumentAsync<CoordinatorClaim>(
        Path,
        current => current?.Epoch == Epoch ? next : throw new SupersededException($"The coordinator of {current?.Node ?? "nobody"} has taken over from this one, of epoch {Epoch}."),
        cancel);
}

/// <summary>Another coordinator works on the store: this one must write no more.</summary>
internal sealed class SupersededException(string message) : Exception(message)
{
    public static void ThrowIfOlder(long epoch, long later)
    {
        if (epoch < later)
        {
            throw new SupersededException($"A coordinator of epoch {later} has taken over from this one, of epoch {epoch}.");
        }
    }
}
