using System.Text;
using System.Text.Json;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>A list of volumes that the user wrote: CSV with the columns id, uri and at will label, or a JSON object of these a line.</summary>
internal static class Manifest
{
    /// <summary>The first part of reason codes.</summary>
    public const string Kind = "manifest";

    private const string Id = "id";
    private const string Location = "uri";
    private const string Label = "label";
    private const string JsonLines = ".jsonl";
    private const int MostLabelLetters = 1000;

    /// <summary>Told by its name: <c>.csv</c> or <c>.jsonl</c>.</summary>
    public static bool IsOne(string source) =>
        source.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || source.EndsWith(JsonLines, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a manifest. What it names need not be there: that is found out volume by volume.</summary>
    /// <param name="path">Its URIs start from its folder, unless they are absolute.</param>
    /// <exception cref="CommandException">It cannot be read, lacks a column or a value, has an id twice or one that is no safe name, too long a
    /// label, or a URI of a kind that is not read.</exception>
    public static IReadOnlyList<ManifestRow> Read(string path)
    {
        var name = Path.GetFileName(path);
        var folder = Path.GetDirectoryName(path)!;
        var rows = new List<ManifestRow>();
        var lines = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase); // as some file systems take names
        foreach (var (line, id, uri, label) in path.EndsWith(JsonLines, StringComparison.OrdinalIgnoreCase) ? ReadJsonLines(path, name) : ReadCsv(path))
        {
            var (whole, isVolume) = Whole(folder, uri);
            var row = new ManifestRow(name, line, id, whole ?? uri, isVolume, label is { Length: > 0 } ? label : null);
            if (!VolumeNames.IsSafe(id))
            {
                throw row.Refused("id_unsafe", "has an id that is no safe name of a folder: use up to 120 letters, digits, '.', '_' and '-', beginning with a letter or digit.");
            }

            if (label?.Length > MostLabelLetters)
            {
                throw row.Refused("label_too_long", $"has a label of more than {MostLabelLetters} letters, which travels with each block of its volume's work: shorten it.");
            }

            if (!lines.TryAdd(id, line))
            {
                throw row.Refused("id_repeated", $"has the id {id} of line {lines[id]}: give each volume its own.");
            }

            rows.Add(whole is not null ? row : throw row.Refused("uri_unsupported", "has a uri of a kind that is not read: give a path, absolute or from the manifest's folder, azure://CONTAINER/NAME or dicomweb+https://PACS/PATH."));
        }

        return rows;
    }

    private static IEnumerable<(int Line, string Id, string Uri, string? Label)> ReadCsv(string path)
    {
        var sheet = Sheet.Read(path, Kind, Id, Location);
        var isLabelled = sheet.Has(Label);
        return sheet.Rows.Select(row => (row.Line, row[Id], row[Location], isLabelled ? row[Label] : null));
    }

    /// <summary>Of a key that stands twice nobody knows which is meant.</summary>
    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false };

    private static List<(int Line, string Id, string Uri, string? Label)> ReadJsonLines(string path, string name)
    {
        CommandException Refused(string fault, string sentence) => new(ExitCodes.Usage, $"{Kind}.{fault}", sentence);
        var (rows, at) = (new List<(int, string, string, string?)>(), 0);
        try
        {
            // Not told by its first bytes: that would be read leniently.
            using var lines = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            while (lines.ReadLine()?.TrimStart('\uFEFF') is { } text)
            {
                at++;
                if (!string.IsNullOrWhiteSpace(text))
                {
                    using var json = JsonDocument.Parse(text, _strict);
                    var line = json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement : throw new JsonException();
                    rows.Add((at, Required(line, Id), Required(line, Location), Text(line, Label)));
                }
            }
        }
        catch (DecoderFallbackException)
        {
            throw Refused("unreadable", $"{name} is not written in UTF-8: save it so.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) // half of a letter that takes two, which JSON may spell
        {
            throw Refused("unreadable", $"Line {at} of {name} is no JSON object, or has a key twice or half a letter: write one a line, as in {{\"id\": \"a\", \"uri\": \"a.nii.gz\"}}.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refused("unreadable", $"The manifest {path} cannot be read: {error.Message}");
        }

        return rows.Count > 0 ? rows : throw Refused("incomplete", $"{name} names no volume: add a line for each.");

        string Required(JsonElement line, string key) => !line.TryGetProperty(key, out _)
            ? throw Refused("column_missing", $"Line {at} of {name} has no {key}: each line must have {Id} and {Location}.")
            : Text(line, key) is { Length: > 0 } text ? text : throw Refused("incomplete", $"Line {at} of {name} has no text for {key}: fill it in, or remove the line.");

        static string? Text(JsonElement line, string key) =>
            line.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value.ValueKind == JsonValueKind.String ? value.GetString()!.Trim() : value.GetRawText() : null;
    }

    /// <summary>A URI from the root on, and whether it names a volume within what holds it, as <c>tonno plan --json</c> tells volumes.</summary>
    /// <returns>Null where it is of a kind that is not read.</returns>
    private static (string? Uri, bool IsVolume) Whole(string folder, string uri)
    {
        if (uri.StartsWith("file://", StringComparison.OrdinalIgnoreCase) && Uri.TryCreate(uri, UriKind.Absolute, out var file) && file.IsLoopback)
        {
            return (file.LocalPath, false);
        }

        var isVolume = SeriesUri.TryParse(uri) is not null || EntryUri.TryParse(uri) is not null || FrameUri.Split(uri).Frame is not null;
        return RemotePlaces.IsOne(uri) ? (uri, isVolume)
            : uri.Contains("://", StringComparison.Ordinal) || uri.Contains('\0', StringComparison.Ordinal)
            ? (null, false)
            : (Path.GetFullPath(uri, folder), isVolume);
    }
}
