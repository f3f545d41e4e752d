using System.Security.Cryptography;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A DICOM series as the results that were made of it refer to it. Pixels are not held.</summary>
public sealed class SourceSeries
{
    private SourceSeries(DicomSeries series)
    {
        Header = series.Header;
        Slices = [.. series.Slices.Select((slice, plane) => new SourceSlice(
            slice.Instance.Image.SopClass,
            slice.Instance.Origin!.SopInstanceUid,
            slice.Instance.Image.IsMultiFrame ? slice.Frame.Index + 1 : null,
            series.PlaceOf(plane)))];
        var first = series.Slices[0].Instance.Origin!;
        (SeriesInstanceUid, Carried, ThicknessMm) = (first.SeriesInstanceUid, first.Carried, first.ThicknessMm);
    }

    /// <summary>The grid, as a result states it.</summary>
    public NiftiHeader Header { get; }

    internal string SeriesInstanceUid { get; }

    internal CarriedAttributes Carried { get; }

    /// <summary>In the order of the volume's planes.</summary>
    internal IReadOnlyList<SourceSlice> Slices { get; }

    /// <summary>Null where the series does not tell.</summary>
    internal double? ThicknessMm { get; }

    /// <summary>Reads the headers of a series, and makes sure that it is the one that the result was made of.</summary>
    /// <param name="expectedSha256">Of the source, as the result states it.</param>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <exception cref="ImagingException">Files are missing, damaged or others than they were, or lack what a result must refer to.</exception>
    public static SourceSeries Read(SeriesUri uri, string expectedSha256, IRemoteFiles? remote, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(uri);
        using var series = DicomSeries.OpenWithOrigins(uri, remote, cancel);
        // As of a volume of one channel (VolumeSource): a hash of its channel's.
        if (Convert.ToHexStringLower(SHA256.HashData(series.Sha256())) != expectedSha256)
        {
            throw new ImagingException(RejectReason.SourceChanged, $"{uri.Name} is not what the result was made of, as its files were changed since: run it again.");
        }

        var carried = series.Slices[0].Instance.Origin!.Carried;
        return series.Slices.All(slice => slice.Instance.Origin!.Carried.IsSameStudyAs(carried))
            ? new(series)
            : throw new ImagingException(RejectReason.DicomMixedSeries, $"{uri.Name} mixes files of different patients or studies, so that whose its result is cannot be told: export it again from its archive.");
    }
}

/// <summary>Where a slice is stored, and where the volume's plane lies that was made of it.</summary>
/// <param name="Frame">Its number in a file of several, from 1; null in a file of its own.</param>
internal sealed record SourceSlice(string SopClassUid, string SopInstanceUid, int? Frame, SlicePlace Place);
