namespace ToNNO.Tonno.Sources;

/// <summary>A file that is one channel of a volume.</summary>
/// <param name="Name">Path without extension, and without what tells the channel.</param>
internal sealed record ChannelFile(string Name, string File, string Extension, IReadOnlyList<string> Endings)
{
    /// <summary>Names the volume: its file where that is the only one.</summary>
    public string Volume => Endings.Count == 0 ? File : Name;

    /// <returns>Null where the file's name ends like no channel's.</returns>
    public static ChannelFile? Of(string file, IReadOnlyList<string> endings)
    {
        var stem = file[..^SourceListing.ExtensionOf(file).Length];
        var ending = endings.Count == 0 ? "" : endings.Where(ending => stem.EndsWith(ending, StringComparison.Ordinal)).MaxBy(ending => ending.Length);
        return ending is null ? null : new ChannelFile(stem[..^ending.Length], file, file[stem.Length..], endings);
    }

    /// <summary>The volume's files by channel: those beside this one, of whichever extension.</summary>
    public IReadOnlyList<string> Files(SiblingFiles siblings) =>
        Endings.Count == 0 ? [File] : [.. Endings.Select(ending => siblings.Find(Name + ending) ?? Name + ending + Extension)];
}
