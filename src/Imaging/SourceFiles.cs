namespace ToNNO.Imaging;

/// <summary>Files on disk, and failures of the disk as reasons.</summary>
internal static class SourceFiles
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
}
