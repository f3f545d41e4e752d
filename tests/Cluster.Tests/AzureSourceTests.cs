using System.IO.Compression;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ToNNO.Cluster.Tests.Nodes;
using ToNNO.Imaging.Tests;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

/// <summary>Volumes read from a blob container, as <c>azure://CONTAINER/PREFIX</c>.</summary>
public sealed class AzureSourceTests(Azurite azurite) : IAsyncLifetime
{
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];
    private readonly string _container = Azurite.NewContainer();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Archive => $"azure://{_container}/archive";

    private string Results => $"azure://{_container}/results";

    private Dictionary<string, string> Identity => new() { ["AZURE_STORAGE_CONNECTION_STRING"] = azurite.ConnectionString };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task Run_ArchiveInAContainer_SameVolumesNamesHashesAndBytesAsFromAFolder()
    {
        _work.Write("one.nii", Workplace.Volume(1).Plain());
        _work.Write("deep/two.nii.gz", Workplace.Volume(2).Gzip());
        _work.Write("bad.nii", Workplace.Volume(3).Plain()[..^1]);
        _work.Write("notes.txt", "not a volume"u8.ToArray());
        var series = new DicomBytes { Columns = 12, Rows = 11, Pixel = at => (ushort)(at % 50 * 40) };
        foreach (var (at, slice) in series.Stack(9).Index())
        {
            // As Azure's DICOM service exports: study, series, instance.
            _work.Write($"1.2.9/1.2.3.4/1.2.5.{at}.dcm", slice.ToArray());
            _work.Write($"spread/{at % 2}/{at}", (slice with { Series = "1.9" }).ToArray());
        }

        var pair = Workplace.Volume(5);
        var header = pair.Header();
        "ni1\0"u8.CopyTo(header.AsSpan(344));
        header.AsSpan(108, sizeof(float)).Clear(); // its voxels begin where their file does
        _work.Write("1.2.9/1.7/plan.dcm", (series with { SopClass = "1.2.840.10008.5.1.4.1.1.481.3", Series = "1.7" }).ToArray());
        foreach (var (half, content) in new[] { ("p.hdr", header), ("p.img.gz", NiftiBytes.Gzip(pair.Plain()[NiftiBytes.HeaderBytes..])) })
        {
            _work.Write("pairs/" + half, content);
        }

        WriteZip("z.zip", [
            ("one.nii", Workplace.Volume(4).Plain()), ("deep/p.HDR", header), ("deep/p.IMG", pair.Plain()[NiftiBytes.HeaderBytes..]), ("notes.txt", "not a volume"u8.ToArray()),
            .. series.Stack(9).Select((slice, at) => ($"ct/{at}", (slice with { Series = "1.10" }).ToArray()))]);
        _work.Write("broken.zip", (await File.ReadAllBytesAsync(Path.Combine(_work.In, "z.zip"), Cancel))[..^30]);
        await UploadAsync();
        string[] Options(string source) => ["-i", source, "-m", "builtin:sum", "--directions", "24", "--device", "cpu"];
        var local = await TonnoProcess.RunAsync(["run", .. Options(_work.In), "-o", _work["local"], "--report", _work["local.json"]]);
        var remote = await TonnoProcess.RunAsync(azurite, ["run", .. Options(Archive + "/"), "-o", _work.Out, "--report", _work["report.json"]]);
        Assert.True(remote.ExitCode == 3, remote.ToString());
        Assert.Equal(local.Summary, remote.Summary);
        Assert.Equal(local.Errors.Select(Anywhere), remote.Errors.Select(Anywhere));
        Assert.Equal(8, _work.Done().Count);
        foreach (var id in _work.Done())
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(_work["local"], id, "heatmap.nii.gz")), File.ReadAllBytes(Path.Combine(_work.Out, id, "heatmap.nii.gz")));
            Assert.Equal((string?)JsonNode.Parse(File.ReadAllText(Path.Combine(_work["local"], id, "result.json")))!["input"]!["sha256"], _work.Result(id).Input.Sha256);
        }

        string[] Files(string report) => [.. JsonNode.Parse(File.ReadAllText(_work[report]))!["leftOut"]!.AsArray().Select(file => $"{Path.GetFileName((string)file!["source"]!)} {file["reason"]}")];
        Assert.Equal(Files("local.json"), Files("report.json"));

        // The same bytes are the same work, wherever they lie; and headers tell the same.
        var again = await TonnoProcess.RunAsync(azurite, ["run", .. Options(Archive), "-o", _work["local"]]);
        Assert.Contains("10 inputs: 8 completed (8 done before), 0 failed, 2 quarantined, 0 unfinished", again.Out);
        var here = await TonnoProcess.RunAsync(["plan", .. Options(_work.In), "--slices-per-second", "10"]);
        var there = await TonnoProcess.RunAsync(azurite, ["plan", .. Options(Archive), "--slices-per-second", "10"]);
        Assert.Equal(Anywhere(here.ToString().Replace($"peak {here.PeakMb}", "", StringComparison.Ordinal)), Anywhere(there.ToString().Replace($"peak {there.PeakMb}", "", StringComparison.Ordinal)));

        // What is not called by its name is called by where it lies.
        static string Anywhere(string text) => Regex.Replace(text, "(zip-|Source )[0-9a-f]{8}", "$1");
    }

    [Fact]
    public async Task Sources_OfEveryKindInAContainer_AreTakenOrRefusedByName()
    {
        _work.Write("a_T1.nii", Workplace.Volume(1).Plain());
        _work.Write("a_T2.nii.gz", Workplace.Volume(2).Gzip());
        _work.Write("b_T1.nii", Workplace.Volume(1).Plain());
        var header = Workplace.Volume(1).Header();
        "ni1\0"u8.CopyTo(header.AsSpan(344));
        _work.Write("half.hdr", header);
        WriteZip("empty.zip", [("x", "x"u8.ToArray())]);
        WriteZip("n.zip", [("deep/a.nii", Workplace.Volume(3).Plain())]);
        await UploadAsync();
        async Task<JsonNode> PlanAsync(int exitCode, params string[] arguments)
        {
            var outcome = await TonnoProcess.RunAsync(azurite, ["plan", "-m", "builtin:sum", "--directions", "4", "--slices-per-second", "1", "--json", .. arguments]);
            Assert.True(outcome.ExitCode == exitCode, outcome.ToString());
            return exitCode is 0 or 3 ? JsonNode.Parse(string.Join('\n', outcome.Out))! : outcome.Errors.Single();
        }

        static string[] Lines(JsonNode plan) => [.. plan["volumes"]!.AsArray().Select(line => $"{line!["volumeId"]} {(string?)line["reasonCode"]}".Trim())];
        string[] all = ["a_T1", "a_T2", "b_T1", "half nifti.pair_incomplete", "n_deep_a"];
        Assert.Equal(all, Lines(await PlanAsync(3, "-i", Archive)));
        Assert.Equal(
            ["a_T1", "empty.zip zip.empty", "gone file.missing", "n_deep_a"],
            Lines(await PlanAsync(3, "-i", $"{Archive}/a_T1.nii", $"{Archive}/gone", $"{Archive}/empty.zip", $"{Archive}/n.zip")));

        File.WriteAllText(_work["m.csv"], $"id,uri\nmine,{Archive}/a_T1.nii\ninner,{Archive}/n.zip#entry=deep/a.nii\nother,{Archive}/none.nii\n");
        Assert.Equal(["mine", "inner", "other file.missing"], Lines(await PlanAsync(3, "-i", _work["m.csv"])));

        Assert.Contains("output.holds_input", (string)(await PlanAsync(2, "-i", Archive, "-o", $"azure://{_container}"))!, StringComparison.Ordinal);
        Assert.Equal(all, Lines(await PlanAsync(3, "-i", $"azure://{_container}", "-o", $"azure://{_container}/results")).Select(line => line.Replace("archive_", "", StringComparison.Ordinal)));
        foreach (var wrong in new[] { "azure://No", "azure://", "azure:///x" })
        {
            Assert.Contains("store.address_invalid", (string)(await PlanAsync(2, "-i", wrong))!, StringComparison.Ordinal);
        }

        Assert.Contains("input.unsupported", (string)(await PlanAsync(2, "-i", "s3://bucket"))!, StringComparison.Ordinal);
        var nobody = await TonnoProcess.RunAsync("plan", "-i", Archive, "-m", "builtin:sum");
        Assert.Equal((2, "store.identity_missing"), (nobody.ExitCode, Assert.Single(nobody.Errors).Split(':')[0]));
    }

    /// <summary>The coordinator lists and inspects, another node reads: neither hands volumes to the other.</summary>
    [Fact]
    public async Task Submit_ArchiveInAContainer_NodesReadItThemselves()
    {
        var study = SharedData.Path("ibsi-sts/dicom/STS_025/PET");
        foreach (var file in Directory.EnumerateFiles(study, "*", SearchOption.AllDirectories))
        {
            _work.Write(Path.GetRelativePath(study, file), await File.ReadAllBytesAsync(file, Cancel));
        }

        _work.Write("one.nii", Workplace.Volume(1).Plain());
        await UploadAsync();
        var url = await ClusterAsync();
        var submitted = await TonnoProcess.RunAsync(
            new Dictionary<string, string> { ["TONNO_URL"] = url }, "submit", "-i", Archive, "-m", "builtin:sum", "--directions", "8", "--wait");
        Assert.True(submitted.ExitCode == 0, $"{submitted}\n{_nodes.Told()}");
        Assert.Equal("2 inputs: 2 completed (0 done before), 0 failed, 0 quarantined, 0 canceled", submitted.Summary);

        var alone = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "--directions", "8", "-o", _work.Out);
        Assert.True(alone.ExitCode == 0, alone.ToString());
        var results = BlobStores.Open(Results, name => Identity.GetValueOrDefault(name));
        foreach (var id in _work.Done())
        {
            var heatmap = await results.ReadAsync($"{id}/heatmap.nii.gz", Cancel);
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(_work.Out, id, "heatmap.nii.gz"), Cancel), heatmap.Bytes.ToArray());
        }

        // Results make the same DICOM objects, be they in a container or on a disk.
        await foreach (var path in results.ListAsync("", Cancel))
        {
            var copy = _work[$"copy/{path}"];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            await File.WriteAllBytesAsync(copy, (await results.ReadAsync(path, Cancel)).Bytes.ToArray(), Cancel);
        }

        foreach (var (store, objects) in new[] { (Results, "there"), (_work["copy"], "here") })
        {
            var exported = await TonnoProcess.RunAsync(azurite, "export", store, "--dicom", _work[objects], "--threshold", "50%");
            Assert.Equal((0, "2 volumes: 1 exported, 0 there already, 1 left out, 0 refused, 0 not done"), (exported.ExitCode, exported.Summary));
        }

        var names = Directory.EnumerateFiles(_work["there"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_work["there"], file)).ToList();
        Assert.Equal(["heatmap.dcm", "segmentation.dcm"], names.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(_work[$"there/{name}"]), File.ReadAllBytes(_work[$"here/{name}"])));
    }

    [Fact]
    public async Task SelfTest_ThroughAContainerAndACluster_PassesAndLeavesNothingOfItself()
    {
        var url = await ClusterAsync();
        var tested = await TonnoProcess.RunAsync(
            new Dictionary<string, string>(Identity) { ["TONNO_URL"] = url }, "selftest", "--cluster", "--source", Archive, "-o", Results);
        Assert.True(tested.ExitCode == 0, $"{tested}\n{_nodes.Told()}");
        Assert.StartsWith("80 of 80 phantoms", tested.Summary, StringComparison.Ordinal);
        var all = BlobStores.Open($"azure://{_container}", name => Identity.GetValueOrDefault(name)).ListAsync("", Cancel);
        Assert.DoesNotContain(await all.ToListAsync(Cancel), path => path.Contains("selftest", StringComparison.Ordinal));
    }

    /// <summary>Starts a coordinator and a node that does the work.</summary>
    /// <returns>Where the coordinator serves HTTP.</returns>
    private async Task<string> ClusterAsync()
    {
        var ports = FreePorts.Find(4);
        var first = Start("first", ports[1], "--roles", "coordinator", "--port", $"{ports[0]}", "--store", Results);
        var second = Start("second", ports[3], "--roles", "slice,recon", "--port", $"{ports[2]}", "--seeds", $"127.0.0.1:{ports[0]}", "--store", Results);
        await Eventually.HoldsAsync("the nodes are ready", TimeSpan.FromMinutes(2), async () => await first.IsReadyAsync() && await second.IsReadyAsync(), _nodes.Told);
        return $"http://127.0.0.1:{ports[1]}";
    }

    private NodeProcess Start(string name, int httpPort, params string[] arguments)
    {
        var node = new NodeProcess(name, httpPort, [.. arguments, "--listen", $"127.0.0.1:{httpPort}", "--device", "cpu"], Identity, _work[$"{name}.log"]);
        _nodes.Add(node);
        return node;
    }

    private void WriteZip(string name, IEnumerable<(string Name, byte[] Content)> entries)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (entry, content) in entries)
            {
                using var stream = zip.CreateEntry(entry).Open();
                stream.Write(content);
            }
        }

        _work.Write(name, bytes.ToArray());
    }

    private async Task UploadAsync()
    {
        var store = BlobStores.Open(Archive, name => Identity.GetValueOrDefault(name));
        foreach (var file in Directory.EnumerateFiles(_work.In, "*", SearchOption.AllDirectories))
        {
            await store.WriteAsync(Path.GetRelativePath(_work.In, file), await File.ReadAllBytesAsync(file, Cancel), WriteCondition.Always, Cancel);
        }
    }
}
