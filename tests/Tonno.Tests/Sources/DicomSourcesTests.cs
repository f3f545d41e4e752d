using System.IO.Compression;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Selection;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Tests.Sources;

public sealed class DicomSourcesTests : IDisposable
{
    private const string RtStructure = "1.2.840.10008.5.1.4.1.1.481.3", Segmentation = "1.2.840.10008.5.1.4.1.1.66.4";
    private static readonly DicomBytes _ct = new() { PatientName = "Mustermann^Erika" };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Hash(string file) => VolumeSource.ShortHash(_folder[file]);

    [Fact]
    public void List_SeriesBesideNifti_EachIsOneInputAndTheRestIsLeftOutWithItsReason()
    {
        Write("in/ct", _ct.Stack(3));
        Write("in/ct", (_ct with { SopClass = RtStructure, Series = "1.7" }).Stack(1), "plan");
        Write("in/ct", (_ct with { SopClass = Segmentation, Series = "1.8" }).Stack(1), "seg");
        Write("in/scout", (_ct with { ImageType = @"ORIGINAL\PRIMARY\LOCALIZER", Series = "1.9" }).Stack(2));
        File.WriteAllText(_folder["in/notes.txt"], "no input");
        File.WriteAllBytes(_folder["in/a.nii"], []);
        var listing = List("in");
        Assert.Equal(["a: in/a.nii", $"ct: in/ct#series={Key("1.2.3.4")}"], Shown(listing));
        Assert.Equal(
            [
                ("in/ct/plan0", "dicom.not_image"), ("in/ct/seg0", "dicom.not_a_stack"), ("in/notes.txt", "file.not_volume"), ("in/scout/0", "dicom.localizer"),
                ("in/scout/1", "dicom.localizer"),
            ],
            listing.LeftOut.Select(file => (Path.GetRelativePath(_folder.Path, file.Source), file.Reason)));
    }

    /// <summary>A copy that broke off at the end of a stack would leave a stack that is shorter, and sound.</summary>
    [Theory]
    [InlineData("3", "", false)]
    [InlineData("3", "gone", false)]
    [InlineData("3", "", true)]
    [InlineData("3.part", "gone", false)]
    [InlineData("3.gz", "gone", true)]
    public void List_FileThatIsCalledAsTheSlicesBesideItAndIsNone_IsAnInput(string name, string content, bool zipped)
    {
        Write("in/ct", _ct.Stack(3));
        File.WriteAllText(_folder[$"in/ct/{name}"], content);
        File.WriteAllText(_folder["in/ct/.hidden"], content);
        File.WriteAllText(_folder["in/ct/read.me"], content);
        if (zipped)
        {
            ZipFile.CreateFromDirectory(_folder["in/ct"], _folder["in/all.zip"]);
            Directory.Delete(_folder["in/ct"], recursive: true);
        }

        var listing = List("in");
        Assert.Equal(2, listing.Inputs.Count);
        var broken = Assert.Single(listing.Inputs, input => input.VolumeId.Value.StartsWith("dicom-", StringComparison.Ordinal));
        Assert.EndsWith(zipped ? $"all.zip#entry={name}" : $"ct/{name}", Assert.Single(broken.Uris), StringComparison.Ordinal);
        Assert.Equal("dicom.not_dicom", Assert.Throws<ImagingException>(() => VolumeSource.Inspect(broken.Uris, TestContext.Current.CancellationToken)).Code);
        Assert.Equal(["file.not_volume", "file.not_volume"], listing.LeftOut.Select(file => file.Reason));
    }

    /// <summary>What a PACS holds are instances: one that it answers otherwise for may be the last slice of a stack, which without it is shorter, and sound.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("gone")]
    public void List_InstanceOfAPacsThatIsNone_IsAnInput(string content)
    {
        const string Series = "dicomweb+http://pacs/web/studies/1.1/series/2.1";
        var slices = _ct.Stack(4).Select((slice, at) => (Path: $"{Series}/instances/3.{at}", Bytes: at < 3 ? slice.ToArray() : System.Text.Encoding.ASCII.GetBytes(content))).ToDictionary();
        var listing = SourceListing.List([Series], null, null, [], new Pacs(slices), "");
        Assert.Equal([$"dicom-{VolumeSource.ShortHash($"{Series}/instances/3.3")}", $"series-{Key("1.2.3.4")}"], listing.Inputs.Select(input => input.VolumeId.Value).Order(StringComparer.Ordinal));
        Assert.Empty(listing.LeftOut);
    }

    [Fact]
    public void List_ArchivesThatAreNotLookedInto_AreAccountedFor()
    {
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in/empty.zip"], []);
        File.WriteAllText(_folder["in/other.ZIP"], "no zip");
        File.WriteAllText(_folder["in/series.tar.gz"], "a tape");
        using (var zip = ZipFile.Open(_folder["in/outer.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntry("inner.zip");
            zip.CreateEntry("alone.img");
            zip.CreateEntry("pair.hdr");
            zip.CreateEntry("pair.img");
            zip.CreateEntry("pair.img.gz");
            zip.CreateEntry("whole.img");
            zip.CreateEntry("whole.nii");
        }

        using (var zip = ZipFile.Open(_folder["in/twice.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntry("a.nii");
            zip.CreateEntry("a.nii"); // of which one would be passed over
        }

        var listing = List("in");
        Assert.Equal(3, listing.Inputs.Count(input => input.VolumeId.Value.StartsWith("zip-", StringComparison.Ordinal)));
        Assert.All(listing.Inputs.Where(input => input.VolumeId.Value.StartsWith("zip-", StringComparison.Ordinal)), input =>
            Assert.Equal("zip.damaged", Assert.Throws<ImagingException>(() => VolumeSource.Inspect(input.Uris, TestContext.Current.CancellationToken)).Code));
        Assert.Equal(
            ["nifti.pair_incomplete", "zip.nested", "nifti.pair_incomplete", "nifti.pair_incomplete", "file.not_volume"],
            listing.LeftOut.Select(file => file.Reason));
        Assert.Equal(5, listing.Inputs.Count);
    }

    [Fact]
    public void List_SeveralSeriesInAFolder_AreToldByTheirKeys()
    {
        Write("in", _ct.Stack(3));
        Write("in", (_ct with { Series = "1.5" }).Stack(2), "b");
        Assert.Equal(
            Shown(List("in")).Order(),
            new[] { "1.2.3.4", "1.5" }.Select(Key).Select(key => $"in-{key[..8]}: in#series={key}").Order());
    }

    [Fact]
    public void List_SeriesSpreadOverFolders_IsOneInputOfTheFolderAboveThem()
    {
        Write("in/a/x", _ct.Stack(2));
        Write("in/a/y/z", [.. _ct.Stack(4).Skip(2)]);
        var key = Key("1.2.3.4");
        var listing = List("in");
        Assert.Equal([$"a-{key[..8]}: in/a/**#series={key}"], Shown(listing));
        Assert.Equal(4, VolumeSource.Inspect(listing.Inputs[0].Uris, TestContext.Current.CancellationToken).Headers.ByChannel[0].Shape.K);
    }

    [Theory]
    [InlineData("in/Mustermann_Erika")]
    [InlineData("in/MUSTERMANN, ERIKA/ct")]
    [InlineData("in/erika-mri")]
    [InlineData("in/1.2.3.4")]
    [InlineData("in/ct 14.7.1963")]
    [InlineData("in/1963-07-14")]
    [InlineData("in/2011_02_03 ct")]
    [InlineData("in/Gabler")]
    public void List_FolderThatRepeatsThePatientOrAUid_NamesTheVolumeByItsKey(string folder)
    {
        Write(folder, (_ct with
        {
            Others = new Dictionary<uint, DicomAttribute?>
            {
                [0x0010_0030] = new(0, "DA", "19630714"),
                [0x0008_0020] = new(0, "DA", "20110203"),
                [0x0010_1001] = new(0, "PN", "Gabler^Erika"),
            },
        }).Stack(2));
        Assert.Equal([$"series-{Key("1.2.3.4")}"], List("in").Inputs.Select(input => input.VolumeId.Value));

        // Its own zip is named as little.
        var zip = folder[3..].Replace('/', ' ') + ".zip";
        ZipFile.CreateFromDirectory(_folder[folder], _folder[zip]);
        Assert.Equal([$"series-{Key("1.2.3.4")}"], List(zip).Inputs.Select(input => input.VolumeId.Value));
    }

    [Fact]
    public void List_PatientThatCannotBeTold_KeepsTheFoldersName()
    {
        Write("in/Mustermann", (_ct with { Others = new Dictionary<uint, DicomAttribute?> { [0x0012_0062] = new(0, "CS", "YES") } }).Stack(2));
        Assert.Equal(["Mustermann"], List("in").Inputs.Select(input => input.VolumeId.Value));
    }

    [Fact]
    public void List_ShortNameOfAPatient_IsMetOnlyAsAWord()
    {
        Write("in/clinic", (_ct with { PatientName = "Li^Na" }).Stack(2));
        Write("in/li", (_ct with { PatientName = "Li^Na", Series = "1.5" }).Stack(2));
        Assert.Equal(["clinic", $"series-{Key("1.5")}"], List("in").Inputs.Select(input => input.VolumeId.Value));
    }

    /// <summary>Such names can be written in many ways: none is looked for, and no folder's name is taken.</summary>
    [Theory]
    [InlineData("ISO_IR 100", "M\u00FCller^Eva")]
    [InlineData("ISO_IR 192", "Kov\u00C3\u00A1cs^P\u00C3\u00A1l")] // as UTF-8 writes it
    [InlineData("ISO 2022 IR 87", "Yamada^Tarou=\u001B$B;3ED\u001B(B^\u001B$BB@O:\u001B(B")]
    public void List_PatientsNameBeyondAscii_NamesTheVolumeByItsKey(string characterSet, string name)
    {
        Write("in/scan", (_ct with { PatientName = name, Others = new Dictionary<uint, DicomAttribute?> { [0x0008_0005] = new(0, "CS", characterSet) } }).Stack(2));
        File.WriteAllBytes(_folder["in/scan/Mueller_Kovacs_Yamada.nii"], []);
        Assert.Equal(
            [$"series-{Key("1.2.3.4")}", $"source-{Hash("in/scan/Mueller_Kovacs_Yamada.nii")}"], List("in").Inputs.Select(input => input.VolumeId.Value).Order(StringComparer.Ordinal));
    }

    /// <summary>What lies elsewhere in an archive has no say in a name, so that it stays as the archive grows; nor have numbers of a maker, or a title.</summary>
    [Fact]
    public void List_NameThatOtherHeadersHappenToHold_IsTaken()
    {
        Write("in/thorax", (_ct with { Series = "1.5" }).Stack(2));
        Write("in/p7", (_ct with { PatientName = "Thor^Karl", Series = "1.6" }).Stack(2));
        Write("in/2024/thor-1", (_ct with { PatientName = "M\u00FCller^Eva", Series = "1.8" }).Stack(2)); // by its own name
        Write("in/2024/thor-2", (_ct with { PatientName = "Weber^Eva", Series = "1.9" }).Stack(2));
        Write("in/2024/thor-3", (_ct with { PatientName = "Thor^Eva", Series = "1.10" }).Stack(2));
        Write("in/sub-12", (_ct with { Series = "1.3.12.2.1107.5.2" }).Stack(2));
        Write("in/MR", (_ct with { PatientName = "Smith^Anna^^Mr", Series = "1.7" }).Stack(2));
        File.WriteAllBytes(_folder["in/sub-12/1107.nii"], []);
        Assert.Equal(
            new[] { "2024_thor-2", "MR", "p7", $"series-{Key("1.10")}", $"series-{Key("1.8")}", "sub-12", "sub-12_1107", "thorax" }.Order(StringComparer.Ordinal),
            List("in").Inputs.Select(input => input.VolumeId.Value).Order(StringComparer.Ordinal));
    }

    /// <summary>One slice, or a file of no volume, is enough to know whom the name of a folder, or of a NIfTI file, names.</summary>
    [Fact]
    public void List_NameThatAnyFileOfTheSourceGivesItsPatient_IsTakenByNothing()
    {
        var unnamed = _ct with { PatientName = "", Others = new Dictionary<uint, DicomAttribute?> { [0x0012_0062] = new(0, "CS", "YES") } };
        Write("in/Mustermann", [.. unnamed.Stack(3).Take(2), _ct with { Position = new(-10, -20, 34) }]);
        Write("in/erika", (unnamed with { Series = "1.5" }).Stack(3));
        Write("in/erika", (_ct with { SopClass = RtStructure, Series = "1.7" }).Stack(1), "plan");
        Write("packed", (_ct with { Series = "1.6" }).Stack(2));
        File.WriteAllBytes(_folder["in/Mustermann/T1.nii"], new NiftiBytes { Shape = new(4, 4, 4) }.Plain());
        File.WriteAllBytes(_folder["packed/erika_seg.nii"], []);
        ZipFile.CreateFromDirectory(_folder["packed"], _folder["in/all.zip"]);
        var inputs = List("in").Inputs;
        Assert.Equal(5, inputs.Count);
        Assert.All(inputs, input => Assert.Matches("^(series|source)-[0-9a-f]+$|^all$", input.VolumeId.Value));
        Assert.Equal(2, inputs.Count(input => input.Uris[0].EndsWith(".nii#unnamed", StringComparison.Ordinal)));
        foreach (var input in inputs.Where(input => input.VolumeId.Value.StartsWith("source-", StringComparison.Ordinal)))
        {
            Assert.Equal("The source", VolumeSource.NameOf(input.Uris[0]));
            var told = Record.Exception(() => VolumeSource.Inspect(input.Uris, TestContext.Current.CancellationToken));
            Assert.Equal(input.Uris[0].Contains(".zip", StringComparison.Ordinal) ? "nifti.truncated" : null, (told as ImagingException)?.Code);
            Assert.DoesNotContain("erika", told?.Message ?? "", StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void List_FolderOfOtherLetters_ItsHashIsSalted()
    {
        Write("in/\u5C71\u7530", _ct.Stack(2));
        string Named(string salt) => Assert.Single(SourceListing.List([_folder["in"]], null, null, [], new RemotePlaces(), salt).Inputs).VolumeId.Value;
        Assert.StartsWith("__-", Named(""), StringComparison.Ordinal);
        Assert.NotEqual(Named(""), Named("salt"));
    }

    /// <summary>A place that the rules leave out holds its part all the same.</summary>
    [Fact]
    public void List_PartThatRulesLeaveOut_StillSplitsTheSeries()
    {
        var slices = _ct.Stack(8).Select((slice, at) => slice with { Others = new Dictionary<uint, DicomAttribute?> { [0x0008_0018] = new(0, "UI", $"1.2.3.4.{at}") } }).ToList();
        Write("in/a", slices.Take(6));
        Write("in2/b", slices.Skip(6));
        var listing = SourceListing.List([_folder["in"], _folder["in2"]], null, RulesReader.Parse("take:\n  - {name: big, slices: {min: 5}}"), [], new RemotePlaces(), "");
        var refused = Assert.Throws<ImagingException>(() => VolumeSource.Inspect(Assert.Single(listing.Inputs).Uris, TestContext.Current.CancellationToken));
        Assert.Equal(("dicom.split_series", "rules.not_taken"), (refused.Code, Assert.Single(listing.LeftOut).Reason));
    }

    /// <summary>Halves of a series are sound stacks by themselves; copies are what they are.</summary>
    [Theory]
    [InlineData("every second", true)]
    [InlineData("the rest", true)]
    [InlineData("a copy of one", true)]
    [InlineData("copies", false)]
    public void List_OneSeriesInSeveralPlaces_RefusedUnlessTheyAreCopies(string how, bool refused)
    {
        var slices = _ct.Stack(8).Select((slice, at) => slice with { Others = new Dictionary<uint, DicomAttribute?> { [0x0008_0018] = new(0, "UI", $"1.2.3.4.{at}") } }).ToList();
        Write("in/disc", slices.Where((_, at) => how switch { "every second" => at % 2 == 0, "the rest" => at < 4, _ => true }));
        Write("packed", slices.Where((_, at) => how switch { "every second" => at % 2 == 1, "the rest" => at >= 4, "a copy of one" => at == 2, _ => true }).Reverse());
        ZipFile.CreateFromDirectory(_folder["packed"], _folder["in/second.zip"]);
        foreach (var inputs in new[]
        {
            List("in").Inputs,
            SourceListing.List([_folder["in/disc"], _folder["in/second.zip"]], null).Inputs,
            SourceListing.List([Manifest("one,in/disc", "two,in/second.zip")], null).Inputs,
        })
        {
            Assert.Equal(2, inputs.Count);
            foreach (var input in inputs)
            {
                var refusal = Record.Exception(() => VolumeSource.Inspect(input.Uris, TestContext.Current.CancellationToken)) as ImagingException;
                Assert.Equal(refused ? "dicom.split_series" : null, refusal?.Code);
                Assert.Equal(refusal?.Message, Record.Exception(() => VolumeSource.ReadHeaders(input.Uris, TestContext.Current.CancellationToken))?.Message);
            }
        }

        string Manifest(params string[] rows)
        {
            File.WriteAllLines(_folder["manifest.csv"], ["id,uri", .. rows]);
            return _folder["manifest.csv"];
        }
    }

    [Fact]
    public void List_Zip_HoldsSeriesAndNiftiAlike()
    {
        Write("src/ct", _ct.Stack(3));
        Write("src", (_ct with { SopClass = RtStructure, Series = "1.7" }).Stack(1), "plan");
        File.WriteAllBytes(_folder["src/scan.nii.gz"], []);
        Directory.CreateDirectory(_folder["in"]);
        ZipFile.CreateFromDirectory(_folder["src"], _folder["in/study.zip"]);
        foreach (var source in new[] { "in", "in/study.zip" })
        {
            var listing = List(source);
            Assert.Equal(
                ["study_scan: in/study.zip#entry=scan.nii.gz", $"study: in/study.zip#series={Key("1.2.3.4")}"], Shown(listing));
            Assert.Equal("dicom.not_image", Assert.Single(listing.LeftOut).Reason);
        }
    }

    [Fact]
    public void List_DicomThatIsCutShort_IsAnInputThatIsRefusedNotASliceThatIsMissed()
    {
        Write("in", _ct.Stack(3));
        File.WriteAllBytes(_folder["in/9"], _ct.ToArray()[..200]);
        var listing = List("in");
        Assert.Equal(2, listing.Inputs.Count);
        Assert.StartsWith("dicom-", listing.Inputs.Single(input => input.Uris[0] == _folder["in/9"]).VolumeId.Value, StringComparison.Ordinal);
    }

    /// <summary>Whatever could be a volume, or a part of one, is an input or left out by a reason.</summary>
    [Fact]
    public void List_WhatLooksLikeNothing_IsAccountedFor()
    {
        Write("in/ct", _ct.Stack(3));
        File.WriteAllBytes(_folder["in/ct/9"], (_ct with { Syntax = DicomBytes.Implicit }).ToArray()[132..]); // a slice without preamble
        File.WriteAllBytes(_folder["in/ct/kindless"], (_ct with { Others = new Dictionary<uint, DicomAttribute?> { [0x0008_0016] = null } }).ToArray());
        File.WriteAllBytes(_folder["in/ct/blank.dcm"], new byte[5000]);
        File.WriteAllBytes(_folder["in/DICOMDIR"], (_ct with
        {
            Others = new Dictionary<uint, DicomAttribute?> { [0x0004_1200] = new(0, "UL", new byte[4]), [0x0008_0016] = null, [0x0020_000E] = null },
        }).ToArray());
        File.CreateSymbolicLink(_folder["in/ct/unfetched"], _folder["nowhere"]);
        Directory.CreateSymbolicLink(_folder["in/linked"], _folder["in/ct"]);
        File.WriteAllBytes(_folder["in/half.img"], new byte[64]);
        File.WriteAllBytes(_folder["in/half.nii"], []);
        File.WriteAllBytes(_folder["in/pair.img"], []);
        File.WriteAllBytes(_folder["in/pair.hdr.gz"], []);
        File.WriteAllBytes(_folder["in/pair.img.gz"], []);
        File.WriteAllText(_folder["in/notes.txt"], "no input");
        Directory.CreateDirectory(_folder["texts"]);
        File.WriteAllText(_folder["texts/readme"], "no input");
        ZipFile.CreateFromDirectory(_folder["texts"], _folder["in/texts.zip"]);
        var listing = List("in");
        Assert.Equal(
            [$"ct: in/ct#series={Key("1.2.3.4")}", $"dicom-{Hash("in/ct/9")}: in/ct/9", $"dicom-{Hash("in/ct/blank.dcm")}: in/ct/blank.dcm", $"dicom-{Hash("in/ct/kindless")}: in/ct/kindless", "half: in/half.nii", "pair: in/pair.hdr.gz"],
            Shown(listing).OrderBy(shown => shown[shown.IndexOf(':', StringComparison.Ordinal)..], StringComparer.Ordinal));
        Assert.Equal(
            [("in/DICOMDIR", "dicom.not_image"), ("in/ct/unfetched", "file.missing"), ("in/half.img", "nifti.pair_incomplete"), ("in/linked", "folder.linked"), ("in/notes.txt", "file.not_volume"), ("in/pair.img.gz", "nifti.pair_incomplete"), ("in/texts.zip", "zip.empty")],
            listing.LeftOut.Select(file => (Path.GetRelativePath(_folder.Path, file.Source), file.Reason)));
        foreach (var (file, reason) in new[] { ("in/ct/9", RejectReason.NotDicom), ("in/ct/blank.dcm", RejectReason.NotDicom), ("in/ct/kindless", RejectReason.DicomAttributeMissing) })
        {
            var refused = Assert.Throws<ImagingException>(() => VolumeSource.Inspect([_folder[file]], TestContext.Current.CancellationToken));
            Assert.Equal(reason, refused.Reason);
        }
    }

    /// <summary>Hospitals call files, folders and zips after patients: what cannot be read is not named by them.</summary>
    [Fact]
    public void List_RefusedFilesNamedAfterAPatient_NeitherIdNorMessageRepeatsIt()
    {
        Write("in", (_ct with { SopClass = RtStructure }).Stack(1), "Mustermann_Erika");
        File.WriteAllBytes(_folder["in/Mustermann_Erika_0001.dcm"], _ct.ToArray()[..200]);
        File.WriteAllBytes(_folder["in/Mustermann_Erika_0002.dcm"], new byte[5000]);
        File.WriteAllBytes(_folder["in/Mustermann_Erika.zip"], [0x50, 0x4B, 3, 4, 0, 0, 0]);
        Directory.CreateDirectory(_folder["Mustermann"]);
        File.Copy(_folder["in/Mustermann_Erika0"], _folder["Mustermann/plan"]);
        foreach (var source in new[] { "in", "in/Mustermann_Erika0", "in/Mustermann_Erika_0002.dcm", "Mustermann" })
        {
            Assert.All(List(source).Inputs, input =>
            {
                Assert.DoesNotContain("Mustermann", input.VolumeId.Value, StringComparison.Ordinal);
                var refused = Assert.Throws<ImagingException>(() => VolumeSource.Inspect(input.Uris, TestContext.Current.CancellationToken));
                Assert.DoesNotContain("Mustermann", refused.Message, StringComparison.Ordinal);
            });
        }
    }

    [Fact]
    public void List_ModelOfSeveralChannels_LeavesSeriesOut()
    {
        Write("in", _ct.Stack(2));
        File.WriteAllBytes(_folder["in/a_T1.nii"], []);
        File.WriteAllBytes(_folder["in/a_T2.nii"], []);
        var listing = SourceListing.List([_folder["in"]], _folder["out"], "_T1", "_T2");
        Assert.Single(listing.Inputs);
        Assert.Equal(["dicom.one_channel", "dicom.one_channel"], listing.LeftOut.Select(file => file.Reason));
    }

    private static string Key(string uid) => SeriesUri.KeyOf(uid);

    /// <summary>A PACS that answers what a test wants.</summary>
    private sealed class Pacs(Dictionary<string, byte[]> instances) : IRemoteFiles
    {
        public bool Holds(string path) => RemotePlaces.IsOne(path);

        public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel) => [.. instances.Keys];

        public bool HoldsOneSeries(string folder) => true;

        public Stream Open(string path, long mostBytes) => new MemoryStream(instances[path]);

        public Stream? OpenSeekable(string path) => null;
    }

    private void Write(string folder, IEnumerable<DicomBytes> slices, string prefix = "")
    {
        Directory.CreateDirectory(_folder[folder]);
        foreach (var (at, slice) in slices.Index())
        {
            File.WriteAllBytes(_folder[$"{folder}/{prefix}{at}"], slice.ToArray());
        }
    }

    private SourceListing List(string source) => SourceListing.List([_folder[source]], _folder["out"]);

    private IEnumerable<string> Shown(SourceListing listing) =>
        listing.Inputs.Select(input => $"{input.VolumeId}: {Path.GetRelativePath(_folder.Path, Assert.Single(input.Uris))}");
}
