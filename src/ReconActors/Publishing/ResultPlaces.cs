using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Puts the files of a result into their places, where others, frozen for long perhaps, may be at the same.</summary>
/// <remarks>
/// A file gets into its place, <c>result.json</c> as well, only by a move of a temporary one. Whoever wants to publish first removes the
/// temporary files of all others: from then on no other can change a thing, unless it begins anew, and sees what is there by then.
/// <list type="bullet">
/// <item>A result is withdrawn only if it is the one that stood when this publisher began: never one that came since.</item>
/// <item>Files that the new result has not are deleted only as they were before the older result was withdrawn.</item>
/// <item>An attempt whose temporary files another removed has lost: if the other's result is there, and is the same work, it is the answer.</item>
/// </list>
/// </remarks>
internal sealed class ResultPlaces(IBlobStore store, VolumeTask task, CancellationToken cancel)
{
    /// <summary>How often files are made again that another attempt at the volume removed.</summary>
    private const int Attempts = 3;

    private readonly string _folder = VolumeResult.FolderOf(task.VolumeId);
    private readonly string _resultPath = VolumeResult.PathOf(task.VolumeId);

    /// <param name="make">Writes the result's files.</param>
    /// <returns>The result that stands now, and its tag: this one, or another's of the same work.</returns>
    /// <exception cref="BlobStoreException">The store failed, or a result of other work came in between.</exception>
    public async Task<(VolumeResult Result, ETag? ETag)> PublishAsync(Func<TemporaryFiles, Task<VolumeResult>> make)
    {
        var known = await FindAsync().ConfigureAwait(false);
        if (known.Result is { } standing && standing.RunId == task.RunId && standing.WorkKey == task.WorkKey)
        {
            // Asked again while the answer was on its way: the rows may be gone by now.
            return (standing, known.ETag);
        }

        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            var files = new TemporaryFiles(store, task, cancel);
            try
            {
                var result = await make(files).ConfigureAwait(false);
                await files.WriteAsync(VolumeResult.FileName, stream => stream.WriteAsync(Documents.ToBytes(result)).AsTask()).ConfigureAwait(false);
                if (await PutAsync(files, result, known.ETag).ConfigureAwait(false) is { } there)
                {
                    return there;
                }
            }
            catch (BlobStoreException gone) when (gone.Error is BlobStoreError.NotFound && attempt < Attempts)
            {
                // As when null came, noticed while the files were made. Or rows are missing, which the next attempt finds at once.
            }

            await files.RemoveAsync().ConfigureAwait(false); // what was written after the other's removal
        }

        throw new BlobStoreException(BlobStoreError.Unavailable, $"Others publish {task.VolumeId} at the same time, again and again.");
    }

    /// <returns>Both null where there is no result.</returns>
    private async Task<(VolumeResult? Result, ETag? ETag)> FindAsync()
    {
        try
        {
            var blob = await store.ReadAsync(_resultPath, cancel).ConfigureAwait(false);
            return (Documents.TryParse<VolumeResult>(blob.Bytes.Span), blob.ETag);
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            return default;
        }
    }

    /// <summary>Moves an attempt's files into their places.</summary>
    /// <param name="known">Tag of the result that stood when this publisher began.</param>
    /// <returns>The result that stands now. Null where another attempt put an end to this one.</returns>
    private async Task<(VolumeResult Result, ETag? ETag)?> PutAsync(TemporaryFiles files, VolumeResult result, ETag? known)
    {
        if (!await files.StandAsync().ConfigureAwait(false))
        {
            return null;
        }

        await files.EndOthersAsync().ConfigureAwait(false);
        var standing = await FindAsync().ConfigureAwait(false);
        if (standing.Result is { } there && there.WorkKey == task.WorkKey && await IsWholeAsync(there).ConfigureAwait(false))
        {
            await files.RemoveAsync().ConfigureAwait(false);
            return (there, standing.ETag);
        }

        if (standing.ETag is not null && standing.ETag != known)
        {
            await files.RemoveAsync().ConfigureAwait(false);
            throw new BlobStoreException(BlobStoreError.Unavailable, $"Another run has published {task.VolumeId} meanwhile.");
        }

        var surplus = await SurplusAsync(result, standing.Result).ConfigureAwait(false);
        if (!await files.StandAsync().ConfigureAwait(false))
        {
            return null; // what was just looked at may be another's by now
        }

        try
        {
            if (standing.ETag is { } older)
            {
                // It stops counting before its files are touched.
                await store.DeleteAsync(_resultPath, older, cancel).ConfigureAwait(false);
            }

            foreach (var (path, tag) in surplus)
            {
                await store.DeleteAsync(path, tag, cancel).ConfigureAwait(false);
            }

            foreach (var name in result.Files.Keys)
            {
                await store.MoveAsync(files[name], _folder + name, WriteCondition.Always, cancel).ConfigureAwait(false);
            }

            await store.MoveAsync(files[VolumeResult.FileName], _resultPath, WriteCondition.IfAbsent, cancel).ConfigureAwait(false);
        }
        catch (BlobStoreException lost) when (lost.Error is BlobStoreError.NotFound or BlobStoreError.ConditionFailed)
        {
            return null;
        }

        return (result, await store.FindAsync(_resultPath, cancel).ConfigureAwait(false));
    }

    /// <summary>Files of an older result, or of an attempt that came to nothing, that this one has not.</summary>
    private async Task<List<(string Path, ETag Tag)>> SurplusAsync(VolumeResult result, VolumeResult? older)
    {
        var former = older?.Files.Keys.Where(name => name == Path.GetFileName(name)) ?? []; // a document may say anything
        var surplus = new List<(string, ETag)>();
        foreach (var name in ResultFileNames.Plain.Union(former).Except(result.Files.Keys))
        {
            if (await store.FindAsync(_folder + name, cancel).ConfigureAwait(false) is { } tag)
            {
                surplus.Add((_folder + name, tag));
            }
        }

        return surplus;
    }

    private async Task<bool> IsWholeAsync(VolumeResult result)
    {
        foreach (var (name, facts) in result.Files)
        {
            if (await store.CheckAsync(_folder + name, facts.Sha256, cancel).ConfigureAwait(false) != BlobCondition.Whole)
            {
                return false;
            }
        }

        return true;
    }
}
