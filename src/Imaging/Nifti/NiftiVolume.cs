using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>A volume as read from NIfTI.</summary>
/// <param name="Header">What its file said; a result is written on the same grid with it.</param>
/// <param name="Volume">Intensities after slope and intercept, and where they lie.</param>
/// <param name="NonFiniteCount">How many of the intensities are NaN or ±∞.</param>
public sealed record NiftiVolume(NiftiHeader Header, Volume Volume, long NonFiniteCount) : NiftiScan(Header, NonFiniteCount);

/// <summary>What is known of a volume once all its intensities have passed by.</summary>
/// <param name="Header">What its file said; a result is written on the same grid with it.</param>
/// <param name="NonFiniteCount">How many of the intensities are NaN or ±∞.</param>
public record NiftiScan(NiftiHeader Header, long NonFiniteCount)
{
    /// <summary>Refuses a volume with intensities that would spoil every slice they lie in.</summary>
    /// <param name="name">The volume's name, for the message.</param>
    /// <exception cref="ImagingException"><see cref="RejectReason.VolumeNonFinite"/>.</exception>
    public void RequireFinite(string name)
    {
        if (NonFiniteCount > 0)
        {
            throw new ImagingException(
                RejectReason.VolumeNonFinite,
                $"{name} has {NonFiniteCount} voxels of {Header.Shape.VoxelCount} that are NaN or infinite: replace them, for instance by the background's value.");
        }
    }
}

/// <summary>Takes the intensities that come next in memory, after slope and intercept.</summary>
public delegate void VisitIntensities(ReadOnlySpan<float> intensities);
