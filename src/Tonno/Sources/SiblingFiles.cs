namespace ToNNO.Tonno.Sources;

/// <summary>Files by their paths without extension. Each folder is looked into once: an archive has a hundred thousand files.</summary>
internal sealed class SiblingFiles
{
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

    /// <summary>The file of that name; of several with other extensions the first by name.</summary>
    public string? Find(string stem)
    {
        if (RemotePlaces.IsOne(stem))
        {
            return _files.GetValueOrDefault(stem);
        }

        var folder = Path.GetDirectoryName(stem)!;
        if (_folders.Add(folder))
        {
            Add(In(folder).Order(StringComparer.Ordinal));
        }

        return _files.GetValueOrDefault(stem);
    }

    /// <summary>True where there is the header of a pair of that name.</summary>
    public bool IsPair(string stem) => Find(stem) is { } file && SourceListing.IsHeaderOf(file, stem); // which is first by name

    /// <summary>Tells of files, in order: those that lie on no disk are found only if they were told of.</summary>
    public void Add(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            if (SourceListing.ExtensionOf(file) is { Length: > 0 } extension)
            {
                _files.TryAdd(file[..^extension.Length], file);
            }
        }
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
