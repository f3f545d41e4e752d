using System.Net;
using System.Text;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Tests.DicomWeb;

/// <summary>A PACS that answers what a test wants.</summary>
public sealed class DicomWebFilesTests : IDisposable
{
    private const string Series = "/web/studies/1.1/series/2.1/instances";
    private readonly HttpListener _pacs = new();
    private readonly string _host = $"127.0.0.1:{FreePorts.Find(1)[0]}";
    private readonly List<(string Uri, string? Authorization, string? Accept)> _asked = [];

    /// <summary>By path and query, or the path alone; each time the first of several, and the last again and again.</summary>
    private readonly Dictionary<string, Queue<Action<HttpListenerResponse>>> _answers = [];

    public DicomWebFilesTests()
    {
        _pacs.Prefixes.Add($"http://{_host}/");
        _pacs.Start();
        _ = _pacs.ServeAsync(AnswerAsync);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Service => $"dicomweb+http://{_host}/web";

    public void Dispose() => _pacs.Close();

    /// <summary>A PACS that gives two at a time, whatever it is asked for, and knows the offset.</summary>
    [Fact]
    public void List_PacsThatCapsItsAnswers_AllInstancesOfAllSeriesOnce()
    {
        Answer("/web/series?Modality=CT&limit=500&offset=0", Found(("1.1", "2.1"), ("1.1", "2.2")));
        Answer("/web/series?Modality=CT&limit=500&offset=2", Found(("1.1", "2.2"), ("1.2", "2.3")));
        Answer("/web/series?Modality=CT&limit=500&offset=4", Text(204, ""));
        Answer($"{Series}?limit=500&offset=0", Found("3.1", "3.2"));
        Answer($"{Series}?limit=500&offset=2", Found("3.3"));
        Answer($"{Series}?limit=500&offset=3", Text(200, "[]"));
        Answer("/web/studies/1.1/series/2.2/instances", Text(200, "[]"));
        Answer("/web/studies/1.2/series/2.3/instances", Found("3.9")); // knows no pages, and gives all each time
        var files = Files(new() { ["TONNO_DICOMWEB__TOKEN"] = "t0ken" }).List($"{Service}?Modality=CT", below: true, Token);
        Assert.Equal(
            ["studies/1.1/series/2.1/instances/3.1", "studies/1.1/series/2.1/instances/3.2", "studies/1.1/series/2.1/instances/3.3", "studies/1.1/series/2.2/instances", "studies/1.2/series/2.3/instances/3.9"],
            files.Select(file => file[(Service.Length + 1)..]));
        Assert.All(_asked, asked => Assert.Equal(("Bearer t0ken", "application/dicom+json"), (asked.Authorization, asked.Accept)));
        Assert.Equal("file.missing", Assert.Throws<ImagingException>(() => Files().Open(files[3], 100)).Code);
    }

    [Fact]
    public void List_PacsThatHasMoreButKnowsNoPages_Refused()
    {
        Answer("/web/series", answer =>
        {
            answer.AddHeader("Warning", "299 pacs \"There are more of Zzyzx^Quirinius\"");
            Found(("1.1", "2.1"))(answer);
        });
        Refused("pacs.answer_invalid", () => Files().List(Service, below: true, Token));
    }

    [Theory]
    [InlineData(401, "", "pacs.unauthorized", BlobStoreError.NoIdentity)]
    [InlineData(403, "", "pacs.unauthorized", BlobStoreError.NoIdentity)]
    [InlineData(404, "", "pacs.address_invalid", BlobStoreError.InvalidAddress)]
    [InlineData(400, "Zzyzx", "pacs.address_invalid", BlobStoreError.InvalidAddress)]
    [InlineData(302, "", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(500, "Zzyzx", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(503, "Zzyzx", "pacs.unreachable", BlobStoreError.Unavailable)]
    [InlineData(200, "Zzyzx", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(200, "{}", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(200, "[{}]", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(200, """[{"0020000D": {"Value": ["1"]}, "0020000E": {"Value": ["../Zzyzx"]}}]""", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    [InlineData(200, """[{"0020000D": {"Value": ["1"]}, "0020000E": {"Value": [".."]}}]""", "pacs.answer_invalid", BlobStoreError.Unavailable)]
    public void List_PacsThatFails_OneSentenceByCodeWithoutItsWords(int status, string body, string code, BlobStoreError error)
    {
        Answer("/web/series", Text(status, body));
        Assert.Equal(error, Refused(code, () => Files().List(Service, below: true, Token)).Error);
    }

    [Fact]
    public void List_SeriesThatIsNotThere_NoFiles()
    {
        Answer(Series, Text(404, ""));
        Assert.Empty(Files().List($"{Service}/studies/1.1/series/2.1", below: false, Token));
    }

    [Fact]
    public void Open_Instance_AsItIsStoredAndAsMuchAsIsAskedFor()
    {
        Answer($"{Series}/3.1", Part([1, 2, 3, 4, 5]));
        using var whole = Files().Open(Instance, long.MaxValue);
        Assert.Equal((5, 5), (whole.Length, whole.Read(new byte[9])));
        using var start = Files().Open(Instance, 2);
        Assert.Equal((5, 2), (start.Length, start.Read(new byte[9])));
        Assert.Equal("multipart/related; type=\"application/dicom\"; transfer-syntax=*", _asked[0].Accept);
    }

    [Fact]
    public void Open_AnswerThatIsCut_AskedForAgain()
    {
        Answer($"{Series}/3.1", answer =>
        {
            answer.ContentType = "multipart/related; boundary=b";
            answer.OutputStream.Write("--b\r\n\r\n12"u8); // and ends
        }, Text(503, ""), Part([7]));
        using var stream = Files().Open(Instance, long.MaxValue);
        Assert.Equal((1, 7), (stream.Length, stream.ReadByte()));
    }

    [Theory]
    [InlineData(404, "text/plain", "Zzyzx", "")]
    [InlineData(410, "text/plain", "Zzyzx", "")]
    [InlineData(406, "text/plain", "Zzyzx", "pacs.answer_invalid")]
    [InlineData(200, "text/html", "<p>Zzyzx</p>", "pacs.answer_invalid")]
    [InlineData(200, "multipart/related; boundary=b", "--b\r\n\r\nZzyzx\r\n--b\r\n\r\n2\r\n--b--", "pacs.answer_invalid")]
    [InlineData(200, "multipart/related; boundary=b", "--b\r\n\r\nZzyzx\r\n", "pacs.unreachable")]
    public void Open_PacsThatFails_GoneOrOneSentenceByCode(int status, string type, string body, string code)
    {
        Answer($"{Series}/3.1", answer =>
        {
            answer.ContentType = type;
            Text(status, body)(answer);
        });
        if (code.Length == 0)
        {
            Assert.Throws<FileNotFoundException>(() => Files().Open(Instance, long.MaxValue));
        }
        else
        {
            Refused(code, () => Files().Open(Instance, long.MaxValue));
        }
    }

    [Fact]
    public void List_NobodyThere_Unreachable()
    {
        _pacs.Close();
        Refused("pacs.unreachable", () => Files().List(Service, below: true, Token));
    }

    private string Instance => $"{Service}/studies/1.1/series/2.1/instances/3.1";

    private static DicomWebFiles Files(Dictionary<string, string>? environment = null) => new(name => environment?.GetValueOrDefault(name), TimeSpan.FromSeconds(1.5));

    private static BlobStoreException Refused(string code, Func<object> ask)
    {
        var refused = Assert.Throws<BlobStoreException>(ask);
        Assert.Equal(code, refused.Code);
        Assert.DoesNotContain("Zzyzx", refused.Message, StringComparison.Ordinal);
        return refused;
    }

    private void Answer(string uri, params Action<HttpListenerResponse>[] answers) => _answers[uri] = new(answers);

    private static Action<HttpListenerResponse> Text(int status, string body) => answer =>
    {
        answer.StatusCode = status;
        if (status != 204)
        {
            answer.OutputStream.Write(Encoding.UTF8.GetBytes(body));
        }
    };

    private static Action<HttpListenerResponse> Found(params (string Study, string Series)[] series) => Text(
        200, $"[{string.Join(',', series.Select(one => $$$"""{"0020000D": {"vr": "UI", "Value": ["{{{one.Study}}}"]}, "0020000E": {"vr": "UI", "Value": ["{{{one.Series}}}"]}}"""))}]");

    private static Action<HttpListenerResponse> Found(params string[] instances) => Text(
        200, $"[{string.Join(',', instances.Select(one => $$$"""{"00080018": {"vr": "UI", "Value": ["{{{one}}}"]}}"""))}]");

    private static Action<HttpListenerResponse> Part(byte[] bytes) => answer =>
    {
        answer.ContentType = "multipart/related; type=\"application/dicom\"; boundary=\"b\"";
        answer.OutputStream.Write([.. "--b\r\nContent-Type: application/dicom\r\n\r\n"u8, .. bytes, .. "\r\n--b--\r\n"u8]);
    };

    private Task AnswerAsync(HttpListenerContext context)
    {
        var uri = context.Request.RawUrl!;
        _asked.Add((uri, context.Request.Headers["Authorization"], context.Request.Headers["Accept"]));
        var answers = _answers.GetValueOrDefault(uri) ?? _answers[uri.Split('?')[0]];
        (answers.Count > 1 ? answers.Dequeue() : answers.Peek())(context.Response);
        return Task.CompletedTask;
    }
}
