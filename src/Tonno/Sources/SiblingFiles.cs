namespace ToNNO.Tonno.Sources;

/// <summary>Files by their paths without extension. Each folder is looked into once: an archive has a hundred thousand files.</summary>
internal sealed class SiblingFiles
{
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

    /// <summary>The file of that name; of several with other extensions the first by name.</summary>
    public string? Find(string stem)
    {
        var folder = Path.GetDirectoryName(stem)!;
        if (_folders.Add(folder))
        {
            foreach (var file in In(folder).Order(StringComparer.Ordinal))
            {
                if (SourceListing.ExtensionOf(file) is { Length: > 0 } extension)
                {
                    _files.TryAdd(file[..^extension.Length], file);
                }
            }
        }

        return _files.GetValueOrDefault(stem);
    }

    private static string[] In(string folder)
    {
        try
        {
            return Directory.GetFiles(folder);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return []; // what should lie there is refused by its name
        }
    }
}
