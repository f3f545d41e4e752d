namespace ToNNO.Storage;

/// <summary>Which paths name a blob; the same in every store, so that an archive can be moved from one to another.</summary>
public static class BlobPaths
{
    /// <summary>The lock of a local store's conditional writes.</summary>
    public const string Lock = OwnFolder + "/lock";

    /// <summary>What a run holds while it works on a store.</summary>
    public const string InUse = OwnFolder + "/in-use";

    /// <summary>Where a local store writes what has no name yet.</summary>
    public const string Temporary = OwnFolder + "/tmp";

    private const string OwnFolder = ".tonno";

    /// <exception cref="BlobStoreException">InvalidPath.</exception>
    public static void Require(string path)
    {
        if (Array.Exists(path.Split('/'), segment => segment is "" or "." or "..") || path.AsSpan().ContainsAny('\0', '\\') || IsOwn(path))
        {
            throw Refused(path);
        }
    }

    /// <summary>A prefix is a path's beginning: any text after the path of a folder.</summary>
    /// <returns>The folder; null where it is the store itself.</returns>
    /// <exception cref="BlobStoreException">InvalidPath.</exception>
    public static string? RequirePrefix(string prefix)
    {
        var slash = prefix.LastIndexOf('/');
        if (slash < 0)
        {
            return null;
        }

        Require(prefix[..slash]);
        return prefix[..slash];
    }

    /// <summary>True for what a store keeps for itself: it is no blob and is not listed.</summary>
    public static bool IsOwn(string path) =>
        path is Lock or InUse or Temporary || path.StartsWith(Temporary + "/", StringComparison.Ordinal);

    public static BlobStoreException Refused(string path, Exception? inner = null) =>
        new(BlobStoreError.InvalidPath, $"The path '{path}' names no blob of the store.", inner);
}
