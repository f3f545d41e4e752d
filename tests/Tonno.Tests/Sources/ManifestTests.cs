using System.Diagnostics;
using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Tests.Sources;

public sealed class ManifestTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("m.csv", "label,uri,id,notes\nyes,a.nii,first,x\n,../in/deep/b.nii.gz,second,\n0,none.nii.gz,third,")]
    [InlineData("m.JSONL", "{\"id\":\"first\",\"uri\":\"a.nii\",\"label\":\"yes\",\"notes\":[1]}\n\n{\"id\":\"second\",\"uri\":\"deep/b.nii.gz\",\"label\":null}\n{\"id\":\"third\",\"uri\":\"none.nii.gz\",\"label\":0}")]
    public void List_Manifest_ItsNamesLabelsAndPlaces(string name, string content)
    {
        Touch("in/a.nii", "in/deep/b.nii.gz", "in/deep/c.nii");
        File.WriteAllText(_folder[$"in/{name}"], content);
        var listing = SourceListing.List([_folder["in/deep"], _folder[$"in/{name}"]], _folder["out"]);
        // What others name, too, bears the manifest's name; what is not there is refused when it is looked at.
        Assert.Equal(["c: in/deep/c.nii", "first: in/a.nii", "second: in/deep/b.nii.gz", "third: in/none.nii.gz"], Shown(listing));
        Assert.Equal(["first: yes", "third: 0"], listing.Inputs.Where(input => input.Label is not null).Select(input => $"{input.VolumeId}: {input.Label}"));
        Assert.Equal("yes", listing.OfFrame(3).Inputs.Single(input => input.VolumeId == new VolumeId("first-frame3")).Label);
    }

    [Fact]
    public void List_RowsThatNameFoldersZipsSeriesAndChannels_TheOneVolumeOfEach()
    {
        Touch("in/x_T1.nii", "in/x_T2.nii");
        var series = new DicomBytes();
        WriteSeries("in/ct", series);
        WriteSeries("in/two", series);
        WriteSeries("in/two", series with { Series = "1.9" }, "other");
        System.IO.Compression.ZipFile.CreateFromDirectory(_folder["in/ct"], _folder["in/ct.zip"]);
        var key = Imaging.Dicom.SeriesUri.KeyOf("1.9");
        File.WriteAllText(_folder["m.csv"], $"id,uri\nfolder,in/ct\nzip,in/ct.zip\nseries,in/two#series={key}\nabsolute,{_folder["in/x_T1.nii"]}\nfile,file://{_folder["in/x_T2.nii"]}");
        Assert.Equal(
            [$"absolute: in/x_T1.nii", $"file: in/x_T2.nii", $"folder: in/ct#series={Imaging.Dicom.SeriesUri.KeyOf("1.2.3.4")}", $"series: in/two#series={key}", $"zip: in/ct.zip#series={Imaging.Dicom.SeriesUri.KeyOf("1.2.3.4")}"],
            Shown(SourceListing.List([_folder["m.csv"]], _folder["out"])));

        File.WriteAllText(_folder["c.csv"], "id,uri\nboth,in/x_T2.nii");
        Assert.Equal(["both: in/x_T1.nii in/x_T2.nii"], Shown(SourceListing.List([_folder["c.csv"]], _folder["out"], "_T1", "_T2")));
    }

    [Theory]
    [InlineData("m.csv", "id,path\na,a.nii", "manifest.column_missing", "m.csv has no column uri")]
    [InlineData("m.csv", "", "manifest.column_missing", "m.csv is empty")]
    [InlineData("m.csv", "id,uri\n", "manifest.incomplete", "names no volume")]
    [InlineData("m.csv", "id,uri\na,a.nii\nb,", "manifest.incomplete", "Line 3 of m.csv, of b, has no uri")]
    [InlineData("m.csv", "id,uri\na,a.nii\nb,b.nii,c", "manifest.unreadable", "Line 3 of m.csv")]
    [InlineData("m.csv", "id,uri\na,a.nii\nA,b.nii", "manifest.id_repeated", "Line 3 of m.csv has the id A of line 2")]
    [InlineData("m.csv", "id,uri\na,x.nii\nb,./x.nii", "manifest.uri_repeated", "Line 3 of m.csv names the volume of line 2")]
    [InlineData("m.csv", "id,uri\n../a,a.nii", "manifest.id_unsafe", "Line 2 of m.csv")]
    [InlineData("m.csv", "id,uri\n.a,a.nii", "manifest.id_unsafe", "Line 2 of m.csv")]
    [InlineData("m.csv", "id,uri\na b,a.nii", "manifest.id_unsafe", "Line 2 of m.csv")]
    [InlineData("m.csv", "id,uri\na,ftp://a.nii", "manifest.uri_unsupported", "Line 2 of m.csv")]
    [InlineData("m.csv", "id,uri\na,in", "manifest.ambiguous", "Line 2 of m.csv names a folder or zip of 2 inputs")]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":\"a.nii\"}\n\nnothing", "manifest.unreadable", "Line 3 of m.jsonl")]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":\"\\ud800.nii\"}", "manifest.unreadable", "or half a letter")]
    [InlineData("m.jsonl", "[1]", "manifest.unreadable", "Line 1 of m.jsonl")]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":\"a.nii\",\"id\":\"b\"}", "manifest.unreadable", "or has a key twice")]
    [InlineData("m.jsonl", "{\"id\":\"a\"}", "manifest.column_missing", "Line 1 of m.jsonl has no uri")]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":null}", "manifest.incomplete", "Line 1 of m.jsonl")]
    [InlineData("m.jsonl", "\n", "manifest.incomplete", "names no volume")]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":\"a.nii\",\"label\":\"LONG\"}", "manifest.label_too_long", "Line 1 of m.jsonl")]
    [InlineData("none.csv", null, "manifest.unreadable", "none.csv")]
    [InlineData("none.jsonl", null, "manifest.unreadable", "none.jsonl")]
    public void List_ManifestThatContradictsItself_RefusedByLine(string name, string? content, string code, string said)
    {
        Touch("in/1.nii", "in/2.nii");
        if (content is not null)
        {
            File.WriteAllText(_folder[name], content.Replace("LONG", new string('x', 1001), StringComparison.Ordinal));
        }

        var refused = Assert.Throws<CommandException>(() => SourceListing.List([_folder[name]], _folder["out"]));
        Assert.Equal((code, ExitCodes.Usage), (refused.Code, refused.ExitCode));
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("m.jsonl", "{\"id\":\"a\",\"uri\":\"a.nii\",\"label\":\"M\u00FCller\"}")]
    [InlineData("m.csv", "id,uri,label\na,a.nii,M\u00FCller")]
    public void List_ManifestInLatin1_Refused(string name, string content)
    {
        foreach (var mark in new byte[][] { [], [0xEF, 0xBB, 0xBF] })
        {
            File.WriteAllBytes(_folder[name], [.. mark, .. System.Text.Encoding.Latin1.GetBytes(content)]);
            Assert.Equal("manifest.unreadable", Assert.Throws<CommandException>(() => SourceListing.List([_folder[name]], null)).Code);
            File.WriteAllBytes(_folder[name], [.. mark, .. System.Text.Encoding.UTF8.GetBytes(content)]);
            Assert.Equal("M\u00FCller", Assert.Single(SourceListing.List([_folder[name]], null).Inputs).Label);
        }
    }

    [Fact]
    public void List_TwoManifestsOfOneId_Refused()
    {
        File.WriteAllText(_folder["m.csv"], "id,uri\na,a.nii");
        File.WriteAllText(_folder["n.csv"], "id,uri\nx,x.nii\na,b.nii");
        Assert.Equal("manifest.id_repeated", Assert.Throws<CommandException>(() => SourceListing.List([_folder["m.csv"], _folder["n.csv"]], null)).Code);
        Directory.CreateDirectory(_folder["site"]);
        File.Copy(_folder["m.csv"], _folder["site/m.csv"]); // called alike, of other files
        Assert.Equal("manifest.id_repeated", Assert.Throws<CommandException>(() => SourceListing.List([_folder["m.csv"], _folder["site/m.csv"]], null)).Code);
    }

    [Theory]
    [InlineData("m.csv", "id,uri,label\nfirst,\"a.nii\",yes\nsecond,b/c.nii.gz,no\n")]
    [InlineData("m.jsonl", "{\"id\":\"first\",\"uri\":\"a.nii\",\"label\":\"yes\"}\n{\"id\":\"second\",\"uri\":\"azure://abc/d.nii\"}\n")]
    public void Read_DamagedManifest_ReadOrRefusedByItsCode(string name, string content)
    {
        var (random, refused) = (new Random(7), 0);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(content);
            for (var change = random.Next(4); change >= 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_folder[name], bytes[..random.Next(1, bytes.Length + 1)]);
            try
            {
                Manifest.Read(_folder[name]);
            }
            catch (CommandException refusal)
            {
                Assert.StartsWith("manifest.", refusal.Code, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 100, 2990);
    }

    /// <summary>A hospital's archive: the listing is not to be what one waits for. It takes half a second here.</summary>
    [Theory]
    [InlineData("csv")]
    [InlineData("jsonl")]
    public void List_AHundredThousandRows_IsNoLongWait(string kind)
    {
        const int Rows = 100_000;
        var lines = Enumerable.Range(0, Rows).Select(at => kind == "csv" ? $"v{at:D6},scans/{at % 1000}/{at}.nii.gz,{at % 2}" : $"{{\"id\":\"v{at:D6}\",\"uri\":\"scans/{at % 1000}/{at}.nii.gz\",\"label\":\"{at % 2}\"}}");
        File.WriteAllLines(_folder[$"m.{kind}"], kind == "csv" ? ["id,uri,label", .. lines] : lines);
        var begun = Stopwatch.GetTimestamp();
        var listing = SourceListing.List([_folder[$"m.{kind}"]], _folder["out"]);
        var taken = Stopwatch.GetElapsedTime(begun);
        TestContext.Current.TestOutputHelper!.WriteLine(taken.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture));
        Assert.Equal((Rows, Rows), (listing.Inputs.Count, listing.Inputs.Count(input => input.Label is not null)));
        Assert.True(taken < TimeSpan.FromMinutes(2), $"{taken}"); // a second or so on a machine with nothing else to do
    }

    private void WriteSeries(string folder, DicomBytes series, string prefix = "")
    {
        Directory.CreateDirectory(_folder[folder]);
        foreach (var (at, slice) in series.Stack(3).Index())
        {
            File.WriteAllBytes(_folder[$"{folder}/{prefix}{at}"], slice.ToArray());
        }
    }

    private void Touch(params string[] files)
    {
        foreach (var file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[file])!);
            File.WriteAllBytes(_folder[file], []);
        }
    }

    private IEnumerable<string> Shown(SourceListing listing) => listing.Inputs
        .Select(input => $"{input.VolumeId}: {string.Join(' ', input.Uris.Select(uri => uri.Replace(_folder.Path + "/", "", StringComparison.Ordinal)))}").Order(StringComparer.Ordinal);
}
