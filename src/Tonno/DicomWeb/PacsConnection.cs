using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace ToNNO.Tonno.DicomWeb;

/// <summary>HTTP to the DICOMweb service of a PACS: as whom, for how long, and how often again.</summary>
/// <remarks>What a PACS answers in words is not passed on, since it may name a patient: only codes are.</remarks>
internal sealed class PacsConnection : IDisposable
{
    /// <summary>A large file over a slow line.</summary>
    private static readonly TimeSpan _mostForOne = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http;
    private readonly PacsIdentity _identity;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;

    /// <param name="service">What <c>studies</c> is added to; ends in '/'.</param>
    /// <param name="environment">Gives a variable's value.</param>
    /// <param name="patience">How long to try again a PACS that does not answer, or says that it cannot now.</param>
    /// <param name="mostUntilAnswer">How long an answer may take to begin, what is sent included.</param>
    public PacsConnection(Uri service, PacsIdentity identity, Func<string, string?> environment, TimeSpan patience, TimeSpan mostUntilAnswer, TimeProvider time)
    {
        (Service, _identity, _patience, _time) = (service, identity, patience, time);
        // No redirects: a token is for the host that it was given for.
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = service, Timeout = mostUntilAnswer };
        _http.DefaultRequestHeaders.Authorization =
            environment(identity.TokenVariable) is { Length: > 0 } token ? new AuthenticationHeaderValue("Bearer", token)
            : environment(identity.BasicVariable) is { Length: > 0 } basic ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)))
            : null;
    }

    public Uri Service { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends a request and takes the answer, again and again while the PACS cannot take the one or breaks off the other.</summary>
    /// <param name="take">Reads the answer; an <see cref="IOException"/> says that it was cut.</param>
    /// <exception cref="PacsException">Unreachable, Unauthorized; others are of <paramref name="take"/>.</exception>
    public async Task<T> AskAsync<T>(Func<HttpRequestMessage> make, Func<HttpResponseMessage, CancellationToken, Task<T>> take, CancellationToken cancel)
    {
        var (begun, pause) = (_time.GetTimestamp(), _firstPause);
        while (true)
        {
            string because;
            Exception? failure = null;
            using (var request = make())
            using (var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel))
            {
                deadline.CancelAfter(_mostForOne);
                try
                {
                    using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
                    if (!MayPass(answer.StatusCode))
                    {
                        return answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
                            ? throw new PacsException(PacsFault.Unauthorized, $"The PACS does not let this program in: set {_identity.TokenVariable}, or {_identity.BasicVariable} to USER:PASSWORD.")
                            : await take(answer, deadline.Token).ConfigureAwait(false);
                    }

                    because = $"it answers {(int)answer.StatusCode}";
                }
                catch (Exception failed) when (failed is HttpRequestException or IOException || (failed is OperationCanceledException && !cancel.IsCancellationRequested))
                {
                    (because, failure) = (Word(failed), failed);
                }
            }

            if (_time.GetElapsedTime(begun) + pause > _patience)
            {
                throw new PacsException(PacsFault.Unreachable, $"The PACS at {Service} could not be reached for {_patience.TotalSeconds:0} s ({because}): try again when it can.", failure);
            }

            await Task.Delay(pause, _time, cancel).ConfigureAwait(false);
            pause = pause * 2 < _longestPause ? pause * 2 : _longestPause;
        }
    }

    /// <summary>The body of an answer.</summary>
    /// <returns>Null where it is longer than it may be.</returns>
    public static async Task<ReadOnlyMemory<byte>?> BytesAsync(HttpResponseMessage answer, int mostBytes, CancellationToken cancel)
    {
        var body = await answer.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var (bytes, window) = (new MemoryStream(), new byte[1 << 16]);
        int read;
        while ((read = await body.ReadAsync(window, cancel).ConfigureAwait(false)) > 0)
        {
            bytes.Write(window, 0, read);
            if (bytes.Length > mostBytes)
            {
                return null;
            }
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static bool MayPass(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
        or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    /// <summary>The runtime quotes an answer that is no HTTP, and so what may name a patient.</summary>
    private static string Word(Exception failed) => failed switch
    {
        OperationCanceledException => "it does not answer in time",
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } or HttpIOException { HttpRequestError: HttpRequestError.InvalidResponse } => "its answer is no HTTP",
        _ => failed.Message,
    };
}

/// <summary>The variables that say as whom a PACS is asked.</summary>
/// <param name="TokenVariable">Of a bearer token.</param>
/// <param name="BasicVariable">Of a user's name and password, with a colon between.</param>
internal sealed record PacsIdentity(string TokenVariable, string BasicVariable);
