using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Coordinator.Volumes;

/// <summary>The work that a volume needs, as far as its headers tell: what a run does and what a plan of it foretells are the same.</summary>
/// <param name="Task">The work; of no known hash yet.</param>
/// <param name="Grids">Of the channels.</param>
/// <param name="PredictedBytes">Memory that work on the volume takes, all nodes together, besides what an encoder takes for itself.</param>
public sealed record VolumeWork(VolumeTask Task, SamplingPlan Sampling, IReadOnlyList<VolumeGeometry> Grids, long PredictedBytes)
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

    /// <summary>Slices of all stacks: rows of the sinogram times offsets.</summary>
    public long Slices => (long)Sampling.Directions.Count * Sampling.OffsetCount;

    /// <summary>Refuses a folder that no volume was found in, and a volume without all channels.</summary>
    /// <exception cref="ImagingException">It is refused.</exception>
    public static void RequireWhole(RunInput input, RunSettings settings)
    {
        var name = VolumeSource.NameOf(input.Uris[0]);
        if (Directory.Exists(input.Uris[0]))
        {
            throw IsListable(input.Uris[0])
                ? new ImagingException(RejectReason.FileMissing, $"{name} is a folder without volumes: no file named .nii, .nii.gz or .hdr and no CT, MR or PET series of DICOM was found in it.")
                : new ImagingException(RejectReason.FileUnreadable, $"{name} is a folder that cannot be listed, so that volumes in it may be missed: check its rights and its disk.");
        }

        if (input.Uris.Count != settings.Intensities.Count)
        {
            throw new ImagingException(
                RejectReason.ChannelsIncomplete,
                $"{name} is {input.Uris.Count} of the {settings.Intensities.Count} channels that the model takes: name the files of each by --channels.");
        }
    }

    /// <param name="slicesPerLease">See <see cref="CoordinatorOptions.SlicesPerLease"/>.</param>
    /// <exception cref="ImagingException">The volume would be cut into too many or too large slices, or its maps are too large.</exception>
    public static VolumeWork Of(RunId run, RunSettings settings, RunInput input, SourceHeaders headers, int slicesPerLease)
    {
        var name = VolumeSource.NameOf(input.Uris[0]);
        var (geometry, slabs) = (headers.ByChannel[0].Geometry, MostSlabs / settings.Classes.Count);
        var task = new VolumeTask
        {
            RunId = run,
            VolumeId = input.VolumeId,
            SourceUris = input.Uris,
            Label = input.Label,
            SourceSha256 = "",
            Geometry = geometry,
            Settings = settings,
            LeaseDirections = Backprojector.BlockSize,
            SlabCount = settings.Classes.Count
                * (int)Math.Clamp((geometry.Shape.VoxelCount + SlabVoxels - 1) / SlabVoxels, Math.Min(2, geometry.Shape.K), Math.Min(slabs, geometry.Shape.K)),
        };
        RequireSensible(name, settings, [.. headers.ByChannel.Select(header => header.Geometry)]);
        var plan = task.Plan();
        var stackBytes = settings.Maps?.StackBytes(plan.OffsetCount, plan.Size) ?? 0;
        if (stackBytes > LargestStackBytes)
        {
            throw new ImagingException(
                RejectReason.StackTooLarge,
                $"The maps of {name} would take {stackBytes >> 20} MiB a direction: choose a coarser layer, or give --spacing and --pixel.");
        }

        task = task with { LeaseDirections = LeaseDirectionsOf(plan, settings, stackBytes, slicesPerLease) };
        // The channels in the cache and the slabs of the heatmaps; to publish, one slab at a time is read. Of maps, one lease that is encoded
        // and two that are stored, with all classes, and at each slab one, as it came and filtered.
        var bytes = headers.PredictedBytes
            + (((settings.Classes.Count * geometry.Shape.VoxelCount) + SlabVoxels) * sizeof(float))
            + (settings.Passes is null ? 0 : PassPlanner.PredictedBytes(geometry, settings.Classes.Count))
            + (((3L * settings.Classes.Count) + (2L * task.SlabCount)) * task.LeaseDirections * stackBytes);
        return new VolumeWork(task, plan, [.. headers.ByChannel.Select(header => header.Geometry)], bytes);
    }

    /// <summary>Slices that the encoder is asked for at most, and exactly where no voxel is fill: those with a pixel in the volume. A slice
    /// that shows nothing but fill, which voxels alone tell, it is not asked for, nor what passes leave out.</summary>
    public long EncoderCalls() => Task.Settings.IsCentreBlob ? 0 : SliceCensus.Count(Grids, Sampling);

    /// <summary>Refuses what would be cut into too many or too large slices, or lies beyond reason. Nothing of it is made.</summary>
    /// <param name="grids">Of the channels, the first of which the heatmap has.</param>
    private static void RequireSensible(string name, RunSettings settings, IReadOnlyList<VolumeGeometry> grids)
    {
        SamplingPlan planes; // of any direction
        try
        {
            planes = SamplingPlan.For(grids[0], DirectionSet.Create(DirectionSetKind.Axial, 1), settings.SpacingMm, settings.PixelMm, settings.Size);
        }
        catch (ArgumentOutOfRangeException uncounted)
        {
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid, $"{name} would be cut into more slices, or into larger ones, than can be counted; check its voxel sizes, or give --spacing and --pixel.", uncounted);
        }

        if (planes.Size > LargestSlice || planes.OffsetCount > SamplingPlan.MostOffsets || (long)settings.Directions * planes.OffsetCount > Array.MaxLength)
        {
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid,
                $"{name} would be cut into {(long)settings.Directions * planes.OffsetCount} slices of {planes.Size} x {planes.Size} pixels, " +
                "too many or too large; check its voxel sizes, or give --spacing and --pixel.");
        }

        if (!grids.All(planes.IsFitFor))
        {
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid,
                FormattableString.Invariant($"{name} has voxels of a size, or in a place, that slices {planes.SpacingMm:G3} mm apart with pixels of {planes.PixelMm:G3} mm cannot be cut from; check its voxel sizes and its origin, or give --spacing and --pixel."));
        }
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
    private static int LeaseDirectionsOf(SamplingPlan plan, RunSettings settings, long stackBytes, int slicesPerLease) => settings switch
    {
        { Maps: not null } => (int)Math.Clamp(
            Math.Min(slicesPerLease / (3 * plan.OffsetCount), LeaseStackBytes / (settings.Classes.Count * stackBytes)), 1, Backprojector.BlockSize),
        { Passes: not null } => Backprojector.BlockSize / 2,
        _ => Backprojector.BlockSize,
    };
}
