using System.Text.RegularExpressions;

namespace ToNNO.Imaging.Dicom;

/// <summary>Names the series of a container: <c>CONTAINER#series=KEY</c>, or <c>CONTAINER#series=KEY~SALT</c>, and <c>#resample-tilted</c> and <c>#split</c>
/// after it.</summary>
/// <param name="Container">A folder, a folder with all below it (<c>FOLDER/**</c>), a zip, or a single file.</param>
/// <param name="Key">See <see cref="KeyOf"/> and <see cref="KeyBy"/>.</param>
/// <param name="ResamplesTilted">Where it is of a tilted gantry, it is resampled to a straight stack, not refused.</param>
/// <param name="Salt">What the key was made with; empty where with nothing. It is told here alone, beside the container: where only keys are told, none
/// can be made for comparison.</param>
/// <param name="IsSplit">Another container was found to have other files of it: it is refused when it is looked at.</param>
public sealed partial record SeriesUri(string Container, string Key, bool ResamplesTilted = false, string Salt = "", bool IsSplit = false)
{
    /// <summary>Ends a container of all files below a folder.</summary>
    public const string Below = "/**";

    internal const string TiltedMark = "#resample-tilted";

    private const string SplitMark = "#split";

    private const int KeyLength = 16;

    /// <returns>Null where a URI names no series.</returns>
    public static SeriesUri? TryParse(string uri) => Parts().Match(uri) is { Success: true, Groups: var parts }
        ? new(parts["container"].Value, parts["key"].Value, parts["tilted"].Success, parts["salt"].Value, parts["split"].Success)
        : null;

    /// <summary>16 digits of the SHA-256 of the SeriesInstanceUID: the UID itself could lead to the patient.</summary>
    public static string KeyOf(string seriesInstanceUid) => Pseudonym.Of(seriesInstanceUid)[..KeyLength];

    /// <summary>The key that a series has with a salt, so that it cannot be made of the UID without it.</summary>
    /// <param name="key">Without one.</param>
    /// <param name="salt">Letters, digits, '-' and '_', at most 64; empty for none.</param>
    public static string KeyBy(string key, string salt) => salt.Length > 0 ? Pseudonym.Of(key, salt)[..KeyLength] : key;

    public bool IsKeyOf(string seriesInstanceUid) => KeyBy(KeyOf(seriesInstanceUid), Salt) == Key;

    /// <summary>What messages and results call it: a folder may bear the patient's name.</summary>
    public string Name => $"Series {Key}";

    public override string ToString() => $"{Container}#series={Key}{(Salt.Length > 0 ? "~" : "")}{Salt}{(ResamplesTilted ? TiltedMark : "")}{(IsSplit ? SplitMark : "")}";

    [GeneratedRegex("^(?<container>.+)#series=(?<key>[0-9a-f]{16})(~(?<salt>[A-Za-z0-9_-]{1,64}))?(?<tilted>" + TiltedMark + ")?(?<split>" + SplitMark + ")?\\z", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Parts();
}
