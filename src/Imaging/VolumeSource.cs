using System.Security.Cryptography;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging;

/// <summary>Reads the volume that a URI names: a NIfTI file on a disk that this node sees.</summary>
public static class VolumeSource
{
    /// <summary>Reads a volume's header and hashes its bytes, without holding its voxels.</summary>
    /// <exception cref="ImagingException">The source cannot be a volume; the reason says why.</exception>
    public static SourceFacts Inspect(string uri, CancellationToken cancel)
    {
        var header = NiftiReader.ReadHeader(uri);
        return header.Shape.VoxelCount <= Array.MaxLength
            ? new SourceFacts(header, Sha256(uri, header.IsPair, cancel))
            : throw new ImagingException(
                RejectReason.VolumeTooLarge, $"{Path.GetFileName(uri)} has {header.Shape} voxels, more than one array can hold; crop or resample it.");
    }

    /// <summary>Reads a volume whole.</summary>
    /// <param name="expectedSha256">Hash of the source when the work was planned.</param>
    /// <param name="memoryLimitBytes">Most memory that the voxels may take.</param>
    /// <exception cref="ImagingException">The source cannot be read as a volume of finite voxels, or is not the one planned for.</exception>
    public static NiftiVolume Load(string uri, string expectedSha256, long memoryLimitBytes, CancellationToken cancel) =>
        Unchanged(uri, expectedSha256, () => NiftiReader.Read(uri, memoryLimitBytes, cancel), cancel);

    /// <summary>Reads a volume without holding it: its intensities pass by, in memory order.</summary>
    /// <param name="visit">Takes each run of intensities.</param>
    /// <inheritdoc cref="Load"/>
    public static NiftiHeader Scan(string uri, string expectedSha256, VisitIntensities visit, CancellationToken cancel) =>
        Unchanged(uri, expectedSha256, () => NiftiReader.Scan(uri, visit, cancel), cancel).Header;

    private static T Unchanged<T>(string uri, string expectedSha256, Func<T> read, CancellationToken cancel)
        where T : NiftiScan
    {
        var name = Path.GetFileName(uri);
        if (Sha256(uri, NiftiReader.ReadHeader(uri).IsPair, cancel) != expectedSha256)
        {
            throw new ImagingException(RejectReason.SourceChanged, $"{name} was changed while it was being processed; run it again.");
        }

        var nifti = read();
        nifti.RequireFinite(name);
        return nifti;
    }

    private static string Sha256(string uri, bool isPair, CancellationToken cancel)
    {
        var name = Path.GetFileName(uri);
        return NiftiFiles.Guard(name, () =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new byte[1 << 18];
            string[] paths = isPair ? [NiftiFiles.HeaderPath(uri, name), NiftiFiles.DataPath(uri, name)] : [uri];
            foreach (var path in paths)
            {
                using var file = NiftiFiles.Open(path);
                int read;
                while ((read = file.Read(buffer)) > 0)
                {
                    cancel.ThrowIfCancellationRequested();
                    hash.AppendData(buffer, 0, read);
                }
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        });
    }
}

/// <summary>What is known of a source without its voxels.</summary>
public sealed record SourceFacts(NiftiHeader Header, string Sha256);
