using System.Collections.Frozen;

namespace ToNNO.Imaging.Dicom;

/// <summary>What a DICOM file is to a run.</summary>
public enum DicomRole
{
    Unspecified = 0,

    /// <summary>A part of a CT, MR or PET series.</summary>
    Slice,

    /// <summary>An overview to plan slices on; of any orientation.</summary>
    Localizer,

    /// <summary>An image of a kind that makes no volume here: ultrasound, secondary capture, segmentation, dose and so on.</summary>
    OtherImage,

    /// <summary>Structures, reports, presentation states: no pixels.</summary>
    NotImage,
}

/// <summary>A file that was looked at.</summary>
/// <param name="Path">On disk, or within its zip.</param>
/// <param name="Content">Null where it is DICOM by its first bytes, but cannot be read further.</param>
/// <param name="Facts">What its series is chosen by; null where it was not asked for, or cannot be read.</param>
public sealed record ListedFile(string Path, DicomObject? Content, SliceFacts? Facts = null);

/// <summary>What a file was found to be, or a zip to hold.</summary>
/// <param name="IsZip">The paths of the files are those within it.</param>
/// <param name="Others">Files that are no DICOM.</param>
public sealed record FoundFiles(bool IsZip, IReadOnlyList<ListedFile> Dicom, IReadOnlyList<string> Others);

/// <summary>Finds DICOM files by content, whatever they are called.</summary>
public static class DicomListing
{
    /// <summary>Bytes that hold the attributes looked for in nearly every file; a file that needs more is read further.</summary>
    internal const int WindowBytes = 16 << 10;

    /// <summary>Bytes that hold the header of nearly every file with a functional group for each of its frames.</summary>
    private const int LongHeaderBytes = 1 << 20;

    /// <summary>Looks at a file, or into a zip, told by content.</summary>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <param name="withFacts">Also reads what series are chosen by.</param>
    /// <exception cref="ImagingException">The file cannot be read, or is a damaged zip.</exception>
    public static FoundFiles Look(string path, IRemoteFiles? remote = null, bool withFacts = false)
    {
        var name = System.IO.Path.GetFileName(path);
        using var container = FileContainer.OpenFile(path, name, remote);
        var (dicom, others) = (new List<ListedFile>(), new List<string>());
        foreach (var file in container.Files)
        {
            try
            {
                if (Head(file, DicomTag.Listing, DicomTag.LastListed, name) is { } head)
                {
                    var content = DicomObject.Of(head.DataSet);
                    dicom.Add(new(file.Path, content, withFacts && content?.Role == DicomRole.Slice ? FactsOf(file, name) : null));
                }
                else
                {
                    others.Add(file.Path);
                }
            }
            catch (ImagingException unreadable) when (unreadable.Reason is not (RejectReason.FileMissing or RejectReason.FileUnreadable))
            {
                dicom.Add(new(file.Path, null));
            }
        }

        return new FoundFiles(container.IsZipped, dicom, others);
    }

    /// <summary>All attributes that place and decode an image, but not its pixels.</summary>
    /// <returns>Those, and the file's length.</returns>
    /// <exception cref="ImagingException">The file cannot be read, or is damaged.</exception>
    internal static (DicomFile File, long LengthBytes) Headers(ContainedFile file, string name) => Headers(file, DicomTag.Imaging, DicomTag.PixelData, name);

    private static SliceFacts? FactsOf(ContainedFile file, string name)
    {
        try
        {
            return SliceFacts.Of(Headers(file, DicomTag.Choosing, DicomTag.SharedFunctionalGroupsSequence, name).File.DataSet);
        }
        catch (ImagingException damaged) when (damaged.Reason is RejectReason.DicomDamaged or RejectReason.DicomTruncated)
        {
            return null; // behind what tells its series, which is refused for it if it is chosen
        }
    }

    private static (DicomFile File, long LengthBytes) Headers(ContainedFile file, FrozenSet<uint> kept, uint lastTag, string name)
    {
        foreach (var most in (ReadOnlySpan<int>)[WindowBytes, LongHeaderBytes])
        {
            var (window, lengthBytes) = file.ReadStart(most, name);
            try
            {
                return (DicomFile.Parse(window, kept, lastTag, name, lengthBytes), lengthBytes);
            }
            catch (ImagingException cut) when (cut.Reason is RejectReason.DicomTruncated or RejectReason.DicomDamaged && window.Length < lengthBytes)
            {
                // More of it may do: a deflated one that is cut looks damaged.
            }
        }

        var (whole, length) = file.ReadStart(long.MaxValue, name);
        return (DicomFile.Parse(whole, kept, lastTag, name, length), length);
    }

    /// <summary>True for a path that is called as DICOM files are: whatever it holds, somebody took it for one.</summary>
    private static bool IsCalledSo(string path) => System.IO.Path.GetExtension(path).ToUpperInvariant() is ".DCM" or ".DICOM" or ".IMA";

    /// <summary>The first attributes of a file.</summary>
    /// <returns>Null where it is no DICOM.</returns>
    /// <exception cref="ImagingException">It is DICOM by its first bytes or its name, but damaged, or it cannot be read.</exception>
    internal static DicomFile? Head(ContainedFile file, FrozenSet<uint> kept, uint lastTag, string name)
    {
        var window = file.Read(WindowBytes, name);
        if (!DicomFile.IsDicom(window) && !DicomFile.LacksPreamble(window) && !IsCalledSo(file.Path))
        {
            return null;
        }

        try
        {
            return DicomFile.Parse(window, kept, lastTag, name);
        }
        catch (ImagingException cut) when (cut.Reason == RejectReason.DicomTruncated && window.Length == WindowBytes)
        {
            return DicomFile.Parse(file.Read(long.MaxValue, name), kept, lastTag, name);
        }
    }
}
