namespace ToNNO.Tonno.Sources;

/// <summary>A volume that sources were found to hold.</summary>
/// <param name="Name">The name that its files suggest, or that a manifest gives it.</param>
/// <param name="Files">By channel.</param>
/// <param name="Row">Of the manifest that names it; null where its files do.</param>
/// <param name="Rule">The selection rule that took it; null where none did.</param>
internal sealed record FoundVolume(string Name, IReadOnlyList<string> Files, ManifestRow? Row = null, string? Rule = null);

/// <summary>Tells sets of instances apart.</summary>
/// <param name="Sum">Of their marks.</param>
internal readonly record struct InstanceSet(int Count, ulong Sum)
{
    public static InstanceSet operator +(InstanceSet set, ulong mark) => new(set.Count + 1, unchecked(set.Sum + mark));
}
