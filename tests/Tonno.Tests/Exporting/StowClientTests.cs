using System.Net;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Exporting;
using ToNNO.Tonno.Tests.DicomWeb;

namespace ToNNO.Tonno.Tests.Exporting;

/// <summary>A PACS that answers what a test wants.</summary>
public sealed class StowClientTests : IDisposable
{
    private const string Uid = "2.25.7";
    private readonly TemporaryFolder _folder = new();
    private readonly HttpListener _pacs = new();
    private readonly string _address = $"http://127.0.0.1:{FreePorts.Find(1)[0]}/web/";
    private readonly List<(string Line, string? Authorization, string? Type, byte[] Body)> _asked = [];
    private readonly Queue<(int Status, string Body)> _answers = [];

    public StowClientTests()
    {
        File.WriteAllBytes(_folder["heatmap.dcm"], [1, 2, 3, 4]);
        _pacs.Prefixes.Add(_address);
        _pacs.Start();
        _ = _pacs.ServeAsync(AnswerAsync);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _pacs.Close();
        _folder.Dispose();
    }

    [Fact]
    public async Task Store_InstanceIsNotThere_AskedForAndSentAsOnePart()
    {
        Answer((204, ""), (200, "{}"));
        Assert.True(await StoreAsync(new() { [StowClient.TokenVariable] = "t0ken" }));
        Assert.Equal([$"GET /web/instances?SOPInstanceUID={Uid}", "POST /web/studies"], _asked.Select(one => one.Line));
        Assert.All(_asked, one => Assert.Equal("Bearer t0ken", one.Authorization));
        Assert.StartsWith("multipart/related; boundary=", _asked[1].Type, StringComparison.Ordinal);
        Assert.Contains("type=\"application/dicom\"", _asked[1].Type, StringComparison.Ordinal);
        var body = Encoding.Latin1.GetString(_asked[1].Body);
        Assert.Contains("Content-Type: application/dicom\r\n\r\n\u0001\u0002\u0003\u0004\r\n--", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(204, true)]
    [InlineData(404, false)]
    [InlineData(405, false)]
    public async Task Remove_Study_ToldWhetherThePacsDoes(int status, bool removed)
    {
        Answer((status, ""));
        using var client = Client(new() { [StowClient.TokenVariable] = "t0ken" });
        Assert.Equal(removed, await client.TryRemoveAsync(Uid, Token));
        Assert.Equal(($"DELETE /web/studies/{Uid}", "Bearer t0ken"), (Assert.Single(_asked).Line, _asked[0].Authorization));
    }

    [Fact]
    public async Task Store_InstanceIsThere_NotSent()
    {
        Answer((200, """[{"00080018": {"vr": "UI", "Value": ["2.25.7"]}}]"""));
        Assert.False(await StoreAsync());
        Assert.Single(_asked);
    }

    /// <summary>Some pass over what they are asked by, and tell of all that they hold.</summary>
    [Theory]
    [InlineData("""[{"00080018": {"vr": "UI", "Value": ["2.25.8"]}}, {"00080018": {}}, 3, {}]""")]
    [InlineData("""[{"00080018": {"vr": "UI", "Value": [2.25]}}]""")]
    [InlineData("""{"00080018": {"vr": "UI", "Value": ["2.25.7"]}}""")]
    public async Task Store_PacsAnswersWithOtherInstances_Sent(string answer)
    {
        Answer((200, answer), (200, "{}"));
        Assert.True(await StoreAsync());
    }

    [Fact]
    public async Task Store_TakenWithAWarning_Sent()
    {
        Answer((204, ""), (202, """{"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.7"]}, "00081196": {"vr": "US", "Value": [45056]}}]}}"""));
        Assert.True(await StoreAsync());
    }

    [Fact]
    public async Task Store_PacsThatCannotSearchOrAnswersInXml_Sent()
    {
        Answer((501, "<no/>"), (200, "<stored/>"));
        Assert.True(await StoreAsync());
    }

    [Fact]
    public async Task Store_PacsIsBusyForAWhile_SentWhenItIsNot()
    {
        Answer((503, ""), (204, ""), (503, ""), (429, ""), (200, "{}"));
        Assert.True(await StoreAsync());
        Assert.Equal(5, _asked.Count);
    }

    [Theory]
    [InlineData(409, """{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [290]}}]}}""", "failure reason 0122 (class not supported)")]
    [InlineData(202, """{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [42752]}}]}}""", "failure reason A700 (out of resources)")]
    [InlineData(202, "<some were not stored/>", "failure reason 0000 (no standard reason)")]
    [InlineData(202, """{"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.8"]}}]}}""", "failure reason 0000 (no standard reason)")]
    [InlineData(409, "Zzyzx^Quirinius is not welcome", "status 409")]
    [InlineData(302, "", "status 302")]
    [InlineData(413, "[]", "status 413")]
    public async Task Store_PacsRefusesTheInstance_ThatVolumesFailureByCode(int status, string body, string because)
    {
        Answer((204, ""), (status, body));
        var refused = await Assert.ThrowsAsync<ExportException>(() => StoreAsync());
        Assert.Equal(("pacs.refused", (int?)null), (refused.Code, refused.ExitCode));
        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Zzyzx", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "pacs.unauthorized", 2)]
    [InlineData(403, "pacs.unauthorized", 2)]
    [InlineData(404, "pacs.address_invalid", 2)]
    [InlineData(503, "pacs.unreachable", 4)]
    public async Task Store_PacsThatTakesNothing_EndsTheExport(int status, string code, int exitCode)
    {
        Answer([.. Enumerable.Repeat((status, ""), 20)]);
        var refused = await Assert.ThrowsAsync<ExportException>(() => StoreAsync());
        Assert.Equal((code, (int?)exitCode), (refused.Code, refused.ExitCode));
    }

    private void Answer(params (int, string)[] answers)
    {
        foreach (var answer in answers)
        {
            _answers.Enqueue(answer);
        }
    }

    private StowClient Client(Dictionary<string, string>? environment) =>
        new(_address.TrimEnd('/'), name => environment?.GetValueOrDefault(name), TimeSpan.FromSeconds(2), TimeProvider.System);

    private async Task<bool> StoreAsync(Dictionary<string, string>? environment = null)
    {
        using var client = Client(environment);
        return await client.StoreAsync("heatmap.dcm", () => File.OpenRead(_folder["heatmap.dcm"]), Uid, new VolumeId("a"), Token);
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        _asked.Add(($"{context.Request.HttpMethod} {context.Request.RawUrl}", context.Request.Headers["Authorization"], context.Request.ContentType, body.ToArray()));
        var (status, text) = _answers.Dequeue();
        context.Response.StatusCode = status;
        await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(text));
    }
}
