using ToNNO.Imaging;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Exporting;

/// <summary>A folder of the user's that files are exported into, each whole or not at all.</summary>
internal sealed class ExportFolder(string root)
{
    /// <summary>Ends the name of a file that is being written; what a process that was killed left is written over by the next.</summary>
    private const string Unfinished = ".part";

    public string PathOf(string name) => Path.Combine(root, name);

    /// <summary>Writes a file under another name, and then names it.</summary>
    /// <param name="name">From the folder on.</param>
    /// <exception cref="ExportException"><c>export.unwritable</c>, for good.</exception>
    public async Task WriteAsync(string name, Func<Stream, Task> write)
    {
        var file = PathOf(name);
        var unfinished = Path.Combine(Path.GetDirectoryName(file)!, $".{Path.GetFileName(file)}{Unfinished}");
        FileStream stream;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            stream = new FileStream(unfinished, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(name, failed);
        }

        try
        {
            await using (stream.ConfigureAwait(false))
            {
                await write(stream).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
            }

            File.Move(unfinished, file, overwrite: true);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(name, failed); // stores and sources have exceptions of their own
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <param name="what">Whose file it would be, in words.</param>
    /// <exception cref="ExportException"><c>result.name_taken</c>: what lies there is another's.</exception>
    public void RequireFree(string name, string what, Func<string, bool> isOurs)
    {
        var file = PathOf(name);
        if (Directory.Exists(file) || (File.Exists(file) && !isOurs(file)))
        {
            throw new ExportException(
                RejectReason.ResultNameTaken.Code(), $"In the place of {Path.GetFileName(name)} of {what} lies a file that was not exported: move it away, or give another folder.");
        }
    }

    private static ExportException Unwritable(string name, Exception failed) =>
        new("export.unwritable", $"{name} cannot be written: {failed.Message}", ExitCodes.Usage, failed);
}
