using ToNNO.Contracts;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.Tests.Exporting;

public sealed class BidsNameTests
{
    [Theory]
    [InlineData("/raw/sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_mod-T1w_desc-tonno_heatmap.nii.gz")]
    [InlineData("/raw/sub-01/ses-2/pet/sub-01_ses-2_trc-FDG_run-1_pet.nii", "sub-01/ses-2/pet/sub-01_ses-2_trc-FDG_run-1_mod-pet_desc-tonno_heatmap.nii.gz")]
    [InlineData("/flat/sub-01_space-MNI_desc-preproc_FLAIR.nii.gz", "sub-01/anat/sub-01_mod-FLAIR_space-MNI_desc-tonnopreproc_heatmap.nii.gz")]
    [InlineData("/raw/all.zip#entry=sub-7/pet/sub-7_pet.nii", "sub-7/pet/sub-7_mod-pet_desc-tonno_heatmap.nii.gz")]
    [InlineData("/scans/STS_023.nii.gz", "sub-theid/anat/sub-theid_desc-tonno_heatmap.nii.gz")]
    [InlineData("/Doe_Jane/**#series=0cfff90fd86e5683", "sub-theid/anat/sub-theid_desc-tonno_heatmap.nii.gz")]
    [InlineData("/raw/sub-01_T1w.nii.gz#frame=2", "sub-theid/anat/sub-theid_desc-tonno_heatmap.nii.gz")]
    public void Of_Source_ItsOwnNameWhereThatIsBids_ElseTheIds(string uri, string expected) =>
        Assert.Equal(expected, BidsName.Of(new("the_id."), uri).File("", "heatmap.nii.gz"));

    [Fact]
    public void File_OneOfSeveralClasses_NamesIt() =>
        Assert.Equal("sub-a/anat/sub-a_desc-tonnoBigtumour_mask.nii.gz", BidsName.Of(new("a"), "/a.nii").File("Bigtumour", "mask.nii.gz"));

    [Theory]
    [InlineData(new[] { "tumour" }, new[] { "" })]
    [InlineData(new[] { "Big tumour", "node" }, new[] { "Bigtumour", "node" })]
    [InlineData(new[] { "left-lesion", "Left lesion", "node" }, new[] { "1xleftlesion", "2xLeftlesion", "3xnode" })]
    [InlineData(new[] { "опухоль", "узел" }, new[] { "1x", "2x" })]
    public void LabelsOf_ClassesOfAnyNames_TellThemApart(string[] classes, string[] expected) => Assert.Equal(expected, BidsName.LabelsOf(classes));

    [Fact]
    public void OfAll_NamesThatWouldBeOne_AreToldApartInAnyOrder()
    {
        (VolumeId, string)[] volumes = [(new("STS_023"), "/a.nii"), (new("sts.023"), "/b.nii"), (new("--"), "/c.nii"), (new("one"), "/x/sub-1_T1w.nii"), (new("two"), "/y/sub-1_T1w.nii"), (new("free"), "/d.nii")];
        var names = BidsName.OfAll(volumes);
        var files = names.Values.Select(name => name.File("", "heatmap.nii.gz")).ToList();
        Assert.Equal(files.Count, files.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(files, file => Assert.Matches("^sub-[A-Za-z0-9]+/anat/sub-[A-Za-z0-9]+(_[a-z]+-[A-Za-z0-9]+)*_heatmap.nii.gz$", file));
        Assert.Equal("sub-free/anat/sub-free_desc-tonno_heatmap.nii.gz", names[new("free")].File("", "heatmap.nii.gz"));
        Assert.Equal(names, BidsName.OfAll(volumes.Reverse()));
    }
}
