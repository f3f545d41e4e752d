using ToNNO.Tests.Support;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Tests.Sources;

public sealed class SourceListingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void List_NoChannels_EveryFileIsAVolume()
    {
        Touch("in/a_0000.nii", "in/a_0001.nii", "in/deep/b.nii.gz", "in/c.txt");
        var listing = SourceListing.List([_folder["in"]], _folder["out"]);
        Assert.Equal(["a_0000: in/a_0000.nii", "a_0001: in/a_0001.nii", "deep_b: in/deep/b.nii.gz"], Shown(listing));
        Assert.Equal((_folder["in/c.txt"], "file.not_volume"), listing.LeftOut.Select(file => (file.Source, file.Reason)).Single());
    }

    [Fact]
    public void List_NamesThatAnOptionOrAHiddenFileHas_AreChanged()
    {
        Touch("in/-x.nii", "in/.y.nii");
        Assert.Equal(["x: in/-x.nii", "y: in/.y.nii"], Shown(SourceListing.List([_folder["in"]], _folder["out"])));
    }

    [Fact]
    public void List_Channels_AreGroupedInTheModelsOrderWhateverTheirExtensions()
    {
        Touch("in/a_T1.nii", "in/a_FLAIR.nii.gz", "in/x/a_FLAIR.hdr", "in/x/a_FLAIR.img", "in/x/a_T1.nii", "in/a_seg.nii");
        var listing = SourceListing.List([_folder["in"]], _folder["out"], "_FLAIR", "_T1");
        Assert.Equal(["a: in/a_FLAIR.nii.gz in/a_T1.nii", "x_a: in/x/a_FLAIR.hdr in/x/a_T1.nii"], Shown(listing));
        Assert.Equal([new(_folder["in/a_seg.nii"], "channels.no_name")], listing.LeftOut);
    }

    [Fact]
    public void List_FilesNamedByTheirChannelAlone_TakeTheirFoldersName()
    {
        Touch("in/a/PET.nii", "in/a/CT.nii", "in/b/PET.nii", "in/b/CT.nii");
        string[] endings = ["PET", "CT"];
        Assert.Equal(["a: in/a/PET.nii in/a/CT.nii", "b: in/b/PET.nii in/b/CT.nii"], Shown(SourceListing.List([_folder["in"]], _folder["out"], endings)));
        Assert.Equal(["a: in/a/PET.nii in/a/CT.nii"], Shown(SourceListing.List([_folder["in/a"]], _folder["out"], endings)));
        Assert.Equal(["b: in/b/PET.nii in/b/CT.nii"], Shown(SourceListing.List([_folder["in/b/CT.nii"]], _folder["out"], endings)));
    }

    [Fact]
    public void List_TwoFilesOfOneChannel_OneIsTakenAndTheOtherLeftOut()
    {
        Touch("in/a_0000.nii", "in/a_0000.nii.gz", "in/a_0001.nii");
        var listing = SourceListing.List([_folder["in"]], _folder["out"], "_0000", "_0001");
        Assert.Equal(["a: in/a_0000.nii in/a_0001.nii"], Shown(listing));
        Assert.Equal([new(_folder["in/a_0000.nii.gz"], "channels.no_name")], listing.LeftOut);
    }

    [Fact]
    public void List_ExtensionsInCapitals_AreFound()
    {
        Touch("in/a_0000.NII.GZ", "in/a_0001.nii.gz");
        Assert.Equal(["a: in/a_0000.NII.GZ in/a_0001.nii.gz"], Shown(SourceListing.List([_folder["in"]], _folder["out"], "_0000", "_0001")));
    }

    [Fact]
    public void List_FolderThatCannotBeListed_IsAnInputBesideTheOthers()
    {
        Touch("in/a.nii");
        // Deeper than a path may be long: not even root can list it by its path.
        var name = new string('d', 200);
        using (var shell = System.Diagnostics.Process.Start("bash", ["-c", $"cd {_folder["in"]} && for i in $(seq 25); do mkdir {name} && cd {name}; done"]))
        {
            shell.WaitForExit();
        }

        try
        {
            var inputs = SourceListing.List([_folder["in"]], _folder["out"]).Inputs;
            Assert.Equal(2, inputs.Count);
            Assert.Contains(inputs, input => input.VolumeId.Value == "a");
            Assert.Contains(inputs, input => input.Uris.Single().StartsWith(_folder[$"in/{name}/{name}"], StringComparison.Ordinal));
        }
        finally
        {
            using var removal = System.Diagnostics.Process.Start("rm", ["-rf", _folder[$"in/{name}"]]);
            removal.WaitForExit();
        }
    }

    [Fact]
    public void List_ChannelMissing_IsListedWithTheFileThatShouldBeThere()
    {
        Touch("in/a_0000.nii.gz", "in/b_0001.nii");
        Assert.Equal(
            ["a: in/a_0000.nii.gz in/a_0001.nii.gz", "b: in/b_0000.nii in/b_0001.nii"],
            Shown(SourceListing.List([_folder["in"]], _folder["out"], "_0000", "_0001")));
    }

    [Fact]
    public void List_FilesGivenSingly_FindTheirSiblingsOnce()
    {
        Touch("in/a_0000.nii", "in/a_0001.nii", "in/other.nii");
        var listing = SourceListing.List(
            [_folder["in/a_0001.nii"], _folder["in/a_0000.nii"], _folder["in/other.nii"], _folder["in/none_0000.nii"]], _folder["out"], "_0000", "_0001");
        Assert.Equal(
            ["a: in/a_0000.nii in/a_0001.nii", "none: in/none_0000.nii in/none_0001.nii", "other: in/other.nii"], Shown(listing)); // the last is refused for want of a channel
        Assert.Empty(listing.LeftOut);
    }

    [Fact]
    public void List_EndingWithinAnother_TheLongerOneWins()
    {
        Touch("in/a_T1.nii", "in/a_post_T1.nii");
        Assert.Equal(["a: in/a_T1.nii in/a_post_T1.nii"], Shown(SourceListing.List([_folder["in"]], _folder["out"], "_T1", "_post_T1")));
    }

    [Fact]
    public void List_OneFileForAllChannels_IsTakenForEach()
    {
        Touch("in/a.nii");
        Assert.Equal(["a: in/a.nii in/a.nii in/a.nii"], Shown(SourceListing.List([_folder["in"]], _folder["out"], "", "", "")));
    }

    /// <summary>A name that another volume has already stays that volume's.</summary>
    [Fact]
    public void List_NamesMadeLikeOthers_StayApart()
    {
        Touch("in/a.nii", "in/a.nii.gz", "in/b.nii", "in/b-frame0.nii");
        var hashed = SourceListing.List([_folder["in"]], null).Inputs.Select(input => input.VolumeId.Value).First(name => name.StartsWith("a-", StringComparison.Ordinal));
        Touch($"in/{hashed}.nii");
        var listing = SourceListing.List([_folder["in"]], null);
        Assert.Equal(5, listing.Inputs.Select(input => input.VolumeId.Value).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(5, listing.OfFrame(0).Inputs.Select(input => input.VolumeId.Value).Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public void OfFrame_NamesTheFrameInFileAndVolumeAlike()
    {
        Touch("in/a.nii", "in/b.nii.gz");
        Assert.Equal(
            ["a-frame2: in/a.nii#frame=2", "b-frame2: in/b.nii.gz#frame=2"], Shown(SourceListing.List([_folder["in"]], _folder["out"]).OfFrame(2)));
    }

    private void Touch(params string[] files)
    {
        foreach (var file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[file])!);
            File.WriteAllBytes(_folder[file], []);
        }
    }

    private IEnumerable<string> Shown(SourceListing listing) => listing.Inputs.Select(
        input => $"{input.VolumeId}: {string.Join(' ', input.Uris.Select(uri => Path.GetRelativePath(_folder.Path, uri)))}");
}
