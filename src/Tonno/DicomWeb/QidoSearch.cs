using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace ToNNO.Tonno.DicomWeb;

/// <summary>Searches a PACS by QIDO-RS (PS3.18, 10.6), page by page to the end.</summary>
internal static class QidoSearch
{
    /// <summary>Tags of what is found.</summary>
    public const string StudyInstanceUid = "0020000D";
    public const string SeriesInstanceUid = "0020000E";
    public const string SopInstanceUid = "00080018";

    private const int PageSize = 500;

    /// <summary>Of one page: 64 kB for each of its finds.</summary>
    private const int MostPageBytes = PageSize << 16;
    private const int LongestUid = 64;

    /// <summary>PS3.18, 8.3.4: more was found than the answer holds.</summary>
    private const int MoreWarning = 299;
    private static readonly SearchValues<char> _uid = SearchValues.Create("0123456789.");

    /// <summary>Finds all that match, each once, by their UIDs.</summary>
    /// <remarks>A page that is short is not the last for that: a PACS may give fewer than it was asked for. The last is one that is empty.</remarks>
    /// <param name="resource">What is searched, from the service on.</param>
    /// <param name="filter">Empty for all.</param>
    /// <param name="tags">Of the UIDs to tell.</param>
    /// <exception cref="PacsException">It fails, or there is no such service.</exception>
    public static async Task<IReadOnlyList<string[]>> AllAsync(PacsConnection pacs, string resource, string filter, string[] tags, CancellationToken cancel)
    {
        var (found, known, offset) = (new List<string[]>(), new HashSet<string>(StringComparer.Ordinal), 0);
        while (true)
        {
            var (page, isCut) = await pacs.AskAsync(
                () => Request($"{resource}?{(filter.Length > 0 ? filter + "&" : "")}limit={PageSize}&offset={offset}"), (answer, deadline) => PageAsync(answer, resource, tags, deadline), cancel).ConfigureAwait(false);
            var fresh = page.Where(uids => known.Add(string.Join('/', uids))).ToList();
            if (fresh.Count == 0)
            {
                // One that knows no pages gives the first again. If that was all, well; else the rest cannot be had.
                return isCut || page.Count >= PageSize
                    ? throw Invalid($"gives the same {page.Count} finds again when it is asked for more")
                    : found;
            }

            found.AddRange(fresh);
            offset += page.Count;
        }
    }

    private static HttpRequestMessage Request(string uri)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/dicom+json"));
        return request;
    }

    private static async Task<(IReadOnlyList<string[]> Finds, bool IsCut)> PageAsync(HttpResponseMessage answer, string resource, string[] tags, CancellationToken cancel)
    {
        switch (answer.StatusCode)
        {
            case HttpStatusCode.OK:
                break;
            case HttpStatusCode.NoContent:
                return ([], false);
            case HttpStatusCode.NotFound when resource.Contains('/', StringComparison.Ordinal): // of a study or series that it does not hold
                return ([], false);
            case HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed:
                throw new PacsException(PacsFault.AddressInvalid, "Nothing searches for DICOM series at this address: give that of the PACS's DICOMweb service.");
            case HttpStatusCode.BadRequest:
                throw new PacsException(PacsFault.AddressInvalid, "The PACS does not take this search (status 400): look at the filter of its address.");
            default:
                throw Invalid($"answers {(int)answer.StatusCode}");
        }

        var page = await PacsConnection.BytesAsync(answer, MostPageBytes, cancel).ConfigureAwait(false) ?? throw Invalid($"answers more than {MostPageBytes >> 20} MiB");
        return (Finds(page, tags), answer.Headers.Warning.Any(warning => warning.Code == MoreWarning));
    }

    /// <summary>The UIDs of each find of a page.</summary>
    /// <exception cref="PacsException">It is no list of finds with sound UIDs.</exception>
    internal static IReadOnlyList<string[]> Finds(ReadOnlyMemory<byte> page, string[] tags)
    {
        try
        {
            using var document = JsonDocument.Parse(page);
            return document.RootElement.ValueKind == JsonValueKind.Array
                ? [.. document.RootElement.EnumerateArray().Select(find => tags.Select(tag => Uid(find, tag)).ToArray())]
                : throw Invalid("answers no list");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) // half of a letter that takes two
        {
            throw Invalid("answers no JSON"); // whose words are the PACS's
        }
    }

    /// <summary>A UID is part of what is asked for next, so it must be one.</summary>
    private static string Uid(JsonElement find, string tag) =>
        find.ValueKind == JsonValueKind.Object && find.TryGetProperty(tag, out var element) && element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty("Value", out var values) && values.ValueKind == JsonValueKind.Array && values.GetArrayLength() == 1
        && values[0] is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 and <= LongestUid } uid && !uid.AsSpan().ContainsAnyExcept(_uid)
        && uid.Trim('.').Length == uid.Length
            ? uid
            : throw Invalid("finds something without a sound UID");

    private static PacsException Invalid(string what) => new(PacsFault.AnswerInvalid, $"The PACS {what}, so what it holds cannot be told: look whether it speaks QIDO-RS.");
}
