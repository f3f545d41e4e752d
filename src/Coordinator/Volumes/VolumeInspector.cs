using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Finds out what work a volume needs: reads its header, plans, and looks for what an earlier run left.</summary>
internal interface IVolumeInspector
{
    /// <exception cref="ImagingException">The source is refused.</exception>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    Task<Inspection> InspectAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel);
}

/// <param name="Leases">All leases, in order.</param>
/// <param name="Stored">Rows that an earlier run left whole.</param>
/// <param name="PredictedBytes">Memory that work on the volume takes, all nodes together.</param>
/// <param name="Done">The result, where it stands already, verified.</param>
internal sealed record Inspection(
    VolumeTask Task,
    IReadOnlyList<DirectionRange> Leases,
    IReadOnlyList<VolumeProtocol.RowsStored> Stored,
    int DirectionCount,
    long PredictedBytes,
    VolumeResult? Done);

internal sealed class VolumeInspector(IBlobStore store, IRemoteFiles? remote, CoordinatorOptions options) : IVolumeInspector
{
    public async Task<Inspection> InspectAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel)
    {
        try
        {
            return await InspectWholeAsync(run, settings, input, cancel).ConfigureAwait(false);
        }
        catch (ImagingException refused) when (options.TakesUpRuns && VolumeSource.IsPlaceLost(refused, input.Uris))
        {
            // An archive has a hundred thousand volumes: none is set aside because a share is not mounted here for a minute.
            throw new BlobStoreException(
                BlobStoreError.Unavailable, $"{refused.Message} On the coordinator's node its folder is empty, or the disk fails: where the archive is not mounted, mount it, and submit the run again.", refused)
            {
                Code = refused.Code,
            };
        }
    }

    private async Task<Inspection> InspectWholeAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel)
    {
        VolumeWork.RequireWhole(input, settings);
        var facts = await Task.Run(() => VolumeSource.Inspect(input.Uris, cancel, remote), cancel).ConfigureAwait(false);
        var work = VolumeWork.Of(run, settings, input, facts.Headers, options.SlicesPerLease);
        var task = work.Task with { SourceSha256 = facts.Sha256 };
        var leases = task.Leases().ToList();
        var done = await VerifiedResultAsync(task, cancel).ConfigureAwait(false);
        if (done is null)
        {
            var own = await Task.Run(() => VolumeSource.OwnIntensities(input.Uris, settings.Intensities, cancel, remote), cancel).ConfigureAwait(false);
            task = task with { OwnIntensities = own };
        }

        var stored = done is null ? await StoredRowsAsync(task, leases, work.Sampling.OffsetCount, cancel).ConfigureAwait(false) : [];
        return new Inspection(task, leases, stored, work.Sampling.Directions.Count, work.PredictedBytes, done);
    }

    private async Task<VolumeResult?> VerifiedResultAsync(VolumeTask task, CancellationToken cancel)
    {
        try
        {
            var blob = await store.ReadAsync(VolumeResult.PathOf(task.VolumeId), cancel).ConfigureAwait(false);
            if (Documents.TryParse<VolumeResult>(blob.Bytes.Span) is not { } result)
            {
                return null;
            }

            if (result.Input.SourceId != task.SourceId && result.Input.Sha256 != task.SourceSha256)
            {
                throw new ImagingException(
                    RejectReason.ResultNameTaken,
                    $"{result.VolumeId} is the name of another source's result in this store; choose another output folder, or give both sources in one run.");
            }

            if (result.WorkKey != task.WorkKey)
            {
                return null;
            }

            foreach (var (name, file) in result.Files)
            {
                if (await store.CheckAsync(VolumeResult.FolderOf(task.VolumeId) + name, file.Sha256, cancel).ConfigureAwait(false) != BlobCondition.Whole)
                {
                    return null;
                }
            }

            return result;
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<VolumeProtocol.RowsStored>> StoredRowsAsync(
        VolumeTask task, IReadOnlyList<DirectionRange> leases, int offsetCount, CancellationToken cancel)
    {
        var present = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var path in store.ListAsync(task.WorkPrefix + "rows-", cancel).ConfigureAwait(false))
        {
            present.Add(path);
        }

        var stored = new List<VolumeProtocol.RowsStored>();
        foreach (var lease in leases.Where(lease => present.Contains(task.RowsPath(lease))))
        {
            var blob = await store.ReadAsync(task.RowsPath(lease), cancel).ConfigureAwait(false);
            if (RowsBlob.TryParse(blob.Bytes.Span, lease, offsetCount, task.Settings.Classes.Count) is not null && await StacksStandAsync(task, lease, offsetCount, cancel).ConfigureAwait(false))
            {
                stored.Add(new VolumeProtocol.RowsStored(lease, new BlobRef(task.RowsPath(lease), blob.ETag.Value), SlicesEncoded: 0));
            }
        }

        return stored;
    }

    /// <summary>True where all the maps that go with a lease's rows are whole.</summary>
    private async Task<bool> StacksStandAsync(VolumeTask task, DirectionRange lease, int offsetCount, CancellationToken cancel)
    {
        var classes = task.Settings.Maps is null ? 0 : task.Settings.Classes.Count;
        for (var at = 0; at < classes * lease.Count; at++)
        {
            var (classAt, direction) = (at / lease.Count, lease.First + (at % lease.Count));
            try
            {
                var stream = await store.OpenReadAsync(task.StackPath(classAt, direction), cancel).ConfigureAwait(false);
                await using (stream.ConfigureAwait(false))
                {
                    if (StackBlob.TryRead(stream, stream.Length, classAt, direction, offsetCount) is null)
                    {
                        return false;
                    }
                }
            }
            catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
            {
                return false;
            }
        }

        return true;
    }
}
