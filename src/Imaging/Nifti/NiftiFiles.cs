namespace ToNNO.Imaging.Nifti;

/// <summary>The two halves of a pair on disk.</summary>
internal static class NiftiFiles
{
    /// <summary>The file to read a header from: for the voxels of a pair, the header beside them.</summary>
    /// <exception cref="ImagingException">There is no such file.</exception>
    public static string HeaderPath(string path, string name) => Split(path) switch
    {
        (var stem, ".img") when File.Exists(path) => Existing(stem, "hdr") ?? throw new ImagingException(
            RejectReason.NiftiPairIncomplete, $"{name} holds the voxels of a pair whose .hdr file is missing: put it beside them."),
        _ => path,
    };

    /// <summary>The voxels of the pair that a path names either half of.</summary>
    /// <exception cref="ImagingException">There is no such file.</exception>
    public static string DataPath(string path, string name) => Split(path) switch
    {
        (_, ".img") => path,
        var (stem, _) => Existing(stem, "img") ?? throw new ImagingException(
            RejectReason.NiftiPairIncomplete, $"{name} is the header of a pair whose .img file is missing: put it beside the header."),
    };

    /// <summary>Path without its extensions, and the one before any <c>.gz</c> in lower case.</summary>
    private static (string Stem, string Extension) Split(string path)
    {
        var inner = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        var extension = Path.GetExtension(inner);
        return (inner[..^extension.Length], extension.ToLowerInvariant());
    }

    private static string? Existing(string stem, string extension)
    {
        var upper = extension.ToUpperInvariant();
        return new[] { $".{extension}", $".{extension}.gz", $".{upper}", $".{upper}.GZ" }
            .Select(ending => stem + ending)
            .FirstOrDefault(File.Exists);
    }
}
