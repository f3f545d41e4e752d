namespace ToNNO.Imaging;

/// <summary>Files that lie on no disk: whoever composes the program knows where. Imaging reads them as it reads disks.</summary>
/// <remarks>Where the place itself fails, its own exception passes through: trying again may do. Its messages name no file, since those may be
/// called after patients.</remarks>
public interface IRemoteFiles
{
    /// <summary>True for a path of this place, be there such a file or not.</summary>
    bool Holds(string path);

    /// <summary>The paths of the files of a folder, as <see cref="Open"/> takes them, in order; none where there is no such folder.</summary>
    /// <param name="below">Those of folders within it, too.</param>
    IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel);

    /// <summary>True for a folder of files of one series alone, so that none need be looked at before it is read.</summary>
    bool HoldsOneSeries(string folder);

    /// <summary>Opens a file, forwards only; the stream knows the length of the whole file.</summary>
    /// <param name="mostBytes">No more is going to be read.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    Stream Open(string path, long mostBytes);

    /// <summary>Opens a file to be read here and there, as a zip is.</summary>
    /// <returns>Null where the place holds no zips, whatever a file begins with.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    Stream? OpenSeekable(string path);
}
