using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Auditing;

/// <summary>What is found of a volume in a store.</summary>
public enum VolumeFinding
{
    Unspecified = 0,

    /// <summary>Its result stands, and every file is the one that it tells of.</summary>
    Whole,

    /// <summary>A file, the result or the ledger's entry is not what it should be.</summary>
    Damaged,

    /// <summary>A file or the result is gone.</summary>
    Missing,

    /// <summary>Work on it has not ended.</summary>
    Unfinished,

    /// <summary>The ledger says that it failed, or why it was quarantined.</summary>
    SetAside,
}

/// <param name="Ledger">What the ledger says; null where it says nothing.</param>
/// <param name="Detail">What is wrong, or the ledger's reason; null where all is well.</param>
/// <param name="LeftoversRemoved">Temporary files of a volume that is done.</param>
/// <param name="LeftoversKept">Temporary files of one that is not: the next run goes on from them.</param>
public sealed record VolumeAudit(
    VolumeId VolumeId, VolumeFinding Finding, VolumeState? Ledger, string? Detail, int LeftoversRemoved = 0, int LeftoversKept = 0)
{
    /// <summary>Judges a volume. Pure.</summary>
    /// <param name="listed">The ledger has an entry for it.</param>
    /// <param name="entry">The entry; null also where it cannot be read.</param>
    /// <param name="result">What lies in the place of the result.</param>
    internal static VolumeAudit Of(VolumeId volume, bool listed, LedgerEntry? entry, ResultFacts result)
    {
        var (finding, detail) = Judge(listed, entry, result);
        return new VolumeAudit(volume, finding, entry?.State, detail);
    }

    private static (VolumeFinding, string?) Judge(bool listed, LedgerEntry? entry, ResultFacts result)
    {
        if (listed && entry is null)
        {
            return (VolumeFinding.Damaged, "The ledger's entry cannot be read.");
        }

        if (entry?.State is VolumeState.Scheduled or VolumeState.InProcess)
        {
            return (VolumeFinding.Unfinished, null); // an older result may be giving way just now
        }

        // Whatever became of the latest work: where an earlier result stands, it is told from and exported.
        if (result.Stands && Faults(result) is { } fault)
        {
            return fault;
        }

        return entry?.State switch
        {
            VolumeState.Failed or VolumeState.Quarantined => (VolumeFinding.SetAside, $"{entry.ReasonCode}: {entry.Detail}"),
            VolumeState.Canceled or VolumeState.Unspecified => (VolumeFinding.Unfinished, null),
            _ => Done(entry, result),
        };
    }

    private static (VolumeFinding, string?)? Faults(ResultFacts result) => result switch
    {
        { Result: null } => (VolumeFinding.Damaged, $"{VolumeResult.FileName} cannot be read."),
        { Missing: { } name } => (VolumeFinding.Missing, $"{name} is gone."),
        { Damaged: { } name } => (VolumeFinding.Damaged, $"{name} is not the file that {VolumeResult.FileName} tells of."),
        _ => null,
    };

    private static (VolumeFinding, string?) Done(LedgerEntry? entry, ResultFacts result) => result switch
    {
        { Stands: false } => (VolumeFinding.Missing, $"There is no {VolumeResult.FileName}."),
        { Result.WorkKey: var key } when entry is not null && entry.WorkKey.Length > 0 && entry.WorkKey != key =>
            (VolumeFinding.Damaged, "The result is of other work than the ledger tells of."),
        _ => (VolumeFinding.Whole, null),
    };
}

/// <summary>What lies in the place of a result.</summary>
/// <param name="Stands">There is a result's document.</param>
/// <param name="Result">Null where it cannot be read.</param>
/// <param name="Missing">Name of a file that is gone; null where none is.</param>
/// <param name="Damaged">Name of a file whose bytes are others.</param>
internal readonly record struct ResultFacts(bool Stands, VolumeResult? Result = null, string? Missing = null, string? Damaged = null)
{
    /// <summary>Reads a result and all its files.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<ResultFacts> ReadAsync(IBlobStore store, VolumeId volume, CancellationToken cancel)
    {
        VolumeResult? result;
        try
        {
            var blob = await store.ReadAsync(VolumeResult.PathOf(volume), cancel).ConfigureAwait(false);
            result = Documents.TryParse<VolumeResult>(blob.Bytes.Span);
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            return new ResultFacts(false);
        }

        if (result is null || result.VolumeId != volume)
        {
            return new ResultFacts(true);
        }

        var facts = new ResultFacts(true, result);
        foreach (var (name, file) in result.Files)
        {
            facts = await store.CheckAsync(VolumeResult.FolderOf(volume) + name, file.Sha256, cancel).ConfigureAwait(false) switch
            {
                BlobCondition.Whole => facts,
                BlobCondition.Missing => facts with { Missing = facts.Missing ?? name },
                _ => facts with { Damaged = facts.Damaged ?? name },
            };
        }

        return facts;
    }
}
