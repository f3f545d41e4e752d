namespace ToNNO.Imaging.Nifti;

/// <summary>The file that holds a volume, or the two of a pair, wherever they lie.</summary>
internal sealed class NiftiFiles
{
    private readonly Func<ContainedFile> _data;

    private NiftiFiles(string name, ContainedFile header, Func<ContainedFile> data) => (Name, Header, _data) = (name, header, data);

    /// <summary>What messages call the volume.</summary>
    public string Name { get; }

    /// <summary>The file to read a header from: for the voxels of a pair, the header beside them.</summary>
    public ContainedFile Header { get; }

    /// <summary>The voxels of a pair.</summary>
    /// <exception cref="ImagingException">There is no such file.</exception>
    public ContainedFile Data => field ??= _data();

    public static NiftiFiles OnDisk(string path, string name) =>
        Of(ContainedFile.OnDisk(path, name), name, beside => File.Exists(beside) ? ContainedFile.OnDisk(beside, name) : null);

    /// <param name="file">A volume, or either half of one.</param>
    /// <param name="find">Finds a file by its path; null where there is none.</param>
    /// <exception cref="ImagingException">It is the half of a pair that lacks the other.</exception>
    public static NiftiFiles Of(ContainedFile file, string name, Func<string, ContainedFile?> find)
    {
        var (stem, extension) = Split(file.Path);
        if (extension != ".img")
        {
            return new(name, file, () => Beside("img") ?? throw new ImagingException(
                RejectReason.NiftiPairIncomplete, $"{name} is the header of a pair whose .img file is missing: put it beside the header."));
        }

        return Beside("hdr") is { } header ? new(name, header, () => file)
            : find(file.Path) is null ? new(name, file, () => file) // which reading tells of
            : throw new ImagingException(RejectReason.NiftiPairIncomplete, $"{name} holds the voxels of a pair whose .hdr file is missing: put it beside them.");

        ContainedFile? Beside(string extension)
        {
            var upper = extension.ToUpperInvariant();
            return new[] { $".{extension}", $".{extension}.gz", $".{upper}", $".{upper}.GZ" }
                .Select(ending => find(stem + ending))
                .FirstOrDefault(found => found is not null);
        }
    }

    /// <summary>True for a path that is called as volumes are, or halves of them.</summary>
    public static bool IsCalledSo(string path) => Split(path).Extension is ".nii" or ".hdr" or ".img";

    /// <summary>Path without its extensions, and the one before any <c>.gz</c> in lower case.</summary>
    private static (string Stem, string Extension) Split(string path)
    {
        var inner = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        var extension = Path.GetExtension(inner);
        return (inner[..^extension.Length], extension.ToLowerInvariant());
    }
}
