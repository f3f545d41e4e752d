using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsvHelper;
using ToNNO.Storage;
using ToNNO.Tests.Support;

[assembly: AssemblyFixture(typeof(Azurite))]

namespace ToNNO.Cluster.Tests;

/// <summary>Results in a blob container, and what <c>verify</c> and <c>requeue</c> say of stores.</summary>
public sealed class StoreTests(Azurite azurite) : IDisposable
{
    private readonly Workplace _work = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_IntoAContainer_SameBytesAsIntoAFolder()
    {
        WriteVolumes();
        string[] run = ["run", "-i", _work.In, "-m", "builtin:sum", "--directions", "40", "--threshold", "50%", "-o"];
        var address = $"azure://{Azurite.NewContainer()}/archive/2026";
        var store = BlobStores.Open(address, name => name == "AZURE_STORAGE_CONNECTION_STRING" ? azurite.ConnectionString : null);

        var local = await TonnoProcess.RunAsync([.. run, _work.Out]);
        var first = await TonnoProcess.RunAsync(azurite, [.. run, address]);

        Assert.True(first.ExitCode == 3, first.ToString());
        Assert.Equal(local.Summary, first.Summary);
        foreach (var id in _work.Done())
        {
            foreach (var name in new[] { "heatmap.nii.gz", "mask.nii.gz", "preview.png", "sinogram.npz" })
            {
                var blob = await store.ReadAsync($"{id}/{name}", Cancel);
                Assert.Equal(SHA256.HashData(File.ReadAllBytes(Path.Combine(_work.Out, id, name))), SHA256.HashData(blob.Bytes.Span));
            }
        }

        Assert.Equal(3, _work.Done().Count);
        Assert.Empty(await store.ListAsync(".tonno/tasks/", Cancel).ToListAsync(Cancel));

        var again = await TonnoProcess.RunAsync(azurite, [.. run, address]);
        Assert.Contains("3 completed (3 done before)", again.Summary, StringComparison.Ordinal);

        var verified = await TonnoProcess.RunAsync(azurite, "verify", address);
        Assert.True(verified.ExitCode == 3, verified.ToString());
        Assert.Equal("4 volumes: 3 whole, 0 damaged, 0 missing, 0 unfinished, 1 set aside; 0 leftovers removed, 0 kept", verified.Summary);

        await using (await store.HoldAsync(Cancel))
        {
            var held = await TonnoProcess.RunAsync(azurite, [.. run, address]);
            Assert.Equal(4, held.ExitCode);
            Assert.StartsWith("store.in_use: ", Assert.Single(held.Errors), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Verify_Folder_TellsRemovesAndRequeues()
    {
        WriteVolumes();
        string[] run = ["run", "-i", _work.In, "-m", "builtin:sum", "--directions", "20", "-o", _work.Out];
        await TonnoProcess.RunAsync(run);
        var leftover = Path.Combine(_work.Out, ".tonno", "tasks", "two", "key", "rows-000000");
        Directory.CreateDirectory(Path.GetDirectoryName(leftover)!);
        await File.WriteAllTextAsync(leftover, "x", Cancel);
        await File.AppendAllTextAsync(Path.Combine(_work.Out, "one", "heatmap.nii.gz"), "x", Cancel);
        File.Delete(Path.Combine(_work.Out, "three", "sinogram.npz"));

        var told = await TonnoProcess.RunAsync("verify", _work.Out);
        Assert.Equal(3, told.ExitCode);
        Assert.Equal(4, told.Out.Count);
        Assert.Equal("one: damaged: heatmap.nii.gz is not the file that result.json tells of.", told.Out[0]);
        Assert.Equal("three: missing: sinogram.npz is gone.", told.Out[1]);
        Assert.StartsWith("bad: set aside: nifti.", told.Out[2], StringComparison.Ordinal);
        Assert.Equal("4 volumes: 1 whole, 1 damaged, 1 missing, 0 unfinished, 1 set aside; 1 leftovers removed, 0 kept", told.Summary);
        Assert.False(File.Exists(leftover));

        // The run mends what is not whole; the bad file is replaced, and its volume put back in the queue.
        var json = JsonNode.Parse(string.Join('\n', (await TonnoProcess.RunAsync("requeue", _work.Out, "--json")).Out))!;
        Assert.Equal("bad", (string?)Assert.Single(json.AsArray())!["volumeId"]);
        var waiting = await TonnoProcess.RunAsync("verify", _work.Out);
        Assert.Contains("bad: unfinished", waiting.Out);
        _work.Write("bad.nii", Workplace.Volume(9).Plain());
        Assert.Equal(0, (await TonnoProcess.RunAsync(run)).ExitCode);

        var whole = await TonnoProcess.RunAsync("verify", _work.Out, "--json");
        Assert.True(whole.ExitCode == 0, whole.ToString());
        var report = JsonNode.Parse(string.Join('\n', whole.Out))!;
        Assert.Equal(["bad", "one", "three", "two"], report["volumes"]!.AsArray().Select(volume => (string?)volume!["volumeId"]));
        Assert.All(report["volumes"]!.AsArray(), volume => Assert.Equal("whole", (string?)volume!["finding"]));
        Assert.Equal((4, 0), ((int?)report["whole"], (int?)report["damaged"]));

        var nothing = await TonnoProcess.RunAsync("requeue", _work.Out);
        Assert.Equal((4, "0 volumes are back in the queue"), (nothing.ExitCode, nothing.Summary));
    }

    [Fact]
    public async Task Ledger_AsATableAndByTheLine_HasEveryInputAndItsReason()
    {
        WriteVolumes();
        await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "--directions", "8", "-o", _work.Out);

        var table = await TonnoProcess.RunAsync("ledger", _work.Out);
        Assert.True(table.ExitCode == 0, table.ToString());
        Assert.Equal("4 volumes: 3 completed, 1 quarantined", Assert.Single(table.Errors));
        using var csv = new CsvReader(new StringReader(string.Join('\n', table.Out)), CultureInfo.InvariantCulture);
        var rows = csv.GetRecords<dynamic>().Cast<IDictionary<string, object>>().ToList();
        Assert.Equal(["bad", "one", "three", "two"], rows.Select(row => row["volume_id"]));
        Assert.Equal(["quarantined", "completed", "completed", "completed"], rows.Select(row => row["state"]));
        Assert.StartsWith("nifti.", (string)rows[0]["reason_code"], StringComparison.Ordinal);
        Assert.NotEmpty((string)rows[0]["detail"]);
        Assert.All(rows, row => Assert.True(DateTimeOffset.Parse((string)row["updated_at"], CultureInfo.InvariantCulture) > DateTimeOffset.UnixEpoch));

        var run = (string)rows[0]["run_id"];
        var lines = await TonnoProcess.RunAsync("ledger", _work.Out, "--run", run, "--format", "jsonl");
        Assert.True(lines.ExitCode == 0, lines.ToString());
        var inputs = lines.Out.Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(4, inputs.Count);
        Assert.All(inputs, input => Assert.Equal(run, (string?)input["runId"]));
        Assert.Equal(Directory.EnumerateFiles(_work.In).Order(), inputs.Select(input => (string)input["sources"]!).Order());
    }

    [Fact]
    public async Task Stores_ThatAreNone_AreRefused()
    {
        async Task Refused(int exitCode, string code, params string[] arguments)
        {
            var outcome = await TonnoProcess.RunAsync(arguments);
            Assert.True(outcome.ExitCode == exitCode, outcome.ToString());
            Assert.StartsWith(code + ": ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        }

        var volume = _work.Write("one.nii", Workplace.Volume(1).Plain());
        await Refused(2, "store.address_invalid", "run", "-i", volume, "-m", "builtin:sum", "-o", "azure://No");
        await Refused(2, "store.identity_missing", "run", "-i", volume, "-m", "builtin:sum", "-o", "azure://heatmaps");
        await Refused(2, "store.identity_missing", "verify", "azure://heatmaps");
        await Refused(4, "store.empty", "verify", _work["nowhere"]);
        await Refused(2, "usage", "verify", "");
        await Refused(4, "store.empty", "ledger", _work["nowhere"]);
        await Refused(4, "store.not_found", "ledger", _work["nowhere"], "--run", "none");
        Assert.Equal(4, (await TonnoProcess.RunAsync("requeue", _work["nowhere"])).ExitCode);
    }

    private void WriteVolumes()
    {
        _work.Write("one.nii", Workplace.Volume(1).Plain());
        _work.Write("two.nii", Workplace.Volume(2).Plain());
        _work.Write("three.nii.gz", NiftiBytes.Gzip(Workplace.Volume(3).Plain()));
        _work.Write("bad.nii", Encoding.ASCII.GetBytes("no volume"));
    }
}
