using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>A volume of a manifest.</summary>
/// <param name="Manifest">Name of its file, for messages.</param>
/// <param name="Line">In the file, from 1.</param>
/// <param name="Id">Its name in the store.</param>
/// <param name="Uri">Where it lies, whole.</param>
/// <param name="IsVolume">The URI names a volume, not a place that holds it.</param>
/// <param name="Label">What the manifest says of it; null where it does not.</param>
internal sealed record ManifestRow(string Manifest, int Line, string Id, string Uri, bool IsVolume, string? Label)
{
    /// <param name="fault">The last part of the code.</param>
    /// <param name="sentence">After "Line 7 of archive.csv".</param>
    public CommandException Refused(string fault, string sentence) => new(ExitCodes.Usage, $"{Sources.Manifest.Kind}.{fault}", $"Line {Line} of {Manifest} {sentence}");
}
