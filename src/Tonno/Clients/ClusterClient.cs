using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Clients;

/// <summary>A client of the HTTP API.</summary>
internal sealed class ClusterClient : IDisposable
{
    /// <summary>Listing a large archive's sources takes its time.</summary>
    private static readonly TimeSpan _submissionPatience = TimeSpan.FromMinutes(30);

    /// <summary>A node that does not answer for so long is frozen or cut off.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    /// <summary>Events come every few seconds at least, so a stream that is silent for so long has no sender any more.</summary>
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(30);

    /// <summary>What a view leaves out is null.</summary>
    private static readonly JsonSerializerOptions _json = new(Documents.Json) { RespectRequiredConstructorParameters = false };

    private readonly HttpClient _http;

    /// <param name="address">Where a coordinator serves HTTP.</param>
    /// <param name="token">The API's token, or empty.</param>
    public ClusterClient(Uri address, string token)
    {
        _http = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        if (token.Length > 0)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>True where the address has proved to be a coordinator's.</summary>
    public bool HasAnswered { get; private set; }

    public void Dispose() => _http.Dispose();

    public Task<SubmittedView> SubmitAsync(RunOrder order, CancellationToken cancel) => SendAsync<SubmittedView>(HttpMethod.Post, "api/v1/runs", order, cancel, _submissionPatience);

    public async Task<IReadOnlyList<RunView>> RunsAsync(CancellationToken cancel) => (await SendAsync<RunListView>(HttpMethod.Get, "api/v1/runs", null, cancel).ConfigureAwait(false)).Runs;

    public Task<RunView> RunAsync(string run, CancellationToken cancel) => SendAsync<RunView>(HttpMethod.Get, PathOf(run), null, cancel);

    /// <param name="control">pause, resume or cancel.</param>
    public Task<RunView> ControlAsync(string run, string control, CancellationToken cancel) => SendAsync<RunView>(HttpMethod.Post, $"{PathOf(run)}/{control}", null, cancel);

    public Task<RunView> PrioritizeAsync(string run, int priority, CancellationToken cancel) =>
        SendAsync<RunView>(HttpMethod.Put, $"{PathOf(run)}/priority", new PriorityView(priority), cancel);

    public Task<ClusterView> ClusterAsync(CancellationToken cancel) => SendAsync<ClusterView>(HttpMethod.Get, "api/v1/cluster", null, cancel);

    /// <summary>The volumes of a run, those in one state alone where it is given.</summary>
    public async IAsyncEnumerable<VolumeView> VolumesAsync(string run, VolumeState? state, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var (page, pages) = (0, 1); page < pages; page++)
        {
            var view = await VolumePageAsync(run, page, state, cancel).ConfigureAwait(false);
            pages = view.Pages;
            foreach (var volume in view.Volumes)
            {
                yield return volume;
            }
        }
    }

    /// <summary>A page of a run's volumes.</summary>
    /// <inheritdoc cref="VolumesAsync"/>
    public Task<VolumePageView> VolumePageAsync(string run, int page, VolumeState? state, CancellationToken cancel) =>
        SendAsync<VolumePageView>(HttpMethod.Get, $"{PathOf(run)}/volumes?page={page}{(state is { } one ? $"&state={one}" : "")}", null, cancel);

    /// <summary>What happens to a run from now on, until it ends or the connection does.</summary>
    public async IAsyncEnumerable<RunEventView> EventsAsync(string run, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{PathOf(run)}/events");
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _patience, cancel).ConfigureAwait(false);
        using var alive = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var events = SseParser.Create(stream, (_, data) => JsonSerializer.Deserialize<RunEventView>(data, _json)!).EnumerateAsync(alive.Token).GetAsyncEnumerator(alive.Token);
            await using (events.ConfigureAwait(false))
            {
                while (await NextAsync(events, alive, cancel).ConfigureAwait(false))
                {
                    yield return events.Current.Data;
                }
            }
        }
    }

    /// <summary>A connection that breaks or falls silent ends the events: the node may be gone, the run is not.</summary>
    private static async Task<bool> NextAsync(IAsyncEnumerator<SseItem<RunEventView>> events, CancellationTokenSource alive, CancellationToken cancel)
    {
        alive.CancelAfter(_silence);
        try
        {
            return await events.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException || (broken is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }

    private static string PathOf(string run) => $"api/v1/runs/{Uri.EscapeDataString(run)}";

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? content, CancellationToken cancel, TimeSpan? patience = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content is null ? null : JsonContent.Create(content, content.GetType(), options: Documents.Json) };
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, patience ?? _patience, cancel).ConfigureAwait(false);
        return await response.Content.ReadFromJsonAsync<T>(_json, cancel).ConfigureAwait(false)
            ?? throw new CommandException(ExitCodes.NothingDone, "api.unreadable", $"The answer of {_http.BaseAddress} is none of a ToNNO coordinator's; check the address.");
    }

    /// <exception cref="CommandException">The node cannot be reached or refuses, with its reason code.</exception>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption until, TimeSpan patience, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(patience);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, until, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new CommandException(ExitCodes.NothingDone, "api.unreachable", $"The coordinator at {_http.BaseAddress} took the request and did not answer within {patience.TotalMinutes:0} min; look at its log, or ask another by --api.");
        }
        catch (HttpRequestException unreachable)
        {
            throw new CommandException(ExitCodes.NothingDone, "api.unreachable", $"No coordinator answers at {_http.BaseAddress}: {unreachable.Message}. Give its address by --api or {ClusterOptions.AddressVariable}.");
        }

        if (response.IsSuccessStatusCode)
        {
            HasAnswered = true;
            return response;
        }

        using (response)
        {
            var problem = await ReadProblemAsync(response, cancel).ConfigureAwait(false);
            throw new CommandException(
                IsRefusedOrder(response.StatusCode, problem?.Code) ? ExitCodes.Usage : ExitCodes.NothingDone,
                problem?.Code ?? "api.refused",
                problem?.Detail ?? $"{_http.BaseAddress} answered {(int)response.StatusCode} {response.ReasonPhrase}; check the address.");
        }
    }

    /// <summary>True where the order itself is at fault, as <c>tonno run</c> would say with the same exit code; sources without volumes are not.</summary>
    private static bool IsRefusedOrder(System.Net.HttpStatusCode status, string? code) => status is System.Net.HttpStatusCode.BadRequest or System.Net.HttpStatusCode.Unauthorized
        || (status == System.Net.HttpStatusCode.UnprocessableEntity && code?.StartsWith("input.", StringComparison.Ordinal) == false);

    private static async Task<Problem?> ReadProblemAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<Problem>(_json, cancel).ConfigureAwait(false);
        }
        catch (Exception other) when (other is JsonException or NotSupportedException)
        {
            return null; // not one of our nodes
        }
    }

    private sealed record Problem(string? Code, string? Detail);
}
