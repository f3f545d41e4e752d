using ToNNO.Imaging.Nifti;
using ToNNO.Tests.Support;

namespace ToNNO.Imaging.Tests.Nifti;

/// <summary>Files of several frames, of which one is read.</summary>
public sealed class NiftiFrameTests : IDisposable
{
    private static readonly float[] _samples = [.. Enumerable.Range(0, 72).Select(n => n * 0.5f)];
    private static readonly NiftiFile _file = new() { Dim = [4, 4, 3, 2, 3], Samples = _samples };
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void Read_Frame_IsThatFrameOnTheSameGrid(int frame, bool gzip)
    {
        File.WriteAllBytes(_folder["a.nii"], gzip ? _file.Gzip() : _file.Bytes());
        var read = NiftiReader.Read(_folder["a.nii"], NiftiFile.NoLimit, frame, Token);
        Assert.Equal(_samples[(24 * frame)..(24 * (frame + 1))], read.Volume.Samples.AsFloats());
        var passed = new List<float>();
        NiftiReader.Scan(_folder["a.nii"], run => passed.AddRange(run), frame, Token);
        Assert.Equal(read.Volume.Samples.AsFloats(), passed);
        Assert.Equal(4, NiftiReader.ReadHeader(_folder["a.nii"], frame).Rank);
    }

    [Fact]
    public void Read_NoFrameChosenOrOneTooMany_Refused()
    {
        File.WriteAllBytes(_folder["a.nii"], _file.Bytes());
        File.WriteAllBytes(_folder["b.nii"], new NiftiFile { Dim = [5, 4, 3, 2, 1, 3], Samples = _samples }.Bytes());
        Assert.Equal("volume.not_3d", CodeOf("a.nii", null));
        Assert.Equal("volume.frame_missing", CodeOf("a.nii", 3));
        Assert.Equal("volume.not_3d", CodeOf("b.nii", 0));
        File.WriteAllBytes(_folder["a.nii"], _file.Bytes()[..^1]);
        Assert.Equal("nifti.truncated", CodeOf("a.nii", 0)); // though the frame itself is whole
    }

    [Fact]
    public void Read_GzipThatIsDamagedBehindTheFrame_Refused()
    {
        var bytes = _file.Gzip();
        bytes[^5] ^= 1;
        File.WriteAllBytes(_folder["a.nii"], bytes);
        Assert.Equal("nifti.corrupt_gzip", CodeOf("a.nii", 0));
    }

    [Fact]
    public void Inspect_FramesOfOneFile_AreDifferentSources()
    {
        File.WriteAllBytes(_folder["a.nii"], _file.Bytes());
        var facts = Enumerable.Range(0, 3).Select(frame => VolumeSource.Inspect([FrameUri.Of(_folder["a.nii"], frame)], Token)).ToList();
        Assert.Equal(3, facts.Select(one => one.Sha256).Distinct().Count());
        var loaded = VolumeSource.Load([FrameUri.Of(_folder["a.nii"], 2)], facts[2].Sha256, long.MaxValue, Token)[0];
        Assert.Equal(_samples[48..], loaded.Volume.Samples.AsFloats());
    }

    [Theory]
    [InlineData("nibabel/example4d.nii.gz", 128, 96, 24, 2)]
    [InlineData("nibabel/functional.nii", 17, 21, 3, 20)]
    public void Read_FilesOfOtherPrograms_EveryFrame(string file, int i, int j, int k, int frames)
    {
        var path = SharedData.Path(file);
        var means = Enumerable.Range(0, frames).Select(frame =>
        {
            var volume = NiftiReader.Read(path, NiftiFile.NoLimit, frame, Token).Volume;
            Assert.Equal(new Tomography.Geometry.VolumeShape(i, j, k), volume.Geometry.Shape);
            return volume.Samples.AsFloats().Average();
        }).ToList();
        Assert.Equal(frames, means.Distinct().Count());
        Assert.Equal("volume.frame_missing", Assert.Throws<ImagingException>(() => NiftiReader.ReadHeader(path, frames)).Code);
    }

    private string CodeOf(string file, int? frame)
    {
        var refusal = Assert.Throws<ImagingException>(() => NiftiReader.Read(_folder[file], NiftiFile.NoLimit, frame, Token));
        return refusal.Code;
    }
}
