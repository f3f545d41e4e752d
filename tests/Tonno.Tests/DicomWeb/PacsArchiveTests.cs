using System.Text;
using System.Text.Json.Nodes;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Tests.Exporting;

namespace ToNNO.Tonno.Tests.DicomWeb;

/// <summary>What chooses, names and exports series of folders does so of series of a PACS, here Orthanc.</summary>
public sealed class PacsArchiveTests : IAsyncLifetime
{
    private const int SliceCount = 7;
    private const string StudyUid = "1.2.3";
    private const string ThinUid = "1.2.3.4";
    private const string ThickUid = "1.2.3.5";
    private readonly TemporaryFolder _folder = new();
    private OrthancServer? _orthanc;
    private CountingProxy? _pacs;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Address => $"dicomweb+{_pacs!.Address}";

    /// <summary>Two series of one study, one of thick slices, in a folder and in the PACS.</summary>
    public async ValueTask InitializeAsync()
    {
        _orthanc = await OrthancServer.StartAsync();
        _pacs = new CountingProxy(_orthanc.Address);
        await AddAsync("thin", ThinUid, "2", cycle: 50);
        await AddAsync("thick", ThickUid, "9", cycle: 30);
    }

    public async ValueTask DisposeAsync()
    {
        _pacs?.Dispose();
        if (_orthanc is not null)
        {
            await _orthanc.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Rules_SeriesOfAPacs_TakenAndLeftOutAsOfAFolder()
    {
        await File.WriteAllTextAsync(_folder["rules.yaml"], "take:\n  - name: thin\n    modality: CT\n    slices: {min: 5, max: 7}\n    thicknessMm: {max: 3}\n", Token);
        var (here, there) = (await PlanAsync(_folder["in"], "--rules", _folder["rules.yaml"]), await PlanAsync(Address, "--rules", _folder["rules.yaml"]));
        var taken = Assert.Single(there["volumes"]!.AsArray());
        Assert.Equal($"series-{Key(ThinUid)}", (string?)taken!["volumeId"]);
        Assert.Equal(here["rules"]!.ToJsonString(), there["rules"]!.ToJsonString());
        var left = Assert.Single(there["leftOut"]!.AsArray());
        Assert.Equal(("rules.not_taken", true), ((string?)left!["reason"], ((string?)left["source"])!.EndsWith($"#series={Key(ThickUid)}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Manifest_SeriesOfAPacs_TakenByItsAddressAndCalledByItsId()
    {
        await File.WriteAllTextAsync(_folder["archive.csv"], $"id,uri\nmine,{Address}/studies/{StudyUid}/series/{ThinUid}\ngone,{Address}/studies/{StudyUid}/series/1.9.9\n", Token);
        var run = await RunAsync(_folder["archive.csv"], "pacs");
        Assert.True(run.ExitCode == 3, run.ToString());
        Assert.Contains("file.missing", run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(_folder["in/thin"], "local")).ExitCode);
        Assert.Equal(await File.ReadAllBytesAsync(_folder["local/thin/heatmap.nii.gz"], Token), await File.ReadAllBytesAsync(_folder["pacs/mine/heatmap.nii.gz"], Token));
    }

    [Fact]
    public async Task Export_ResultsOfAPacs_ObjectsOfItsInstancesOnce()
    {
        await File.WriteAllTextAsync(_folder["archive.csv"], $"id,uri\nthin,{Address}/studies/{StudyUid}/series/{ThinUid}\n", Token);
        var run = await RunAsync(_folder["archive.csv"], "pacs", "--threshold", "50%");
        Assert.True(run.ExitCode == 0, run.ToString());
        var exported = await ToNnoAsync("export", _folder["pacs"], "--dicom", _folder["objects"], "--stow", _orthanc!.Address);
        Assert.True(exported.ExitCode == 0, exported.ToString());
        Assert.Equal(["heatmap.dcm", "segmentation.dcm"], Directory.GetFiles(_folder["objects/thin"]).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        var map = await File.ReadAllBytesAsync(_folder["objects/thin/heatmap.dcm"], Token);
        Assert.All(Enumerable.Range(0, SliceCount), at => Assert.True(map.AsSpan().IndexOf(Encoding.ASCII.GetBytes($"{ThinUid}.{at}")) > 0));
        Assert.Equal(2, (await _orthanc.QueryAsync($"studies/{StudyUid}/series")).EnumerateArray().Count(series => Text(series, "00080060") is "OT" or "SEG"));

        var again = await ToNnoAsync("export", _folder["pacs"], "--dicom", _folder["objects"], "--stow", _orthanc.Address);
        Assert.Contains("1 there already", again.Out, StringComparison.Ordinal);
        static string? Text(System.Text.Json.JsonElement set, string tag) => set.GetProperty(tag).GetProperty("Value")[0].GetString();
    }

    /// <summary>How often a PACS is asked for an instance; a step more for each is felt in an archive of millions.</summary>
    [Fact]
    public async Task Requests_PlanAndRunOfASeries_NoMoreThanItTakes()
    {
        await PlanAsync($"{Address}/studies/{StudyUid}/series/{ThinUid}");
        Assert.Equal(2 * SliceCount, Instances()); // to list, and for the headers
        var run = await RunAsync($"{Address}/studies/{StudyUid}/series/{ThinUid}", "pacs");
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Equal(6 * SliceCount, Instances()); // to list, to inspect, and twice each to encode and to publish

        int Instances() => _pacs!.TakeAsked().Count(path => path.Contains("/instances/", StringComparison.Ordinal));
    }

    private static string Key(string uid) => Imaging.Dicom.SeriesUri.KeyOf(uid);

    private async Task AddAsync(string folder, string uid, string thicknessMm, int cycle)
    {
        Directory.CreateDirectory(_folder[$"in/{folder}"]);
        var series = new DicomBytes { Columns = 12, Rows = 11, Series = uid, Pixel = at => (ushort)(at % cycle * 40) };
        foreach (var (at, slice) in series.Stack(SliceCount).Index())
        {
            var instance = slice with
            {
                Others = new Dictionary<uint, DicomAttribute?>
                {
                    [0x0008_0018] = new(0, "UI", $"{uid}.{at}"),
                    [0x0018_0050] = new(0, "DS", thicknessMm),
                    [0x0020_000D] = new(0, "UI", StudyUid),
                    [0x0020_0052] = new(0, "UI", "1.2.4"),
                },
            };
            var file = _folder[$"in/{folder}/{at}.dcm"];
            await File.WriteAllBytesAsync(file, instance.ToArray(), Token);
            await _orthanc!.AddAsync(file);
        }
    }

    private async Task<JsonNode> PlanAsync(string source, params string[] options)
    {
        var plan = await ToNnoAsync(["plan", "-i", source, "-m", "builtin:sum", "--directions", "8", "--slices-per-second", "10", "--json", .. options]);
        Assert.True(plan.ExitCode == 0, plan.ToString());
        return JsonNode.Parse(plan.Out)!;
    }

    private Task<TonnoRun> RunAsync(string source, string store, params string[] options) =>
        ToNnoAsync(["run", "-i", source, "-m", "builtin:sum", "--directions", "8", "--device", "cpu", "-q", "-o", _folder[store], .. options]);

    private Task<TonnoRun> ToNnoAsync(params string[] arguments)
    {
        var basic = $"{OrthancServer.User}:{_orthanc!.Password}";
        return TonnoRun.OfAsync(new Dictionary<string, string> { ["TONNO_DICOMWEB__BASIC"] = basic, ["TONNO_STOW__BASIC"] = basic }, arguments);
    }
}
