using System.Collections.Frozen;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>Which instance lies in a file, for who is to write or send one.</summary>
public static class ResultFile
{
    private static readonly FrozenSet<uint> _named = [ResultTags.MediaStorageSopInstanceUid.Tag, ResultTags.ImplementationClassUid.Tag];

    /// <returns>The UID that its first bytes name; null where it is no file that was written here.</returns>
    /// <exception cref="ImagingException">It cannot be read.</exception>
    public static string? InstanceUidOf(string path)
    {
        const int MetaBytes = 4096;
        var name = Path.GetFileName(path);
        var start = ContainedFile.OnDisk(path, name).Read(MetaBytes, name);
        if (!DicomFile.IsDicom(start))
        {
            return null;
        }

        try
        {
            var (meta, _) = DataSetParser.Parse(start.AsMemory(DicomFile.SniffBytes), TransferSyntax.Meta, _named, ResultTags.ImplementationClassUid.Tag, name);
            return meta.Text(ResultTags.ImplementationClassUid.Tag) == ResultObject.Implementation ? meta.Text(ResultTags.MediaStorageSopInstanceUid.Tag) : null;
        }
        catch (ImagingException damaged) when (damaged.Reason is RejectReason.DicomDamaged or RejectReason.DicomTruncated)
        {
            return null;
        }
    }
}
