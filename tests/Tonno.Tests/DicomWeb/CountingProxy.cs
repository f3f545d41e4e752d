using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using ToNNO.Tests.Support;

namespace ToNNO.Tonno.Tests.DicomWeb;

/// <summary>An HTTP proxy before a server on this machine that notes what is asked for.</summary>
internal sealed class CountingProxy : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly HttpClient _server = new();
    private readonly Uri _target;
    private readonly ConcurrentQueue<string> _asked = [];

    /// <param name="target">The server's service.</param>
    public CountingProxy(string target)
    {
        _target = new Uri(target);
        var host = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePorts.Find(1)[0]}");
        Address = $"http://{host}{_target.AbsolutePath}";
        _listener.Prefixes.Add($"http://{host}/");
        _listener.Start();
        _ = _listener.ServeAsync(AnswerAsync);
    }

    /// <summary>The service as clients are to ask for it.</summary>
    public string Address { get; }

    /// <summary>Paths and queries since the last time, from the service on.</summary>
    public IReadOnlyList<string> TakeAsked()
    {
        var asked = new List<string>();
        while (_asked.TryDequeue(out var one))
        {
            asked.Add(one);
        }

        return asked;
    }

    public void Dispose()
    {
        _listener.Close();
        _server.Dispose();
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        _asked.Enqueue(context.Request.RawUrl![_target.AbsolutePath.Length..].TrimStart('/'));
        try
        {
            using var request = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), new Uri(_target, context.Request.RawUrl));
            foreach (var name in new[] { "Accept", "Authorization" })
            {
                request.Headers.TryAddWithoutValidation(name, context.Request.Headers[name]);
            }

            using var answer = await _server.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            await (await answer.Content.ReadAsStreamAsync()).CopyToAsync(context.Response.OutputStream);
        }
        catch (Exception broken) when (broken is HttpListenerException or HttpRequestException or IOException or ObjectDisposedException)
        {
            context.Response.Abort(); // whoever asked has what he wanted, or the test is over
        }
    }
}
