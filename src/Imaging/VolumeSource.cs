using System.Security.Cryptography;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging;

/// <summary>Reads the volume that URIs name, one for each of its channels: NIfTI files and DICOM series on a disk or in a store that this node sees.</summary>
/// <remarks>Channels are co-registered: they share the world, and each has its own grid. The first one's is the heatmap's. Where no remote files
/// are given, only disks are read.</remarks>
public static class VolumeSource
{
    /// <summary>What messages and results call a source: the name of a NIfTI file; the key of a DICOM series. Others, of which hospitals call folders, zips
    /// and DICOM files after their patients, have none.</summary>
    public static string NameOf(string uri) =>
        SeriesUri.TryParse(uri) is { } series ? series.Name
        : NiftiFiles.IsCalledSo(FrameUri.Split(uri).Uri) ? Path.GetFileName(EntryUri.TryParse(uri)?.Entry ?? uri) // none that ends in #unnamed
        : "The source";

    /// <summary>Tells a source from others where it is not to be named.</summary>
    /// <param name="salt">See <see cref="Pseudonym.Of"/>.</param>
    public static string ShortHash(string uri, string salt = "") => Pseudonym.Of(uri, salt)[..8];

    /// <summary>True where not a volume was refused, but the place that it lies in is out of reach, as far as can be told: the folder, or what is left of the
    /// way to it, is empty, as where a share is not mounted, or the disk fails. Of what lies on no disk its own store tells.</summary>
    public static bool IsPlaceLost(ImagingException refused, IReadOnlyList<string> uris) => refused switch
    {
        { Reason: RejectReason.FileUnreadable, InnerException: IOException { HResult: > 0 } } => true, // the system's own number, as of a disk that fails
        { Reason: RejectReason.FileMissing } => uris.Any(uri => !uri.Contains("://", StringComparison.Ordinal) && !HoldsAnything(FolderOf(uri))),
        _ => false,
    };

    private static string FolderOf(string uri)
    {
        var series = SeriesUri.TryParse(uri);
        var path = series is null ? UnnamedUri.Split(FrameUri.Split(EntryUri.TryParse(uri)?.Zip ?? uri).Uri).Uri
            : series.Container.EndsWith(SeriesUri.Below, StringComparison.Ordinal) ? series.Container[..^SeriesUri.Below.Length]
            : series.Container;
        return series is not null && Directory.Exists(path) ? path : Path.GetDirectoryName(path) ?? path;
    }

    private static bool HoldsAnything(string folder)
    {
        try
        {
            while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above)
            {
                folder = above;
            }

            return Directory.EnumerateFileSystemEntries(folder).Any();
        }
        catch (Exception lost) when (lost is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Reads the headers of a volume's channels and hashes their bytes, without holding voxels.</summary>
    /// <exception cref="ImagingException">The source cannot be a volume; the reason says why.</exception>
    public static SourceFacts Inspect(IReadOnlyList<string> uris, CancellationToken cancel, IRemoteFiles? remote = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var headers = Headers(uris, uri =>
        {
            using var channel = VolumeChannel.Open(uri, remote, cancel);
            channel.AppendTo(hash, cancel);
            return (channel.Header, channel.PredictedBytes);
        });
        return new SourceFacts(headers, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Reads the headers of a volume's channels, and no voxels: what is wrong with those shows when the volume is read.</summary>
    /// <exception cref="ImagingException">The source cannot be a volume; the reason says why.</exception>
    public static SourceHeaders ReadHeaders(IReadOnlyList<string> uris, CancellationToken cancel, IRemoteFiles? remote = null) =>
        Headers(uris, uri => VolumeChannel.ReadHeaders(uri, remote, cancel));

    /// <summary>Finds the intensity windows that are a volume's own, by looking through the channels that have such.</summary>
    /// <returns>Null where none has.</returns>
    /// <exception cref="ImagingException">A channel cannot be read as finite voxels, or they are all alike.</exception>
    public static IReadOnlyList<IntensityMap>? OwnIntensities(
        IReadOnlyList<string> uris, IReadOnlyList<IntensityMap> maps, CancellationToken cancel, IRemoteFiles? remote = null)
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
            using var channel = VolumeChannel.Open(uri, remote, cancel);
            Finite(uri, channel.Scan(statistics.Append, cancel));
            return statistics.Resolve(map) ?? throw new ImagingException(
                RejectReason.VolumeUniform, $"{NameOf(uri)} has the same intensity everywhere that the model's window looks at; check the file.");
        })];
    }

    /// <summary>Reads a volume's channels whole, each file once.</summary>
    /// <param name="expectedSha256">Hash of the source when the work was planned.</param>
    /// <param name="memoryLimitBytes">Most memory that the voxels of a channel may take.</param>
    /// <exception cref="ImagingException">The source cannot be read as a volume of finite voxels, or is not the one planned for.</exception>
    public static IReadOnlyList<NiftiVolume> Load(
        IReadOnlyList<string> uris, string expectedSha256, long memoryLimitBytes, CancellationToken cancel, IRemoteFiles? remote = null)
    {
        var channels = new Dictionary<string, VolumeChannel>(StringComparer.Ordinal);
        try
        {
            Open(uris, expectedSha256, channels, remote, cancel);
            var read = channels.ToDictionary(pair => pair.Key, pair => Finite(pair.Key, pair.Value.Read(memoryLimitBytes, cancel)), StringComparer.Ordinal);
            return [.. uris.Select(uri => read[uri])];
        }
        finally
        {
            Close(channels);
        }
    }

    /// <summary>Reads a volume's first channel without holding it: its intensities pass by, in memory order.</summary>
    /// <param name="visit">Takes each run of intensities.</param>
    /// <inheritdoc cref="Load"/>
    public static NiftiHeader Scan(
        IReadOnlyList<string> uris, string expectedSha256, VisitIntensities visit, CancellationToken cancel, IRemoteFiles? remote = null)
    {
        var channels = new Dictionary<string, VolumeChannel>(StringComparer.Ordinal);
        try
        {
            Open(uris, expectedSha256, channels, remote, cancel);
            return Finite(uris[0], channels[uris[0]].Scan(visit, cancel)).Header;
        }
        finally
        {
            Close(channels);
        }
    }

    /// <summary>Opens channels, each once, and makes sure that they are the ones planned for.</summary>
    private static void Open(
        IReadOnlyList<string> uris, string expectedSha256, Dictionary<string, VolumeChannel> channels, IRemoteFiles? remote, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var uri in uris)
        {
            if (!channels.TryGetValue(uri, out var channel))
            {
                channels[uri] = channel = VolumeChannel.Open(uri, remote, cancel);
            }

            channel.AppendTo(hash, cancel);
        }

        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != expectedSha256)
        {
            throw new ImagingException(
                RejectReason.SourceChanged, $"{string.Join(" or ", uris.Select(NameOf))} was changed while it was being processed; run it again.");
        }
    }

    private static SourceHeaders Headers(IReadOnlyList<string> uris, Func<string, (NiftiHeader Header, long PredictedBytes)> read)
    {
        var (headers, predictedBytes) = (new List<NiftiHeader>(), 0L);
        foreach (var uri in uris)
        {
            var (header, bytes) = read(uri);
            headers.Add(header);
            predictedBytes += bytes;
            if (header.Shape.VoxelCount > Array.MaxLength)
            {
                throw new ImagingException(
                    RejectReason.VolumeTooLarge, $"{NameOf(uri)} has {header.Shape} voxels, more than one array can hold; crop or resample it.");
            }

            if (!header.Geometry.MayMeet(headers[0].Geometry))
            {
                throw new ImagingException(
                    RejectReason.ChannelsApart, $"{NameOf(uri)} and {NameOf(uris[0])} lie in different places, so they cannot be channels of one volume; register them.");
            }
        }

        return new SourceHeaders(headers, predictedBytes);
    }

    private static void Close(Dictionary<string, VolumeChannel> channels)
    {
        foreach (var channel in channels.Values)
        {
            channel.Dispose();
        }
    }

    private static T Finite<T>(string uri, T nifti)
        where T : NiftiScan
    {
        nifti.RequireFinite(NameOf(uri));
        return nifti;
    }
}

/// <summary>What a source's headers say.</summary>
/// <param name="ByChannel">The headers.</param>
/// <param name="PredictedBytes">Memory that reading all channels takes.</param>
public sealed record SourceHeaders(IReadOnlyList<NiftiHeader> ByChannel, long PredictedBytes);

/// <summary>What is known of a source without its voxels.</summary>
/// <param name="Sha256">Of the channels' bytes, one after the other.</param>
public sealed record SourceFacts(SourceHeaders Headers, string Sha256);
