using System.Text.RegularExpressions;
using ToNNO.Cluster.Tests.Nodes;
using ToNNO.Imaging.Tests;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

/// <summary>Series of a real PACS, read by the nodes of a cluster: <c>submit -i dicomweb+http://pacs/dicom-web</c>.</summary>
public sealed class PacsSourceTests : IAsyncLifetime
{
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _work.Dispose();
    }

    /// <summary>The coordinator lists and inspects, a node encodes, another publishes: each asks the PACS for itself.</summary>
    [Fact]
    public async Task Submit_SeriesOfAPacs_SameHeatmapsAsOneProcessMakesOfTheFolder_AndTheSelfTestPasses()
    {
        var study = SharedData.Path("ibsi-sts/dicom/STS_025/PET");
        await using var orthanc = await OrthancServer.StartAsync();
        foreach (var file in Directory.EnumerateFiles(study, "*", SearchOption.AllDirectories))
        {
            await orthanc.AddAsync(file);
        }

        var identity = new Dictionary<string, string> { ["TONNO_DICOMWEB__BASIC"] = $"{OrthancServer.User}:{orthanc.Password}" };
        var ports = FreePorts.Find(6);
        var seeds = $"127.0.0.1:{ports[0]}";
        NodeProcess[] nodes =
        [
            Start("coordinator", ports[1], identity, "--roles", "coordinator", "--port", $"{ports[0]}"),
            Start("slice", ports[3], identity, "--roles", "slice", "--port", $"{ports[2]}", "--seeds", seeds, "--device", "cpu"),
            Start("recon", ports[5], identity, "--roles", "recon", "--port", $"{ports[4]}", "--seeds", seeds),
        ];
        await Eventually.HoldsAsync("the nodes are ready", TimeSpan.FromMinutes(3), async () =>
        {
            var ready = await Task.WhenAll(nodes.Select(node => node.IsReadyAsync()));
            return ready.All(isReady => isReady);
        }, _nodes.Told);

        var submitted = await TonnoProcess.RunAsync(
            new Dictionary<string, string> { ["TONNO_URL"] = $"http://127.0.0.1:{ports[1]}" },
            "submit", "-i", $"dicomweb+{orthanc.Address}?Modality=PT", "-m", "builtin:sum", "--directions", "8", "--wait");
        Assert.True(submitted.ExitCode == 0, $"{submitted}\n{_nodes.Told()}");
        Assert.Equal("1 inputs: 1 completed (0 done before), 0 failed, 0 quarantined, 0 canceled", submitted.Summary);

        var alone = await TonnoProcess.RunAsync("run", "-i", study, "-m", "builtin:sum", "--directions", "8", "--device", "cpu", "-o", _work["alone"]);
        Assert.True(alone.ExitCode == 0, alone.ToString());
        var id = Assert.Single(_work.Done());
        Assert.Matches("^series-[0-9a-f]{16}$", id);
        var here = Assert.Single(Directory.GetFiles(_work["alone"], "heatmap.nii.gz", SearchOption.AllDirectories));
        Assert.Equal(await File.ReadAllBytesAsync(here, Cancel), await File.ReadAllBytesAsync(Path.Combine(_work.Out, id, "heatmap.nii.gz"), Cancel));

        var tested = await TonnoProcess.RunAsync(
            new Dictionary<string, string> { ["TONNO_URL"] = $"http://127.0.0.1:{ports[1]}", ["TONNO_STOW__BASIC"] = identity["TONNO_DICOMWEB__BASIC"] },
            "selftest", "--cluster", "--source", $"dicomweb+{orthanc.Address}", "-o", _work.Out);
        Assert.True(tested.ExitCode == 0, $"{tested}\n{_nodes.Told()}");
        Assert.StartsWith("27 of 27 phantoms stand where they were put; the farthest peak is 0.", Assert.Single(tested.Out), StringComparison.Ordinal);
        Assert.Equal([id], _work.Done());
        // Orthanc removes nothing by DICOMweb, and whoever looks there finds what is left by what it is called.
        var left = Regex.Match(string.Concat(tested.Errors), "selftest.left: The PACS removes no studies by DICOMweb: the study of patient (selftest-[0-9a-f]{8}) is left there").Groups[1].Value;
        Assert.Equal(1, (await orthanc.QueryAsync($"studies?PatientID={left}")).GetArrayLength());
    }

    private NodeProcess Start(string name, int httpPort, Dictionary<string, string> identity, params string[] arguments)
    {
        var node = new NodeProcess(name, httpPort, [.. arguments, "--store", _work.Out, "--listen", $"127.0.0.1:{httpPort}"], identity, _work[$"{name}.log"]);
        _nodes.Add(node);
        return node;
    }
}
