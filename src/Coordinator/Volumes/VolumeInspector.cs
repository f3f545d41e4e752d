using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Sampling;

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

internal sealed class VolumeInspector(IBlobStore store, CoordinatorOptions options) : IVolumeInspector
{
    /// <summary>A slab's voxels; more slabs than reducers keep them evenly busy.</summary>
    private const long SlabVoxels = 4 << 20;

    /// <summary>Keeps the message that lists a volume's slabs far below 64 kB.</summary>
    private const int MostSlabs = 128;

    /// <summary>Memory of one direction's maps at most.</summary>
    private const long LargestStackBytes = 1 << 30;

    /// <summary>Maps of the directions of one lease, unless one direction alone takes more.</summary>
    private const long LeaseStackBytes = 64 << 20;

    /// <summary>Edge of the largest slice, pixels.</summary>
    private const int LargestSlice = 8192;

    public async Task<Inspection> InspectAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel)
    {
        var name = VolumeSource.NameOf(input.Uris[0]);
        if (Directory.Exists(input.Uris[0]))
        {
            throw IsListable(input.Uris[0])
                ? new ImagingException(RejectReason.FileMissing, $"The folder {name} holds no volumes: no file named .nii, .nii.gz or .hdr and no CT, MR or PET series of DICOM was found in it.")
                : new ImagingException(RejectReason.FileUnreadable, $"The folder {name} cannot be listed, so that volumes in it may be missed: check its rights and its disk.");
        }

        if (input.Uris.Count != settings.Intensities.Count)
        {
            throw new ImagingException(
                RejectReason.ChannelsIncomplete,
                $"{name} is {input.Uris.Count} of the {settings.Intensities.Count} channels that the model takes: name the files of each by --channels.");
        }

        var facts = await Task.Run(() => VolumeSource.Inspect(input.Uris, cancel), cancel).ConfigureAwait(false);
        var (geometry, slabs) = (facts.Headers[0].Geometry, MostSlabs / settings.Classes.Count);
        var task = new VolumeTask
        {
            RunId = run,
            VolumeId = input.VolumeId,
            SourceUris = input.Uris,
            SourceSha256 = facts.Sha256,
            Geometry = geometry,
            Settings = settings,
            LeaseDirections = Backprojector.BlockSize,
            SlabCount = settings.Classes.Count
                * (int)Math.Clamp((geometry.Shape.VoxelCount + SlabVoxels - 1) / SlabVoxels, Math.Min(2, geometry.Shape.K), Math.Min(slabs, geometry.Shape.K)),
        };
        var plan = task.Plan();
        if (plan.Size > LargestSlice || (long)plan.Directions.Count * plan.OffsetCount > Array.MaxLength)
        {
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid,
                $"{name} would be cut into {(long)plan.Directions.Count * plan.OffsetCount} slices of {plan.Size} x {plan.Size} pixels, " +
                "too many or too large; check its voxel sizes, or give --spacing and --pixel.");
        }

        var stackBytes = settings.Maps?.StackBytes(plan.OffsetCount, plan.Size) ?? 0;
        if (stackBytes > LargestStackBytes)
        {
            throw new ImagingException(
                RejectReason.StackTooLarge,
                $"The maps of {name} would take {stackBytes >> 20} MiB a direction: choose a coarser layer, or give --spacing and --pixel.");
        }

        task = task with { LeaseDirections = LeaseDirections(plan, settings, stackBytes) };
        var leases = task.Leases().ToList();
        var done = await VerifiedResultAsync(task, cancel).ConfigureAwait(false);
        if (done is null)
        {
            var own = await Task.Run(() => VolumeSource.OwnIntensities(input.Uris, settings.Intensities, cancel), cancel).ConfigureAwait(false);
            task = task with { OwnIntensities = own };
        }

        var stored = done is null ? await StoredRowsAsync(task, leases, plan.OffsetCount, cancel).ConfigureAwait(false) : [];
        // The channels in the cache and the slabs of the heatmaps; to publish, one slab at a time is read. Of maps, one lease that is encoded
        // and two that are stored, with all classes, and at each slab one, as it came and filtered.
        var bytes = facts.PredictedBytes
            + (((settings.Classes.Count * geometry.Shape.VoxelCount) + SlabVoxels) * sizeof(float))
            + (settings.Passes is null ? 0 : PassPlanner.PredictedBytes(geometry, settings.Classes.Count))
            + (((3L * settings.Classes.Count) + (2L * task.SlabCount)) * task.LeaseDirections * stackBytes);
        return new Inspection(task, leases, stored, plan.Directions.Count, bytes, done);
    }

    private static bool IsListable(string folder)
    {
        try
        {
            _ = Directory.EnumerateFileSystemEntries(folder).Any();
            return true;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Directions of a block: the least lease, whose rows lie together, whatever the lease. A block of the backprojector's; of passes,
    /// which are short and of which all encoders are to have a part, half a one. Maps are added direction by direction, need no blocks, and
    /// cost about three times as much.</summary>
    private int LeaseDirections(SamplingPlan plan, RunSettings settings, long stackBytes) => settings switch
    {
        { Maps: not null } => (int)Math.Clamp(
            Math.Min(options.SlicesPerLease / (3 * plan.OffsetCount), LeaseStackBytes / (settings.Classes.Count * stackBytes)), 1, Backprojector.BlockSize),
        { Passes: not null } => Backprojector.BlockSize / 2,
        _ => Backprojector.BlockSize,
    };

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
