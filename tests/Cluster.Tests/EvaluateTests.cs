using System.Text.Json.Nodes;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Filtering;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Cluster.Tests;

/// <summary><c>tonno evaluate</c> on what <c>tonno run</c> left.</summary>
public sealed class EvaluateTests : IDisposable
{
    private const int Volumes = 3;

    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    /// <summary>The heatmap of the sum of pixels is the volume, so that its boxes are found whole; the baseline of three axes has no such luck.</summary>
    [Fact]
    public async Task Evaluate_RunAndSweep_ScoresDifferencesAndAPage()
    {
        await RunAsync();
        var outcome = await TonnoProcess.RunAsync("evaluate", "-i", $"sum={_work.Out}", $"half={_work["half"]}", "--references", _work["in/references.csv"], "-o", _work["scores"], "--sweep");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains("3 volumes of 3 patients; thresholds chosen for each patient on all others", string.Join('\n', outcome.Out), StringComparison.Ordinal);

        var report = JsonNode.Parse(await File.ReadAllTextAsync(_work["scores/evaluation.json"], TestContext.Current.CancellationToken))!;
        var methods = report["methods"]!.AsArray();
        Assert.Equal(["sum", "half", "sum, swept", "half, swept"], methods.Select(method => (string)method!["name"]!));
        Assert.True((double)methods[0]!["scores"]!["dice"]!["mean"]! > 0.9, outcome.ToString());
        Assert.Equal(1, (double)methods[0]!["scores"]!["peakInLesion"]!["mean"]!);
        Assert.Equal(Volumes, (int)methods[0]!["scores"]!["dice"]!["patients"]!);
        Assert.Equal(6, report["differences"]!.AsArray().Count);

        // The row of the run's own filter is the run.
        var rows = report["sweeps"]![0]!["rows"]!.AsArray();
        var own = Assert.Single(rows, row => (double)row!["alpha"]! == 2 && (string)row["window"]! == "none" && (double)row["directions"]! == 1);
        Assert.Equal((double)methods[0]!["scores"]!["diceOwnBest"]!["mean"]!, (double)own!["diceOwnBest"]!, 1e-6);
        Assert.Equal(80, rows.Count);

        var lines = await File.ReadAllLinesAsync(_work["scores/cases.csv"], TestContext.Current.CancellationToken);
        Assert.Equal(1 + (4 * Volumes), lines.Length);
        var page = await File.ReadAllTextAsync(_work["scores/index.html"], TestContext.Current.CancellationToken);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal);
        Assert.Equal(3 + 1 + 4, page.Split("<svg ").Length - 1);
        Assert.Equal(4 * Volumes, page.Split("data:image/png;base64,").Length - 1);
    }

    /// <summary>A sweep's heatmap with the run's filter and all directions is the run's file, bit for bit.</summary>
    [Fact]
    public async Task Swept_TheRunsFilter_TheRunsHeatmap()
    {
        await RunAsync();
        var results = ResultStore.Open(_work["half"]).Match(ReferenceSheet.Read(_work["in/references.csv"], null), null, listedOnly: false);
        var swept = new SweptHeatmaps("half", results);
        var variant = swept.Variants.ToList().FindIndex(one => one is { Alpha: 0.5, Window: FilterWindow.Hann, Share: 1 });
        for (var at = 0; at < Volumes; at++)
        {
            Assert.Equal(results[at].Heatmap(), swept.Heatmap(at, variant, TestContext.Current.CancellationToken));
            Assert.Equal(results[at].Heatmap(), swept.Heatmaps(at, TestContext.Current.CancellationToken).ElementAt(variant));
        }
    }

    [Fact]
    public async Task Evaluate_BadInput_ASentenceAndNothingWritten()
    {
        await RunAsync();
        await File.WriteAllTextAsync(_work["in/wrong.csv"], "file,mask,patient\nv0.nii,gone.nii,P\n", TestContext.Current.CancellationToken);
        var outcome = await TonnoProcess.RunAsync("evaluate", "-i", _work.Out, "--references", _work["in/wrong.csv"], "-o", _work["scores"]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("references.files_missing: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_work["scores"]));
    }

    /// <summary>Runs a few volumes twice, with other filters, and writes their boxes as masks.</summary>
    private async Task RunAsync()
    {
        var lines = new List<string> { "file,mask,patient" };
        for (var seed = 0; seed < Volumes; seed++)
        {
            var volume = Workplace.Volume(seed);
            _work.Write($"v{seed}.nii", volume.Plain());
            Directory.CreateDirectory(_work["masks"]);
            await File.WriteAllBytesAsync(
                _work[$"masks/v{seed}.nii"],
                new NiftiBytes { Shape = volume.Shape, Intensity = (i, j, k) => volume.Intensity(i, j, k) > 0 ? 1 : 0 }.Plain(),
                TestContext.Current.CancellationToken);
            lines.Add($"v{seed}.nii,../masks/v{seed}.nii,P{seed}");
        }

        await Task.WhenAll(
            TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "96"),
            TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work["half"], "--directions", "96", "--alpha", "0.5", "--window", "hann"));
        await File.WriteAllLinesAsync(_work["in/references.csv"], lines, TestContext.Current.CancellationToken);
    }
}
