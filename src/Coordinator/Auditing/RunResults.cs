using System.Runtime.CompilerServices;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>An input of a run, and what became of it.</summary>
/// <param name="State">As the ledger has it; null where it says nothing.</param>
/// <param name="Result">Null where the volume is not done, or its result cannot be read.</param>
/// <param name="OrderedAt">When the run was submitted that made the result; null where its document is gone.</param>
public sealed record RunVolume(RunInput Input, VolumeState? State, string ReasonCode, string Detail, VolumeResult? Result = null, DateTimeOffset? OrderedAt = null)
{
    public bool IsDone => State is VolumeState.Completed or VolumeState.Warning;
}

/// <summary>The results of a store beside the inputs that they were made of.</summary>
public sealed class RunResults(IBlobStore store, TimeProvider time)
{
    private readonly Ledger _ledger = new(store, time, epoch: 0);
    private readonly RunRegistry _registry = new(store);

    /// <summary>The inputs of a run, or of all runs, the latest first, each volume once, with what became of them.</summary>
    /// <param name="run">Null for all.</param>
    /// <exception cref="BlobStoreException">The store failed, or has no such run; a page of inputs is damaged or gone.</exception>
    public async IAsyncEnumerable<RunVolume> VolumesAsync(RunId? run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var runs = await _registry.ListAsync(cancel).ConfigureAwait(false);
        var orderedAt = runs.DistinctBy(known => known.RunId).ToDictionary(known => known.RunId, known => known.SubmittedAt);
        await foreach (var (input, entry) in InputsAsync(runs, run, cancel).ConfigureAwait(false))
        {
            yield return await WithResultAsync(new RunVolume(input, entry?.State, entry?.ReasonCode ?? "", entry?.Detail ?? ""), orderedAt, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>The inputs alone.</summary>
    /// <inheritdoc cref="VolumesAsync"/>
    public async IAsyncEnumerable<RunInput> InputsAsync(RunId? run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var runs = await _registry.ListAsync(cancel).ConfigureAwait(false);
        await foreach (var (input, _) in InputsAsync(runs, run, cancel).ConfigureAwait(false))
        {
            yield return input;
        }
    }

    private async IAsyncEnumerable<(RunInput Input, LedgerEntry? Entry)> InputsAsync(
        IReadOnlyList<RunDocument> runs, RunId? run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var asked = run is { } named ? runs.Where(known => known.RunId == named).ToList() : [.. runs.OrderByDescending(known => known.SubmittedAt)];
        if (run is not null && asked.Count == 0)
        {
            throw new BlobStoreException(BlobStoreError.NotFound, $"The store has no run {run}: tonno status lists those of a cluster.");
        }

        var seen = new HashSet<VolumeId>();
        foreach (var document in asked)
        {
            for (var page = 0; page < document.PageCount; page++)
            {
                foreach (var one in await _registry.ReadPageAsync(document, page, _ledger, cancel).ConfigureAwait(false))
                {
                    if (seen.Add(one.Input.VolumeId))
                    {
                        yield return one;
                    }
                }
            }
        }
    }

    private async Task<RunVolume> WithResultAsync(RunVolume volume, Dictionary<RunId, DateTimeOffset> orderedAt, CancellationToken cancel)
    {
        if (!volume.IsDone)
        {
            return volume;
        }

        var result = await store.FindDocumentAsync<VolumeResult>(VolumeResult.PathOf(volume.Input.VolumeId), cancel).ConfigureAwait(false);
        return result is null || result.VolumeId != volume.Input.VolumeId
            ? volume
            : volume with { Result = result, OrderedAt = orderedAt.TryGetValue(result.RunId, out var at) ? at : null };
    }
}
