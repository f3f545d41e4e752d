using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Tests;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Cluster.Tests;

/// <summary><c>tonno run</c> over DICOM archives.</summary>
public sealed class DicomRunTests : IDisposable
{
    private const string RtStructure = "1.2.840.10008.5.1.4.1.1.481.3";
    private const int Slices = 9;
    private readonly Workplace _work = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A bright box in a volume of 12 x 11 x 9 voxels, oblique.</summary>
    private static DicomBytes Series { get; } = new()
    {
        Columns = 12,
        Rows = 11,
        Orientation = (new(0.8, 0.6, 0), new(-0.6, 0.8, 0)),
        Slope = "0.5",
        Intercept = "-3",
        Pixel = at => (ushort)(at % 12 is > 4 and < 8 && at / 12 % 11 is > 3 and < 7 && at / 132 is > 2 and < 6 ? 206 : 6),
    };

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_SeriesInAFolderAndInAZipBesideTheirNiftiTwin_SameHeatmapOnTheSeriesOwnGrid()
    {
        Write("ct", Series.Stack(Slices).Reverse());
        Write("ct", [Series with { SopClass = RtStructure, Series = "1.7" }], "plan");
        Write("cut", Series.Stack(Slices).Select(slice => slice with { Series = "1.8" }).Where((_, at) => at != 4));
        _work.Write("damaged", Series.ToArray()[..250]);
        ZipFile.CreateFromDirectory(Path.Combine(_work.In, "ct"), Path.Combine(_work.In, "zipped.zip"));
        _work.Write("twin.nii", Twin().Plain());
        string[] command = ["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "32", "--report", _work["report.json"]];
        var outcome = await TonnoProcess.RunAsync(command);
        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.Equal(["ct", "twin", "zipped"], _work.Done());
        Assert.Equal(["dicom.missing_slices", "dicom.truncated"], outcome.Errors.Select(line => line.Split(':')[0]).Order());

        var twin = NiftiReader.Read(Path.Combine(_work.In, "twin.nii"), long.MaxValue, Token);
        var expected = Heatmap("twin").Volume.Samples.AsFloats();
        foreach (var id in new[] { "ct", "zipped" })
        {
            var heatmap = Heatmap(id);
            // Its int16 are interpolated before they are scaled, the twin's float32 after: a few roundings of the peak.
            Assert.All(expected.Zip(heatmap.Volume.Samples.AsFloats()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f * expected.Max()));
            Assert.Equal(twin.Header.SForm with { Code = 1 }, heatmap.Header.SForm);
            Assert.Equal(1, heatmap.Header.QForm.Code);
        }

        var report = _work.Report();
        Assert.Equal((5, 3, 2), (report["inputs"]!.GetValue<int>(), report["completed"]!.GetValue<int>(), report["quarantined"]!.GetValue<int>()));
        Assert.Equal(["dicom.not_image", "dicom.not_image"], report["leftOut"]!.AsArray().Select(file => file!["reason"]!.GetValue<string>()));
        Assert.Contains("2 files left out (2 dicom.not_image); --report lists them", outcome.Out);

        var again = await TonnoProcess.RunAsync(command);
        Assert.Contains("5 inputs: 3 completed (3 done before), 0 failed, 2 quarantined, 0 unfinished", again.Out);
    }

    /// <summary>A real series of a tilted gantry beside a straight one, which is the same work with and without the option.</summary>
    [Fact]
    public async Task Run_TiltedSeriesAskedToBeResampled_HeatmapAndObjectsOnTheStraightGrid()
    {
        Write("ct", Series.Stack(Slices));
        File.Copy(SharedData.Path("dcm-qa-ct/Philips_tilt-18.5_12slices.zip"), Path.Combine(_work.In, "tilted.zip"));
        string[] options = ["-i", _work.In, "-m", "builtin:sum", "--directions", "4", "--device", "cpu"];
        var strict = await TonnoProcess.RunAsync(["run", .. options, "-o", _work.Out]);
        Assert.Equal((3, "dicom.gantry_tilt"), (strict.ExitCode, Assert.Single(strict.Errors).Split(':')[0]));
        var told = await TonnoProcess.RunAsync(["plan", .. options, "--resample-tilted", "--slices-per-second", "1", "--json"]);
        var ran = await TonnoProcess.RunAsync(["run", .. options, "--resample-tilted", "-o", _work.Out]);
        Assert.True((told.ExitCode, ran.ExitCode) == (0, 0), $"{told}\n{ran}");
        Assert.Contains("2 inputs: 2 completed (1 done before), 0 failed, 0 quarantined, 0 unfinished", ran.Out);

        var grid = Heatmap("tilted").Header;
        Assert.Equal((512, 12), (grid.Shape.I, grid.Shape.K));
        Assert.True(grid.Shape.J > 512);
        var affine = grid.Geometry.Affine;
        Assert.Equal(0, affine.K.Dot(affine.J) / (affine.K.Length * affine.J.Length), 1e-6);
        var planned = JsonNode.Parse(string.Join('\n', told.Out))!["volumes"]!.AsArray().Single(line => (string?)line!["volumeId"] == "tilted")!["shape"]!;
        Assert.Equal((grid.Shape.I, grid.Shape.J, grid.Shape.K), ((int)planned["i"]!, (int)planned["j"]!, (int)planned["k"]!));

        var exported = await TonnoProcess.RunAsync("export", _work.Out, "--dicom", _work["objects"]);
        Assert.StartsWith("dicom.attribute_missing: ct: ", Assert.Single(exported.Errors), StringComparison.Ordinal); // whose files name no instance
        var voxels = Heatmap("tilted").Volume.Samples.AsFloats();
        Assert.Equal(voxels.SelectMany(BitConverter.GetBytes), (await File.ReadAllBytesAsync(_work["objects/tilted/heatmap.dcm"], Token))[^(sizeof(float) * voxels.Length)..]);
    }

    [Fact]
    public async Task Run_HeadersFullOfPatientData_NoneOfItIsWrittenAnywhere()
    {
        string[] planted = ["Zzyzx", "Quirinius", "PID77031X", "1.2.826.0.1.99887766", "19520317", "ACC4711Q"];
        var slice = Series with
        {
            PatientName = "Zzyzx^Quirinius",
            Series = "1.2.826.0.1.99887766.1",
            Others = new Dictionary<uint, DicomAttribute?>
            {
                [0x0008_0018] = new(0, "UI", "1.2.826.0.1.99887766.2"),
                [0x0008_0050] = new(0, "SH", "ACC4711Q"),
                [0x0010_0020] = new(0, "LO", "PID77031X"),
                [0x0010_0030] = new(0, "DA", "19520317"),
                [0x0020_000D] = new(0, "UI", "1.2.826.0.1.99887766.3"),
                [0x0020_4000] = new(0, "LT", "Zzyzx Quirinius came on 19520317"),
            },
        };
        DicomBytes Of(int series) => slice with { Series = $"{slice.Series}.{series}" };
        Write("good", Of(1).Stack(Slices));
        Write("Zzyzx_Quirinius", Of(2).Stack(Slices));
        Write("gap", Of(3).Stack(Slices).Where((_, at) => at != 3));
        Write("colour", (Of(4) with { Photometric = "RGB Zzyzx" }).Stack(3));
        Write("numbers", (Of(5) with { Slope = "PID77031X" }).Stack(3));
        Write("syntax", (Of(6) with { Syntax = "1.2.826.0.1.99887766.9" }).Stack(3));
        _work.Write("cut", Of(7).ToArray()[..400]);
        Write("mixed", Of(8).Stack(4).Select((one, at) => one with { SopClass = at == 1 ? DicomBytes.EnhancedCtClass : one.SopClass }));
        var outcome = await TonnoProcess.RunAsync(
            "run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "8", "--threshold", "50%", "-v", "--report", _work["report.json"]);
        Assert.True(outcome.ExitCode == 3, outcome.ToString());
        Assert.Equal(["good", $"series-{SeriesUri.KeyOf(slice.Series + ".2")}"], _work.Done());
        Assert.Equal(6, outcome.Errors.Count(line => line.StartsWith("dicom.", StringComparison.Ordinal)));

        var written = Directory.EnumerateFiles(_work.Out, "*", SearchOption.AllDirectories).SelectMany(Contents)
            .Select(text => text.Contains("\"inputs\"", StringComparison.Ordinal) ? text.Replace("in/Zzyzx_Quirinius", "", StringComparison.Ordinal) : text)
            .ToList();
        Assert.True(written.Count > 20);
        // Paths are the user's own words: the report tells them back, and the run's manifest tells them to the nodes that read the volumes.
        var report = File.ReadAllText(_work["report.json"]).Replace("Zzyzx_Quirinius", "", StringComparison.Ordinal);
        foreach (var secret in planted)
        {
            Assert.All(written, text => Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase));
            Assert.DoesNotContain(secret, outcome.ToString(), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(secret, report, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Run_WithASalt_NamesAreOfItAndTheNextRunFindsThemDone()
    {
        var salted = new Dictionary<string, string> { ["TONNO_SALT"] = "a-secret_7" };
        Write("Zzyzx_Quirinius", (Series with { PatientName = "Zzyzx^Quirinius" }).Stack(Slices));
        _work.Write("cut", Series.ToArray()[..200]); // before it says of which series it is
        string[] run = ["run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "8"];
        var first = await TonnoProcess.RunAsync(salted, run);
        Assert.True(first.ExitCode == 3, first.ToString());
        var key = SeriesUri.KeyBy(SeriesUri.KeyOf(Series.Series), "a-secret_7");
        Assert.Equal([$"series-{key}"], _work.Done());
        Assert.Contains($"dicom-{VolumeSource.ShortHash(Path.Combine(_work.In, "cut"), "a-secret_7")}", first.ToString(), StringComparison.Ordinal);
        foreach (var guessed in new[] { SeriesUri.KeyOf(Series.Series), VolumeSource.ShortHash(Path.Combine(_work.In, "cut")) })
        {
            Assert.DoesNotContain(guessed, first.ToString(), StringComparison.Ordinal);
            Assert.All(Directory.EnumerateFiles(_work.Out, "*", SearchOption.AllDirectories).SelectMany(Contents), text => Assert.DoesNotContain(guessed, text, StringComparison.Ordinal));
        }

        var second = await TonnoProcess.RunAsync(salted, [.. run, "--threshold", "50%"]);
        Assert.True(second.ExitCode == 3, second.ToString());
        Assert.Equal([$"series-{key}"], _work.Done());
        var third = await TonnoProcess.RunAsync(salted, [.. run, "--threshold", "50%"]);
        Assert.Contains("1 completed (1 done before)", third.Summary, StringComparison.Ordinal);

        var refused = await TonnoProcess.RunAsync([.. run, "--salt", "not ok"]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--salt and TONNO_SALT take", string.Concat(refused.Errors), StringComparison.Ordinal);
    }

    /// <summary>A file's path and bytes as text, and those of what is compressed in it.</summary>
    private static IEnumerable<string> Contents(string file)
    {
        yield return file;
        var bytes = File.ReadAllBytes(file);
        yield return Encoding.Latin1.GetString(bytes);
        using var stream = new MemoryStream(bytes);
        if (file.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var gzip = new GZipStream(stream, CompressionMode.Decompress);
            using var reader = new StreamReader(gzip, Encoding.Latin1);
            yield return reader.ReadToEnd();
        }
        else if (file.EndsWith(".npz", StringComparison.Ordinal))
        {
            using var zip = new ZipArchive(stream);
            foreach (var entry in zip.Entries)
            {
                using var reader = new StreamReader(entry.Open(), Encoding.Latin1);
                yield return reader.ReadToEnd();
            }
        }
    }

    private static NiftiBytes Twin()
    {
        static Vector3D Ras(Vector3D lps) => new(-lps.X, -lps.Y, lps.Z);
        var (row, column) = Series.Orientation;
        return new NiftiBytes
        {
            Shape = new(Series.Columns, Series.Rows, Slices),
            Affine = new(
                Ras(Series.ColumnSpacingMm * row), Ras(Series.RowSpacingMm * column), Ras(2 * row.Cross(column)), Ras(Series.Position)),
            Intensity = (i, j, k) => (0.5f * Series.Pixel(i + (12 * j) + (132 * k))) - 3,
        };
    }

    private NiftiVolume Heatmap(string id) => NiftiReader.Read(Path.Combine(_work.Out, id, "heatmap.nii.gz"), long.MaxValue, Token);

    private void Write(string folder, IEnumerable<DicomBytes> slices, string prefix = "")
    {
        foreach (var (at, slice) in slices.Index())
        {
            _work.Write($"{folder}/{prefix}{at}", slice.ToArray());
        }
    }
}
