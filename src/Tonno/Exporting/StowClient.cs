using System.Net;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Exporting;

/// <summary>Sends DICOM files to a PACS by STOW-RS (PS3.18, 10.5).</summary>
/// <remarks>What a PACS answers in words is not passed on, since it may name a patient: only codes are.</remarks>
internal sealed class StowClient : IDisposable
{
    public const string TokenVariable = "TONNO_STOW__TOKEN";
    public const string BasicVariable = "TONNO_STOW__BASIC";

    private const string FailedSopSequence = "00081198";
    private const string ReferencedSopSequence = "00081199";
    private const string ReferencedSopInstanceUid = "00081155";
    private const string FailureReason = "00081197";

    /// <summary>Of an answer about one instance.</summary>
    private const int MostAnswerBytes = 1 << 20;

    /// <summary>Of a large file over a slow line.</summary>
    private static readonly TimeSpan _mostUntilAnswer = TimeSpan.FromMinutes(10);

    private readonly PacsConnection _pacs;

    /// <param name="address">Of the DICOMweb service: what <c>/studies</c> is added to.</param>
    /// <param name="environment">Gives a variable's value: a token, or a user's name and password with a colon between.</param>
    /// <param name="patience">How long to try again a PACS that does not answer, or says that it cannot now.</param>
    /// <exception cref="CommandException">The address is none of HTTP, or bears a password.</exception>
    public StowClient(string address, Func<string, string?> environment, TimeSpan patience, TimeProvider time)
    {
        if (!Uri.TryCreate(address.EndsWith('/') ? address : address + "/", UriKind.Absolute, out var uri)
            || uri is not { Scheme: "http" or "https", UserInfo: "", Query: "", Fragment: "" })
        {
            throw new CommandException(
                ExitCodes.Usage, "pacs.address_invalid", $"--stow takes the address of a DICOMweb service, as in http://pacs:8042/dicom-web, without a password: set {BasicVariable} or {TokenVariable}.");
        }

        _pacs = new PacsConnection(uri, new PacsIdentity(TokenVariable, BasicVariable), environment, patience, _mostUntilAnswer, time);
    }

    public void Dispose() => _pacs.Dispose();

    /// <summary>Sends a file, unless the PACS has the instance already.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="open">Opens it anew for each try.</param>
    /// <returns>True where it was sent.</returns>
    /// <exception cref="ExportException">There is no such service, or the PACS refuses the instance, this sender, or does not answer.</exception>
    public async Task<bool> StoreAsync(string name, Func<Stream> open, string instanceUid, VolumeId volume, CancellationToken cancel)
    {
        try
        {
            if (await HasAsync(instanceUid, cancel).ConfigureAwait(false))
            {
                return false;
            }

            var (status, failure) = await _pacs.AskAsync(
                () => StoreRequest(open()), async (answer, deadline) => (answer.StatusCode, await FailureAsync(answer, instanceUid, deadline).ConfigureAwait(false)), cancel).ConfigureAwait(false);
            if (failure is null && (int)status is >= 200 and < 300)
            {
                return true;
            }

            if (status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
            {
                throw new ExportException("pacs.address_invalid", $"Nothing takes DICOM at {_pacs.Service}studies: give the address of the PACS's DICOMweb service.", ExitCodes.Usage);
            }

            var because = failure is { } reason ? $"failure reason {reason:X4} ({Word(reason)})" : $"status {(int)status}";
            throw new ExportException("pacs.refused", $"The PACS refuses {name} of {volume}: {because}; look at its log, and whether it takes objects of this kind.");
        }
        catch (PacsException failed)
        {
            throw Failed(failed);
        }
    }

    /// <summary>Removes a study. DICOMweb knows of no such request, but many a PACS does.</summary>
    /// <returns>False where this one does not.</returns>
    /// <exception cref="ExportException">The PACS refuses this sender, or does not answer.</exception>
    public async Task<bool> TryRemoveAsync(string studyUid, CancellationToken cancel)
    {
        try
        {
            return await _pacs.AskAsync(
                () => Request(HttpMethod.Delete, $"studies/{studyUid}", null), (answer, _) => Task.FromResult(answer.IsSuccessStatusCode), cancel).ConfigureAwait(false);
        }
        catch (PacsException failed)
        {
            throw Failed(failed);
        }
    }

    private static ExportException Failed(PacsException failed) =>
        new(failed.Code, failed.Message, failed.Fault == PacsFault.Unreachable ? ExitCodes.NothingDone : ExitCodes.Usage, failed);

    /// <summary>Asks for the instance by its UID. Whoever does not answer that question, or answers with others, gets the instance.</summary>
    private Task<bool> HasAsync(string instanceUid, CancellationToken cancel) => _pacs.AskAsync(
        () => Request(HttpMethod.Get, $"instances?SOPInstanceUID={instanceUid}", null),
        async (answer, deadline) =>
        {
            using var found = answer.StatusCode == HttpStatusCode.OK ? await ReadAsync(answer, deadline).ConfigureAwait(false) : null;
            return found?.RootElement is { ValueKind: JsonValueKind.Array } instances && instances.EnumerateArray().Any(instance => Is(instance, QidoSearch.SopInstanceUid, instanceUid));
        },
        cancel);

    private static HttpRequestMessage StoreRequest(Stream file)
    {
        const string Type = "application/dicom";
        var part = new StreamContent(file);
        part.Headers.ContentType = new(Type);
        var content = new MultipartContent("related") { part };
        content.Headers.ContentType!.Parameters.Add(new("type", $"\"{Type}\""));
        return Request(HttpMethod.Post, "studies", content);
    }

    private static HttpRequestMessage Request(HttpMethod method, string resource, HttpContent? content)
    {
        var request = new HttpRequestMessage(method, resource) { Content = content };
        request.Headers.Accept.Add(new("application/dicom+json"));
        return request;
    }

    /// <summary>The reason of the first instance that was not stored; null where the answer tells of none. One that some were not, or not as they
    /// were sent, but does not say which (PS3.18, 10.5.3), is taken for a refusal.</summary>
    private static async Task<int?> FailureAsync(HttpResponseMessage answer, string instanceUid, CancellationToken cancel)
    {
        using var document = await ReadAsync(answer, cancel).ConfigureAwait(false);
        if (document is not null && Values(document.RootElement, FailedSopSequence) is [var failed, ..])
        {
            return Values(failed, FailureReason) is [var reason, ..] && reason.TryGetInt32(out var code) ? code : 0;
        }

        var isTold = document is not null && Values(document.RootElement, ReferencedSopSequence).Any(stored => Is(stored, ReferencedSopInstanceUid, instanceUid));
        return answer.StatusCode == HttpStatusCode.Accepted && !isTold ? 0 : null;
    }

    private static bool Is(JsonElement set, string tag, string uid) => Values(set, tag) is [{ ValueKind: JsonValueKind.String } value] && value.ValueEquals(uid);

    private static IReadOnlyList<JsonElement> Values(JsonElement set, string tag) =>
        set.ValueKind == JsonValueKind.Object && set.TryGetProperty(tag, out var element) && element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty("Value", out var values) && values.ValueKind == JsonValueKind.Array ? [.. values.EnumerateArray()] : [];

    /// <returns>Null where the answer is no JSON: some answer in XML, whatever is asked for; or far too long.</returns>
    private static async Task<JsonDocument?> ReadAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        try
        {
            return await PacsConnection.BytesAsync(answer, MostAnswerBytes, cancel).ConfigureAwait(false) is { } bytes ? JsonDocument.Parse(bytes) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>In the words of PS3.18, annex I.2.2.</summary>
    private static string Word(int reason) => reason switch
    {
        0x0110 => "processing failure",
        0x0117 => "invalid instance",
        0x0122 => "class not supported",
        0x0124 => "not authorized",
        0x0131 => "duplicate transaction",
        0xA700 => "out of resources",
        0xA900 => "data set does not match its class",
        0xC000 => "not understood",
        0xC122 => "transfer syntax not supported",
        _ => "no standard reason",
    };
}
