using System.Security.Cryptography;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging;

/// <summary>Reads the volume that URIs name, one for each of its channels: NIfTI files on a disk that this node sees.</summary>
/// <remarks>Channels are co-registered: they share the world, and each has its own grid. The first one's is the heatmap's.</remarks>
public static class VolumeSource
{
    /// <summary>Reads the headers of a volume's channels and hashes their bytes, without holding voxels.</summary>
    /// <exception cref="ImagingException">The source cannot be a volume; the reason says why.</exception>
    public static SourceFacts Inspect(IReadOnlyList<string> uris, CancellationToken cancel)
    {
        var headers = uris.Select(NiftiReader.ReadHeader).ToArray();
        for (var channel = 0; channel < headers.Length; channel++)
        {
            var (name, geometry) = (Path.GetFileName(uris[channel]), headers[channel].Geometry);
            if (geometry.Shape.VoxelCount > Array.MaxLength)
            {
                throw new ImagingException(
                    RejectReason.VolumeTooLarge, $"{name} has {geometry.Shape} voxels, more than one array can hold; crop or resample it.");
            }

            if (!geometry.MayMeet(headers[0].Geometry))
            {
                throw new ImagingException(
                    RejectReason.ChannelsApart, $"{name} and {Path.GetFileName(uris[0])} lie in different places, so they cannot be channels of one volume; register them.");
            }
        }

        return new SourceFacts(headers, Sha256(uris, headers, cancel));
    }

    /// <summary>Finds the intensity windows that are a volume's own, by looking through the channels that have such.</summary>
    /// <returns>Null where none has.</returns>
    /// <exception cref="ImagingException">A channel cannot be read as finite voxels, or they are all alike.</exception>
    public static IReadOnlyList<IntensityMap>? OwnIntensities(IReadOnlyList<string> uris, IReadOnlyList<IntensityMap> maps, CancellationToken cancel)
    {
        if (maps.All(map => map.Rule is null))
        {
            return null;
        }

        return [.. uris.Zip(maps, (uri, map) =>
        {
            if (map.Rule is not { } rule)
            {
                return map;
            }

            var statistics = new IntensityStatistics(rule.BesidesFill ? map.Fill : null);
            Finite(uri, NiftiReader.Scan(uri, statistics.Append, cancel));
            return statistics.Resolve(map) ?? throw new ImagingException(
                RejectReason.VolumeUniform, $"{Path.GetFileName(uri)} has the same intensity everywhere that the model's window looks at; check the file.");
        })];
    }

    /// <summary>Reads a volume's channels whole, each file once.</summary>
    /// <param name="expectedSha256">Hash of the source when the work was planned.</param>
    /// <param name="memoryLimitBytes">Most memory that the voxels of a channel may take.</param>
    /// <exception cref="ImagingException">The source cannot be read as a volume of finite voxels, or is not the one planned for.</exception>
    public static IReadOnlyList<NiftiVolume> Load(IReadOnlyList<string> uris, string expectedSha256, long memoryLimitBytes, CancellationToken cancel)
    {
        RequireUnchanged(uris, expectedSha256, cancel);
        var read = uris.Distinct(StringComparer.Ordinal).ToDictionary(
            uri => uri, uri => Finite(uri, NiftiReader.Read(uri, memoryLimitBytes, cancel)), StringComparer.Ordinal);
        return [.. uris.Select(uri => read[uri])];
    }

    /// <summary>Reads a volume's first channel without holding it: its intensities pass by, in memory order.</summary>
    /// <param name="visit">Takes each run of intensities.</param>
    /// <inheritdoc cref="Load"/>
    public static NiftiHeader Scan(IReadOnlyList<string> uris, string expectedSha256, VisitIntensities visit, CancellationToken cancel)
    {
        RequireUnchanged(uris, expectedSha256, cancel);
        return Finite(uris[0], NiftiReader.Scan(uris[0], visit, cancel)).Header;
    }

    private static void RequireUnchanged(IReadOnlyList<string> uris, string expectedSha256, CancellationToken cancel)
    {
        if (Sha256(uris, [.. uris.Select(NiftiReader.ReadHeader)], cancel) != expectedSha256)
        {
            throw new ImagingException(
                RejectReason.SourceChanged, $"{string.Join(" or ", uris.Select(Path.GetFileName))} was changed while it was being processed; run it again.");
        }
    }

    private static T Finite<T>(string uri, T nifti)
        where T : NiftiScan
    {
        nifti.RequireFinite(Path.GetFileName(uri));
        return nifti;
    }

    private static string Sha256(IReadOnlyList<string> uris, NiftiHeader[] headers, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 18];
        for (var channel = 0; channel < uris.Count; channel++)
        {
            var (uri, name, isPair) = (uris[channel], Path.GetFileName(uris[channel]), headers[channel].IsPair);
            NiftiFiles.Guard(name, () =>
            {
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

                return paths.Length;
            });
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>What is known of a source without its voxels.</summary>
/// <param name="Headers">By channel.</param>
/// <param name="Sha256">Of the channels' bytes, one after the other.</param>
public sealed record SourceFacts(IReadOnlyList<NiftiHeader> Headers, string Sha256);
