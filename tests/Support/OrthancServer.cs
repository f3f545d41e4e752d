using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ToNNO.Tests.Support;

/// <summary>Debian's Orthanc with its DICOMweb plugin, on a free port of this machine; tests without it say that they are skipped.</summary>
internal sealed class OrthancServer : IAsyncDisposable
{
    public const string User = "tonno";

    private const string Plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);
    private readonly TemporaryFolder _folder;
    private readonly Process _process;
    private readonly Task _drained;
    private readonly HttpClient _http;

    private OrthancServer(TemporaryFolder folder, Process process, Uri address, string password)
    {
        (_folder, _process, Password) = (folder, process, password);
        _drained = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        _http = new HttpClient { BaseAddress = address };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{password}")));
        _http.DefaultRequestHeaders.Accept.Add(new("application/dicom+json"));
    }

    /// <summary>Of its DICOMweb service.</summary>
    public string Address => $"{_http.BaseAddress}dicom-web";

    public string Password { get; }

    /// <param name="settings">Other settings than a few of our own; ports, folders and users are this server's in any case.</param>
    public static async Task<OrthancServer> StartAsync(JsonObject? settings = null)
    {
        if (!File.Exists(Plugin))
        {
            Assert.Skip("Orthanc with its DICOMweb plugin is not installed (Debian: orthanc, orthanc-dicomweb): whether a PACS takes the results cannot be looked at.");
        }

        var (folder, ports, password) = (new TemporaryFolder(), FreePorts.Find(2), Guid.NewGuid().ToString("N"));
        var (port, all) = (ports[0], settings ?? new JsonObject
        {
            ["DicomServerEnabled"] = false,
            ["RemoteAccessAllowed"] = false,
            ["AuthenticationEnabled"] = true,
            ["Plugins"] = new JsonArray(Plugin),
        });
        (all["HttpPort"], all["DicomPort"], all["StorageDirectory"], all["IndexDirectory"], all["TemporaryDirectory"]) = (port, ports[1], folder["db"], folder["db"], folder.Path);
        Directory.CreateDirectory(folder["settings"]);
        await File.WriteAllTextAsync(folder["settings/orthanc.json"], all.ToJsonString());
        await File.WriteAllTextAsync(folder["settings/users.json"], new JsonObject { ["RegisteredUsers"] = new JsonObject { [User] = password } }.ToJsonString());
        var server = new OrthancServer(folder, Start(folder["settings"]), new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/")), password);
        await server.UntilReadyAsync();
        return server;
    }

    /// <summary>An instance by WADO-RS: the body of the answer, which holds the file as its one part.</summary>
    public async Task<byte[]> RetrieveAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"dicom-web/{path}", UriKind.Relative));
        request.Headers.Accept.ParseAdd("multipart/related; type=\"application/dicom\"");
        using var answer = await _http.SendAsync(request);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
    }

    public async Task<JsonElement> QueryAsync(string path) => JsonDocument.Parse(await _http.GetStringAsync(new Uri($"dicom-web/{path}", UriKind.Relative))).RootElement;

    /// <summary>Puts an instance in by Orthanc's own door.</summary>
    public async Task AddAsync(string file)
    {
        using var content = new ByteArrayContent(await File.ReadAllBytesAsync(file));
        using var answer = await _http.PostAsync(new Uri("instances", UriKind.Relative), content);
        answer.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _drained;
        _process.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    private static Process Start(string settings)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("Orthanc", [settings]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception)
        {
            Assert.Skip("Orthanc is not installed: whether a PACS takes the results cannot be looked at.");
            throw;
        }
    }

    private async Task UntilReadyAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri("system", UriKind.Relative));
                answer.EnsureSuccessStatusCode();
                return;
            }
            catch (HttpRequestException) when (!_process.HasExited && Stopwatch.GetElapsedTime(begun) < _patience)
            {
                await Task.Delay(50);
            }
        }
    }
}
