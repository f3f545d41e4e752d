namespace ToNNO.Imaging;

/// <summary>Names one file of a zip: <c>ZIP#entry=NAME</c>.</summary>
public sealed record EntryUri(string Zip, string Entry)
{
    private const string Mark = "#entry=";

    /// <returns>Null where a URI names no file of a zip.</returns>
    public static EntryUri? TryParse(string uri) =>
        uri.IndexOf(Mark, StringComparison.Ordinal) is > 0 and var at ? new(uri[..at], uri[(at + Mark.Length)..]) : null;

    /// <summary>True for a path that is called as zips are: whatever it holds, somebody took it for one, and a copy that broke off is empty or begins otherwise.</summary>
    public static bool IsCalledZip(string path) => Path.GetExtension(path).Equals(".zip", StringComparison.OrdinalIgnoreCase);

    public override string ToString() => Zip + Mark + Entry;
}
