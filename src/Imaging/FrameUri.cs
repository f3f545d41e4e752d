using System.Globalization;

namespace ToNNO.Imaging;

/// <summary>Names one frame of a NIfTI file of several: <c>FILE#frame=N</c>, counted from 0.</summary>
public static class FrameUri
{
    private const string Mark = "#frame=";

    public static string Of(string uri, int frame) => string.Create(CultureInfo.InvariantCulture, $"{uri}{Mark}{frame}");

    /// <summary>The file's own URI, and the frame; null where none is named.</summary>
    public static (string Uri, int? Frame) Split(string uri) =>
        uri.LastIndexOf(Mark, StringComparison.Ordinal) is > 0 and var at
            && int.TryParse(uri.AsSpan(at + Mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var frame)
            ? (uri[..at], frame)
            : (uri, null);
}
