using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ToNNO.Contracts;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Tests;
using ToNNO.Tests.Support;

namespace ToNNO.Tonno.Tests.Exporting;

/// <summary><c>tonno export</c> of a small archive, as a process.</summary>
public sealed class ExportCommandTests(ExportArchive archive) : IClassFixture<ExportArchive>, IDisposable
{
    private static readonly string[] _objects = ["ct/heatmap.dcm", "ct/segmentation.dcm", "enhanced/heatmap.dcm", "enhanced/segmentation.dcm"];
    private readonly TemporaryFolder _out = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _out.Dispose();

    [Fact]
    public async Task Export_DicomOfAMixedArchive_ObjectsOfTheSeriesAndAnAccountOfEveryInput()
    {
        var first = await ExportAsync("--dicom", _out.Path, "--json");
        Assert.True(first.ExitCode == 3, first.ToString());
        var account = JsonNode.Parse(first.Out)!;
        Assert.Equal(
            [("anat_sub-01_T1w", "leftOut", "export.not_dicom"), ("ct", "exported", null), ("enhanced", "exported", null), ("gap", "notDone", "dicom.missing_slices")],
            account["volumes"]!.AsArray().Select(line => (Text(line!["volumeId"])!, Text(line["state"])!, Text(line["reasonCode"]))).Order());
        Assert.Equal((2, 0, 1, 0, 1), (Count("exported"), Count("unchanged"), Count("leftOut"), Count("refused"), Count("notDone")));
        Assert.StartsWith("dicom.missing_slices: gap: ", first.Errors, StringComparison.Ordinal);
        var files = ExportArchive.Files(_out.Path);
        Assert.Equal(_objects, files.Keys.Order(StringComparer.Ordinal));

        foreach (var name in _objects)
        {
            var (kind, errors) = await Dciodvfy.CheckAsync(_out[name]);
            Assert.Empty(errors);
            Assert.Equal(name.Contains("heatmap", StringComparison.Ordinal) ? "ParametricMap" : "Segmentation", kind);
        }

        foreach (var id in new[] { "ct", "enhanced" })
        {
            // Native pixels are what a file ends with, so they can be held to the NIfTI files without a reader.
            var voxels = Nifti(id, "heatmap").Volume.Samples.AsFloats();
            Assert.Equal(voxels.SelectMany(BitConverter.GetBytes), files[$"{id}/heatmap.dcm"][^(sizeof(float) * voxels.Length)..]);
            var marked = Nifti(id, "mask").Volume.Samples.AsFloats().Chunk(ExportArchive.Columns * ExportArchive.Rows).Where(plane => plane.Any(voxel => voxel != 0)).SelectMany(plane => plane).ToList();
            Assert.Equal(Packed(marked), files[$"{id}/segmentation.dcm"][^Packed(marked).Length..]);
        }

        var again = await ExportAsync("--dicom", _out.Path);
        Assert.Equal("4 volumes: 0 exported, 2 there already, 1 left out, 0 refused, 1 not done", again.Out.TrimEnd().Split('\n')[^1]);
        Assert.Equal(files, ExportArchive.Files(_out.Path));
        int Count(string name) => account[name]!.GetValue<int>();
    }

    [Fact]
    public async Task Export_HeadersFullOfPatientData_InTheObjectsAndNowhereElse()
    {
        foreach (var arguments in new[] { new[] { "--dicom", _out["dicom"], "--json" }, ["--dicom", _out["more"], "--bids", _out["bids"]] })
        {
            var outcome = await ExportAsync(arguments);
            Assert.Contains("export.not_dicom", outcome.Out, StringComparison.Ordinal); // told also of what is exported otherwise
            Assert.All(ExportArchive.Planted, word => Assert.DoesNotContain(word, outcome.ToString(), StringComparison.OrdinalIgnoreCase));
        }

        var files = ExportArchive.Files(_out.Path);
        Assert.All(files.Keys, name => Assert.All(ExportArchive.Planted, word => Assert.DoesNotContain(word, name, StringComparison.OrdinalIgnoreCase)));
        var objects = files.Where(file => file.Key.EndsWith(".dcm", StringComparison.Ordinal)).ToList();
        Assert.Equal(8, objects.Count);
        Assert.All(objects, file => Assert.All(ExportArchive.Planted, word => Assert.Contains(word, Encoding.Latin1.GetString(file.Value), StringComparison.Ordinal)));
        Assert.All(files.Except(objects), file => Assert.All(ExportArchive.Planted, word => Assert.DoesNotContain(word, Encoding.Latin1.GetString(file.Value), StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task Export_OtherThreshold_OtherSegmentationOfTheSameMap()
    {
        await ExportAsync("--dicom", _out.Path);
        var before = ExportArchive.Files(_out.Path);
        var outcome = await ExportAsync("--dicom", _out.Path, "--threshold", "20%");
        Assert.Contains("2 exported", outcome.Out, StringComparison.Ordinal);
        var after = ExportArchive.Files(_out.Path);
        Assert.Equal(before["ct/heatmap.dcm"], after["ct/heatmap.dcm"]);
        Assert.NotEqual(before["ct/segmentation.dcm"], after["ct/segmentation.dcm"]);
    }

    [Fact]
    public async Task Export_HeatmapsOfTwoClasses_ObjectsOfEach()
    {
        var store = _out["store"];
        foreach (var (name, content) in ExportArchive.Files(archive.Store))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(store, name))!);
            await File.WriteAllBytesAsync(Path.Combine(store, name), content, Token);
        }

        // What publishing would have made of a model of two classes.
        var (document, files) = (Path.Combine(store, "ct", "result.json"), new Dictionary<string, VolumeResult.FileFacts>());
        var result = Documents.TryParse<VolumeResult>(await File.ReadAllBytesAsync(document, Token))!;
        string[] classes = ["tumour", "node"];
        foreach (var (name, facts) in result.Files.Where(file => file.Key is "heatmap.nii.gz" or "mask.nii.gz"))
        {
            foreach (var one in classes)
            {
                var copy = name.Replace(".nii", $"-{one}.nii", StringComparison.Ordinal);
                files[copy] = facts;
                File.Copy(Path.Combine(store, "ct", name), Path.Combine(store, "ct", copy));
            }
        }

        var heatmaps = classes.Select(one => result.Heatmaps[0] with { Class = one, File = $"heatmap-{one}.nii.gz" }).ToList();
        await File.WriteAllBytesAsync(document, Documents.ToBytes(result with { Files = files, Heatmaps = heatmaps }), Token);

        var outcome = await TonnoRun.OfAsync("export", store, "--dicom", _out["dicom"], "--bids", _out["bids"]);
        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.Equal(["heatmap-node.dcm", "heatmap-tumour.dcm", "segmentation-node.dcm", "segmentation-tumour.dcm"], Names(_out["dicom/ct"]));
        Assert.Equal(4, Directory.GetFiles(_out["dicom/ct"]).Select(ResultFile.InstanceUidOf).Distinct().Count());
        Assert.Contains("sub-ct_desc-tonnonode_heatmap.nii.gz", Names(_out["bids/sub-ct/anat"]));
        Assert.Contains("sub-ct_desc-tonnotumour_mask.nii.gz", Names(_out["bids/sub-ct/anat"]));

        static IEnumerable<string> Names(string folder) => Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Export_RealPet_ValidObjectsThatOrthancTakes()
    {
        var (pet, store) = (SharedData.Path("ibsi-sts/dicom/STS_025/PET/image"), _out["store"]);
        var run = await TonnoRun.OfAsync("run", "-i", pet, "-m", "builtin:sum", "-o", store, "--directions", "16", "--threshold", "50%", "-q");
        Assert.True(run.ExitCode == 0, run.ToString());
        await using var orthanc = await OrthancServer.StartAsync();
        var outcome = await TonnoRun.OfAsync(Login(orthanc), "export", store, "--dicom", _out["dicom"], "--stow", orthanc.Address);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        foreach (var file in Directory.GetFiles(_out["dicom/image"]))
        {
            Assert.Empty((await Dciodvfy.CheckAsync(file)).Errors);
            Assert.Single((await orthanc.QueryAsync($"instances?SOPInstanceUID={ResultFile.InstanceUidOf(file)}")).EnumerateArray());
        }
    }

    /// <summary>The README's commands, as they stand but for where the PACS is.</summary>
    [Fact]
    public async Task Readme_Commands_DoWhatItSays()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "ToNNO.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        var commands = Regex.Matches(await File.ReadAllTextAsync(Path.Combine(root, "README.md"), Token), @"(?m)^    \./tonno (export .*)$").Select(match => match.Groups[1].Value).ToList();
        Assert.Equal(3, commands.Count);
        await using var orthanc = await OrthancServer.StartAsync();
        Directory.CreateSymbolicLink(_out["heatmaps"], archive.Store);
        foreach (var command in commands)
        {
            var start = TonnoStart.Of(Login(orthanc), command.Replace("http://pacs:8042/dicom-web", orthanc.Address, StringComparison.Ordinal).Split(' '));
            start.WorkingDirectory = _out.Path;
            var outcome = await TonnoRun.OfAsync(start);
            Assert.True(outcome.ExitCode == 3, outcome.ToString()); // the series with a gap
        }

        Assert.Equal(_objects, ExportArchive.Files(_out["objects"]).Keys.Order(StringComparer.Ordinal));
        Assert.Equal(4, (await orthanc.QueryAsync("instances")).GetArrayLength());
        Assert.True(File.Exists(_out["derivatives/tonno/dataset_description.json"]));
    }

    [Fact]
    public async Task Export_SourceOrHeatmapChangedSince_RefusedByNameAndNothingWritten()
    {
        var (slice, heatmap) = (Path.Combine(archive.In, "ct", "03"), Path.Combine(archive.Store, "enhanced", "heatmap.nii.gz"));
        using var slicesChange = Changed(slice);
        using var heatmapsChange = Changed(heatmap);
        var outcome = await ExportAsync("--dicom", _out.Path);
        Assert.True(outcome.ExitCode == 4, outcome.ToString());
        Assert.Equal(["dicom.missing_slices: gap", "result.damaged: enhanced", "source.changed: ct"], Refused(outcome));
        Assert.Empty(ExportArchive.Files(_out.Path));
    }

    [Fact]
    public async Task Export_AnothersFileInTheWay_RefusedAndKept()
    {
        Directory.CreateDirectory(_out["ct"]);
        await File.WriteAllTextAsync(_out["ct/heatmap.dcm"], "mine", Token);
        var outcome = await ExportAsync("--dicom", _out.Path);
        Assert.Contains("result.name_taken: ct", Refused(outcome));
        Assert.Equal("mine", await File.ReadAllTextAsync(_out["ct/heatmap.dcm"], Token));
    }

    [Fact]
    public async Task Export_KilledOnItsWay_RepeatedGivesWhatAnUndisturbedOneGives()
    {
        await ExportAsync("--dicom", _out["whole"]);
        var expected = ExportArchive.Files(_out["whole"]);
        foreach (var moment in new[] { "ct/heatmap.dcm", "ct/.segmentation.dcm.part", "enhanced/.heatmap.dcm.part" })
        {
            var target = _out["cut"];
            using (var process = Process.Start(TonnoStart.Of(new Dictionary<string, string>(), ["export", archive.Store, "--dicom", target]))!)
            {
                while (!process.HasExited && !File.Exists(Path.Combine(target, moment)))
                {
                    Thread.Yield();
                }

                process.Kill();
                await process.WaitForExitAsync(Token);
            }

            // What a kill may leave besides: a file without its end, of one that is not there.
            if (!File.Exists(Path.Combine(target, "enhanced/segmentation.dcm")))
            {
                Directory.CreateDirectory(Path.Combine(target, "enhanced"));
                await File.WriteAllBytesAsync(Path.Combine(target, "enhanced/.segmentation.dcm.part"), expected["enhanced/segmentation.dcm"].AsMemory(..100), Token);
            }

            Assert.Equal(3, (await ExportAsync("--dicom", target)).ExitCode);
            Assert.Equal(expected, ExportArchive.Files(target));
            Directory.Delete(target, recursive: true);
        }
    }

    [Fact]
    public async Task Export_Bids_DerivativeNamesFilesOfTheStoreAndADescription()
    {
        var outcome = await ExportAsync("--bids", _out.Path);
        Assert.True(outcome.ExitCode == 3, outcome.ToString()); // the series with a gap has no result
        var files = ExportArchive.Files(_out.Path);
        string[] stems = ["sub-01/anat/sub-01_mod-T1w_desc-tonno", "sub-ct/anat/sub-ct_desc-tonno", "sub-enhanced/anat/sub-enhanced_desc-tonno"];
        Assert.Equal(
            [".bidsignore", "dataset_description.json", .. stems.SelectMany(stem => new[] { "heatmap.json", "heatmap.nii.gz", "mask.json", "mask.nii.gz" }.Select(end => $"{stem}_{end}"))],
            files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(archive.Store, "ct", "mask.nii.gz"), Token), files["sub-ct/anat/sub-ct_desc-tonno_mask.nii.gz"]);
        var description = JsonNode.Parse(files["dataset_description.json"])!;
        Assert.Equal(("derivative", "ToNNO"), (Text(description["DatasetType"]), Text(description["GeneratedBy"]![0]!["Name"])));
        Assert.NotNull(Text(description["BIDSVersion"]));

        var again = await ExportAsync("--bids", _out.Path);
        Assert.Contains("3 there already", again.Out, StringComparison.Ordinal);
        Assert.Equal(files, ExportArchive.Files(_out.Path));

        await File.WriteAllTextAsync(_out["dataset_description.json"], "{}", Token);
        var taken = await ExportAsync("--bids", _out.Path);
        Assert.Equal((4, "result.name_taken"), (taken.ExitCode, taken.Errors.Split(':')[0]));
    }

    [Theory]
    [InlineData("", "usage", 2)]
    [InlineData("--stow http://127.0.0.1/dicom-web", "usage", 2)]
    [InlineData("--bids x --threshold 0.5", "usage", 2)]
    [InlineData("--dicom x --stow ftp://127.0.0.1", "pacs.address_invalid", 2)]
    [InlineData("--dicom x --stow http://user:password@127.0.0.1", "pacs.address_invalid", 2)]
    [InlineData("--dicom x --run no-such", "store.not_found", 4)]
    public async Task Export_OrderThatMakesNoSense_RefusedByName(string options, string code, int exitCode)
    {
        var outcome = await ExportAsync(options.Replace(" x", $" {_out.Path}", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((exitCode, code), (outcome.ExitCode, outcome.Errors.Split(':')[0]));
        Assert.DoesNotContain("password@", outcome.ToString(), StringComparison.Ordinal);
        Assert.Empty(ExportArchive.Files(_out.Path));
    }

    [Fact]
    public async Task Export_StoreWithoutRuns_SaysSo()
    {
        var outcome = await TonnoRun.OfAsync("export", _out["none"], "--dicom", _out.Path);
        Assert.Equal((4, "store.empty"), (outcome.ExitCode, outcome.Errors.Split(':')[0]));
    }

    [Fact]
    public async Task Stow_PacsDownOrWithoutAccess_OneSentenceAndTheObjectsStay()
    {
        string[] to = ["--dicom", _out.Path, "--patience", "0.5", "--stow"];
        var down = await ExportAsync([.. to, $"http://127.0.0.1:{FreePorts.Find(1)[0]}/dicom-web"]);
        Assert.True(down.ExitCode == 4, down.ToString());
        Assert.StartsWith("pacs.unreachable", down.Errors, StringComparison.Ordinal);
        Assert.True(File.Exists(_out["ct/heatmap.dcm"]));

        await using var orthanc = await OrthancServer.StartAsync();
        var locked = await ExportAsync([.. to, orthanc.Address]);
        Assert.True(locked.ExitCode == 2, locked.ToString());
        Assert.StartsWith("pacs.unauthorized", locked.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stow_Orthanc_ObjectsLieInTheStudyBesideTheirSeriesAndComeBackAsTheyAre()
    {
        await using var orthanc = await OrthancServer.StartAsync();
        foreach (var slice in Directory.EnumerateFiles(Path.Combine(archive.In, "ct")).Concat(Directory.EnumerateFiles(Path.Combine(archive.In, "enhanced"))))
        {
            await orthanc.AddAsync(slice);
        }

        string[] command = ["export", archive.Store, "--dicom", _out.Path, "--stow", orthanc.Address];
        var sent = await TonnoRun.OfAsync(Login(orthanc), command);
        Assert.True(sent.ExitCode == 3, sent.ToString());
        Assert.Contains("2 exported", sent.Out, StringComparison.Ordinal);

        var series = await orthanc.QueryAsync($"studies/{ExportArchive.Study}/series");
        Assert.Equal(["CT", "CT", "OT", "OT", "SEG", "SEG"], series.EnumerateArray().Select(one => Value(one, "00080060")).Order());
        foreach (var name in _objects)
        {
            var uid = ResultFile.InstanceUidOf(_out[name])!;
            var found = Assert.Single((await orthanc.QueryAsync($"studies/{ExportArchive.Study}/instances?SOPInstanceUID={uid}")).EnumerateArray());
            var (body, file) = (
                await orthanc.RetrieveAsync($"studies/{ExportArchive.Study}/series/{Value(found, "0020000E")}/instances/{uid}"), await File.ReadAllBytesAsync(_out[name], Token));
            Assert.True(body.AsSpan().IndexOf(file) > 0, $"{name} did not come back as it was sent");
        }

        Assert.Contains("2 there already", (await TonnoRun.OfAsync(Login(orthanc), command)).Out, StringComparison.Ordinal);
        static string Value(System.Text.Json.JsonElement set, string tag) => set.GetProperty(tag).GetProperty("Value")[0].GetString()!;
    }

    private static Dictionary<string, string> Login(OrthancServer orthanc) => new() { ["TONNO_STOW__BASIC"] = $"{OrthancServer.User}:{orthanc.Password}" };

    private static string? Text(JsonNode? node) => node?.GetValue<string>();

    /// <summary>Code and volume of what was refused, in order.</summary>
    private static IEnumerable<string> Refused(TonnoRun outcome) =>
        outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(':', line.Split(':')[..2])).Order(StringComparer.Ordinal);

    /// <summary>Bits from the lowest of each byte on, and a byte more where they are odd.</summary>
    private static byte[] Packed(List<float> marked)
    {
        var packed = new byte[(marked.Count + 15) / 16 * 2];
        foreach (var (at, voxel) in marked.Index())
        {
            packed[at / 8] |= (byte)(voxel != 0 ? 1 << (at % 8) : 0);
        }

        return packed;
    }

    private static Restored Changed(string file)
    {
        var bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        return new(file, bytes);
    }

    private Task<TonnoRun> ExportAsync(params string[] options) => TonnoRun.OfAsync(["export", archive.Store, .. options]);

    private NiftiVolume Nifti(string id, string what) => NiftiReader.Read(Path.Combine(archive.Store, id, $"{what}.nii.gz"), long.MaxValue, Token);

    /// <summary>A file that gets its bytes back.</summary>
    private sealed class Restored(string file, byte[] bytes) : IDisposable
    {
        public void Dispose() => File.WriteAllBytes(file, bytes);
    }
}
