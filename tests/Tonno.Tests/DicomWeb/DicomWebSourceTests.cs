using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ToNNO.Imaging.Tests;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Tests.Exporting;

namespace ToNNO.Tonno.Tests.DicomWeb;

/// <summary>Series of a real PACS as sources: <c>-i dicomweb+http://pacs/dicom-web</c>.</summary>
public sealed class DicomWebSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>PET of a patient, and what lies beside it, from a folder and from Orthanc.</summary>
    [Fact]
    public async Task RunAndPlan_OrthancAndFolder_SameSeriesHashesAndBytes()
    {
        var study = SharedData.Path("ibsi-sts/dicom/STS_025/PET");
        await using var orthanc = await FilledAsync(study);
        string[] Options(string source, string output) => ["-i", source, "-m", "builtin:sum", "--directions", "8", "--device", "cpu", "-o", _folder[output], "--report", _folder[output + ".json"]];
        var local = await TonnoRun.OfAsync(["run", .. Options(study, "local")]);
        var remote = await TonnoRun.OfAsync(Login(orthanc), ["run", .. Options(Address(orthanc), "remote")]);
        Assert.True(local.ExitCode == 0, local.ToString());
        Assert.True(remote.ExitCode == local.ExitCode, remote.ToString());
        var (here, there) = (Results("local"), Results("remote"));
        Assert.NotEmpty(here);
        Assert.Equal(here.Keys.Order(StringComparer.Ordinal), there.Keys.Order(StringComparer.Ordinal)); // hashes of the sources
        Assert.All(there, result => Assert.Matches("^series-[0-9a-f]{16}$", Path.GetFileName(result.Value)));
        foreach (var (sha256, folder) in here)
        {
            Assert.Equal(await Heatmap(folder), await Heatmap(there[sha256]));
        }

        string[] Reasons(string report) => [.. JsonNode.Parse(File.ReadAllText(_folder[report]))!["leftOut"]!.AsArray().Select(file => (string)file!["reason"]!).Order(StringComparer.Ordinal)];
        Assert.Equal(Reasons("local.json"), Reasons("remote.json"));

        async Task<string[]> PlanAsync(string source)
        {
            var plan = await TonnoRun.OfAsync(Login(orthanc), "plan", "-i", source, "-m", "builtin:sum", "--directions", "8", "--slices-per-second", "10", "--json");
            Assert.True(plan.ExitCode == 0, plan.ToString());
            return [.. JsonNode.Parse(plan.Out)!["volumes"]!.AsArray().Select(volume =>
            {
                var told = volume!.AsObject();
                told.Remove("volumeId");
                told.Remove("sources");
                return told.ToJsonString();
            }).Order(StringComparer.Ordinal)];
        }

        Assert.Equal(await PlanAsync(study), await PlanAsync(Address(orthanc)));
        var none = await TonnoRun.OfAsync(Login(orthanc), "plan", "-i", Address(orthanc) + "?PatientID=Zzyzx", "-m", "builtin:sum", "--slices-per-second", "10");
        Assert.True(none.ExitCode == 4 && none.Errors.Contains("file.missing", StringComparison.Ordinal), none.ToString());
        Assert.DoesNotContain("Zzyzx", none.Errors, StringComparison.Ordinal);
        var stranger = await TonnoRun.OfAsync("plan", "-i", Address(orthanc), "-m", "builtin:sum", "--slices-per-second", "10");
        Assert.Equal((2, "pacs.unauthorized"), (stranger.ExitCode, stranger.Errors.Split(':')[0]));
    }

    /// <summary>The README's command, as it stands but for the model and where the PACS is.</summary>
    [Fact]
    public async Task Readme_Command_TakesTheSeriesOfTheFilterAlone()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "ToNNO.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        var command = Regex.Match(await File.ReadAllTextAsync(Path.Combine(root, "README.md"), TestContext.Current.CancellationToken), @"(?m)^    \./tonno (run -i 'dicomweb.*)$").Groups[1].Value;
        var study = SharedData.Path("ibsi-sts/dicom/STS_025");
        await using var orthanc = await FilledAsync(Path.Combine(study, "PET", "image"), Path.Combine(study, "CT", "image"));
        var start = TonnoStart.Of(Login(orthanc), [.. command.Replace("https://pacs/dicom-web", orthanc.Address, StringComparison.Ordinal)
            .Replace("demo/model", "builtin:sum --directions 4 -q", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal).Split(' ')]);
        start.WorkingDirectory = _folder.Path;
        var outcome = await TonnoRun.OfAsync(start);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Single(Results("heatmaps"));
    }

    private static Dictionary<string, string> Login(OrthancServer orthanc) => new() { ["TONNO_DICOMWEB__BASIC"] = $"{OrthancServer.User}:{orthanc.Password}" };

    private static string Address(OrthancServer orthanc) => $"dicomweb+{orthanc.Address}";

    private static async Task<OrthancServer> FilledAsync(params string[] folders)
    {
        var orthanc = await OrthancServer.StartAsync();
        foreach (var file in folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)))
        {
            await orthanc.AddAsync(file);
        }

        return orthanc;
    }

    private static Task<byte[]> Heatmap(string folder) => File.ReadAllBytesAsync(Path.Combine(folder, "heatmap.nii.gz"), TestContext.Current.CancellationToken);

    /// <summary>Folders of results by their sources' hashes.</summary>
    private Dictionary<string, string> Results(string store) => Directory.GetDirectories(_folder[store]).Where(folder => File.Exists(Path.Combine(folder, "result.json")))
        .ToDictionary(folder => (string)JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))!["input"]!["sha256"]!);
}
