namespace ToNNO.Imaging.Nifti;

/// <summary>Files on disk: the two halves of a pair, and failures as reasons.</summary>
internal static class NiftiFiles
{
    /// <summary>Turns a failing disk into a refusal. Only for code that opens its own files.</summary>
    public static T Guard<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImagingException(RejectReason.FileMissing, $"{name} does not exist: check the path.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImagingException(
                RejectReason.FileUnreadable, $"{name} cannot be read: check that it is a file, its rights and its disk.", error);
        }
    }

    /// <exception cref="IOException">It cannot be opened, or is no file.</exception>
    public static FileStream Open(string path) => FileKind.IsNoFile(path)
        ? throw new IOException("A pipe, a device or a folder, not a file.")
        : new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);

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
