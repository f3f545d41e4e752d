namespace ToNNO.Imaging;

/// <summary>Names a NIfTI file whose name repeats what DICOM files beside it say of their patient: <c>FILE#unnamed</c>. No message or result tells its name.</summary>
public static class UnnamedUri
{
    private const string Mark = "#unnamed";

    public static string Of(string uri) => uri + Mark;

    /// <summary>The file's own URI, and whether it is not to be named.</summary>
    public static (string Uri, bool IsUnnamed) Split(string uri) => uri.EndsWith(Mark, StringComparison.Ordinal) ? (uri[..^Mark.Length], true) : (uri, false);
}
