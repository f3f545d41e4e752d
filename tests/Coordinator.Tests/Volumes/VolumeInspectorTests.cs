using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Volumes;

/// <summary>Volumes that are not where they were: the volume's fault, or the archive's.</summary>
public sealed class VolumeInspectorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("mount/v.nii")]
    [InlineData("mount/sub-1/anat/v.nii")]
    [InlineData("mount/study/**#series=0123456789abcdef")]
    [InlineData("mount/a.zip#entry=v.nii")]
    public async Task Inspect_ShareIsNotMounted_AskedAgainAndThenFailed(string uri)
    {
        Directory.CreateDirectory(_folder["mount"]); // where it would be
        var lost = await Assert.ThrowsAsync<BlobStoreException>(() => InspectAsync(uri, new CoordinatorOptions()));
        Assert.Equal((BlobStoreError.Unavailable, "file.missing"), (lost.Error, lost.Code));
        await Assert.ThrowsAsync<ImagingException>(() => InspectAsync(uri, new CoordinatorOptions { TakesUpRuns = false }));
    }

    [Theory]
    [InlineData("mount/v.nii")]
    [InlineData("mount/sub-1/anat/v.nii")]
    [InlineData("mount/study/**#series=0123456789abcdef")]
    public async Task Inspect_VolumeAloneIsGone_Refused(string uri)
    {
        Directory.CreateDirectory(_folder["mount"]);
        File.WriteAllBytes(_folder["mount/other.nii"], []);
        var refused = await Assert.ThrowsAsync<ImagingException>(() => InspectAsync(uri, new CoordinatorOptions()));
        Assert.Equal(RejectReason.FileMissing, refused.Reason);
    }

    [Fact]
    public async Task Inspect_NotAFile_Refused()
    {
        Directory.CreateDirectory(_folder["mount"]);
        Directory.CreateSymbolicLink(_folder["mount/v.nii"], "/dev/null");
        var refused = await Assert.ThrowsAsync<ImagingException>(() => InspectAsync("mount/v.nii", new CoordinatorOptions()));
        Assert.Equal(RejectReason.FileUnreadable, refused.Reason);
    }

    private Task<Inspection> InspectAsync(string uri, CoordinatorOptions options) => new VolumeInspector(new LocalFolderStore(_folder["out"]), remote: null, options)
        .InspectAsync(SmallWork.Run, SmallWork.Settings, new RunInput(new("v"), [_folder[uri]]), TestContext.Current.CancellationToken);
}
