using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Imaging.Dicom;

/// <summary>Names the series of a container: <c>CONTAINER#series=KEY</c>, and <c>#resample-tilted</c> after it.</summary>
/// <param name="Container">A folder, a folder with all below it (<c>FOLDER/**</c>), a zip, or a single file.</param>
/// <param name="Key">The first 16 digits of the SHA-256 of the SeriesInstanceUID: the UID itself could lead to the patient.</param>
/// <param name="ResamplesTilted">Where it is of a tilted gantry, it is resampled to a straight stack, not refused.</param>
public sealed record SeriesUri(string Container, string Key, bool ResamplesTilted = false)
{
    /// <summary>Ends a container of all files below a folder.</summary>
    public const string Below = "/**";

    internal const string TiltedMark = "#resample-tilted";

    private const string Mark = "#series=";
    private const int KeyLength = 16;
    private static readonly SearchValues<char> _digits = SearchValues.Create("0123456789abcdef");

    /// <returns>Null where a URI names no series.</returns>
    public static SeriesUri? TryParse(string uri)
    {
        var resamples = uri.EndsWith(TiltedMark, StringComparison.Ordinal);
        var plain = resamples ? uri[..^TiltedMark.Length] : uri;
        var at = plain.Length - KeyLength - Mark.Length;
        return at > 0 && plain.AsSpan(at, Mark.Length).SequenceEqual(Mark) && plain.AsSpan(at + Mark.Length).IndexOfAnyExcept(_digits) < 0
            ? new(plain[..at], plain[(at + Mark.Length)..], resamples)
            : null;
    }

    public static string KeyOf(string seriesInstanceUid) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(seriesInstanceUid)))[..KeyLength];

    /// <summary>What messages and results call it: a folder may bear the patient's name.</summary>
    public string Name => $"Series {Key}";

    public override string ToString() => Container + Mark + Key + (ResamplesTilted ? TiltedMark : "");
}
