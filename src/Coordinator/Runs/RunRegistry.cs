using System.Collections.Concurrent;
using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Runs;

/// <summary>The runs of a store.</summary>
public sealed class RunRegistry(IBlobStore store)
{
    /// <summary>Writes a run, its inputs first: a run that is there is whole.</summary>
    /// <returns>Where it lies, for <see cref="RunProtocol.SubmitRun"/>.</returns>
    /// <exception cref="ArgumentException">Two inputs bear one name.</exception>
    /// <exception cref="BlobStoreException">The store failed, or there is such a run.</exception>
    public async Task<BlobRef> CreateAsync(RunDocument run, IReadOnlyList<RunInput> inputs, CancellationToken cancel)
    {
        if (inputs.DistinctBy(input => input.VolumeId).Count() < inputs.Count || inputs.Count != run.InputCount)
        {
            throw new ArgumentException("Inputs must be as many as the run says, each with a name of its own.", nameof(inputs));
        }

        run = run with { PagesKey = Guid.NewGuid().ToString("N") };
        foreach (var (page, content) in inputs.Chunk(RunDocument.PageSize).Index())
        {
            await store.WriteAsync(run.PagePath(page), Documents.ToBytes(new RunInputPage(content)), WriteCondition.Always, cancel).ConfigureAwait(false);
        }

        var path = RunDocument.PathOf(run.RunId);
        var etag = await store.WriteAsync(path, Documents.ToBytes(run), WriteCondition.IfAbsent, cancel).ConfigureAwait(false);
        return new BlobRef(path, etag.Value);
    }

    /// <returns>Null where the document is none of ours.</returns>
    /// <exception cref="BlobStoreException">NotFound, or the store failed.</exception>
    public async Task<RunDocument?> ReadAsync(RunId run, CancellationToken cancel) =>
        Documents.TryParse<RunDocument>((await store.ReadAsync(RunDocument.PathOf(run), cancel).ConfigureAwait(false)).Bytes.Span);

    /// <summary>All runs, in no particular order; documents that are none of ours are left out.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async Task<IReadOnlyList<RunDocument>> ListAsync(CancellationToken cancel)
    {
        var paths = store.ListAsync(RunDocument.Folder, cancel).Where(path => path.EndsWith("/run.json", StringComparison.Ordinal));
        var runs = new ConcurrentBag<RunDocument>();
        await Parallel.ForEachAsync(paths, new ParallelOptions { MaxDegreeOfParallelism = Ledger.Readers, CancellationToken = cancel }, async (path, token) =>
        {
            if (await store.FindDocumentAsync<RunDocument>(path, token).ConfigureAwait(false) is { } run)
            {
                runs.Add(run);
            }
        }).ConfigureAwait(false);
        return [.. runs];
    }

    /// <summary>The runs that have not ended, the oldest first.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async Task<IReadOnlyList<RunDocument>> UnderWayAsync(CancellationToken cancel) =>
        [.. (await ListAsync(cancel).ConfigureAwait(false)).Where(run => !run.IsEnded).OrderBy(run => run.SubmittedAt)];

    /// <summary>The reason of inputs that nobody knows any more.</summary>
    public const string InputsDamaged = "run.inputs_damaged";

    /// <summary>Ends the runs of processes that were there for one run and died with it; for who holds the store alone. Those of a cluster stay.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async Task EndDeadAsync(TimeProvider time, CancellationToken cancel)
    {
        var ledger = new Ledger(store, time, epoch: 0);
        foreach (var run in (await UnderWayAsync(cancel).ConfigureAwait(false)).Where(run => run.OfOneProcess))
        {
            var counts = default(RunCounts);
            for (var page = 0; page < run.PageCount; page++)
            {
                counts = counts.Add((await FindPageAsync(run, page, ledger, cancel).ConfigureAwait(false))?.Aggregate(
                    default(RunCounts),
                    (sum, one) => one.Entry?.IsEndOf(run.RunId) == true ? sum.Add(one.Entry.State, one.Entry.Reused) : sum.Add(VolumeState.Canceled, reused: false)) ?? Lost(run, page));
            }

            await ChangeAsync(run, run.Epoch, former => former with { State = RunState.Canceled, Counts = counts }, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>A page of a run's inputs, each with its entry in the ledger, or null.</summary>
    /// <exception cref="BlobStoreException">The store failed, or the page is damaged or gone.</exception>
    internal async Task<IReadOnlyList<(RunInput Input, LedgerEntry? Entry)>> ReadPageAsync(RunDocument run, int page, Ledger ledger, CancellationToken cancel) =>
        await FindPageAsync(run, page, ledger, cancel).ConfigureAwait(false) ?? throw Damaged(run.PagePath(page));

    /// <returns>Null where the page is damaged or gone.</returns>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <inheritdoc cref="ReadPageAsync"/>
    internal async Task<IReadOnlyList<(RunInput Input, LedgerEntry? Entry)>?> FindPageAsync(RunDocument run, int page, Ledger ledger, CancellationToken cancel)
    {
        var found = await store.FindDocumentAsync<RunInputPage>(run.PagePath(page), cancel).ConfigureAwait(false);
        if (found?.Inputs is not { } inputs || inputs.Count != run.InputsOn(page) || !inputs.All(IsSound) || inputs.DistinctBy(input => input.VolumeId).Count() < inputs.Count)
        {
            return null;
        }

        var entries = await ledger.FindAsync([.. inputs.Select(input => input.VolumeId)], cancel).ConfigureAwait(false);
        return [.. inputs.Zip(entries.Select(entry => entry?.For(run.RunId)), (input, entry) => (input, run.IsEnded && entry is { } own && own.RunId == run.RunId && !own.IsEndOf(run.RunId)
            ? own with { State = run.UnbegunState } // its coordinator died before it could say so
            : entry))];
    }

    /// <summary>How the inputs of a page end that is damaged or gone: nobody knows any more which they were.</summary>
    internal static RunCounts Lost(RunDocument run, int page) => default(RunCounts) with { Failed = run.InputsOn(page) };

    /// <summary>Replaces a run's document by what <paramref name="change"/> makes of it; again where another writer came between.</summary>
    /// <param name="run">As it was known last; it stands in for a document that has been damaged or removed since.</param>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">A later coordinator has written it.</exception>
    internal Task<RunDocument> ChangeAsync(RunDocument run, long epoch, Func<RunDocument, RunDocument> change, CancellationToken cancel) =>
        store.ChangeDocumentAsync<RunDocument>(
            RunDocument.PathOf(run.RunId),
            former =>
            {
                SupersededException.ThrowIfOlder(epoch, former?.Epoch ?? run.Epoch);
                return change(former ?? run) with { Epoch = epoch };
            },
            cancel);

    /// <summary>False where somebody has tampered with it: such a name would leave its place in the store.</summary>
    private static bool IsSound(RunInput? input) =>
        input is { VolumeId.Value: { Length: > 0 } name, Uris: { Count: > 0 } uris } && !name.Contains('/', StringComparison.Ordinal) && name is not ("." or "..") && uris.All(uri => uri is { Length: > 0 });

    private static BlobStoreException Damaged(string path) => new(BlobStoreError.Unavailable, $"{path} is damaged or gone; submit the run again.")
    {
        Code = InputsDamaged, // which no waiting mends
    };
}
