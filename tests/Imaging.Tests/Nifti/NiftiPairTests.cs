using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Nifti;

public sealed class NiftiPairTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tonno-pairs").FullName;
    private readonly NiftiFile _file = new() { Magic = "ni", Samples = Enumerable.Range(0, 24).Select(n => (float)n).ToArray() };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.hdr", "a.img", false, "a.hdr")]
    [InlineData("a.hdr", "a.img", false, "a.img")]
    [InlineData("a.hdr", "a.img.gz", true, "a.hdr")]
    [InlineData("a.hdr.gz", "a.img.gz", true, "a.hdr.gz")]
    [InlineData("a.hdr.gz", "a.img.gz", true, "a.img.gz")]
    [InlineData("a.HDR", "a.IMG", false, "a.HDR")]
    [InlineData("a.b.hdr", "a.b.img", false, "a.b.hdr")]
    public void Read_EitherHalfOfAPair_ReadsBoth(string header, string data, bool gzip, string given)
    {
        File.WriteAllBytes(InFolder(header), header.EndsWith("gz", StringComparison.Ordinal) ? NiftiFile.Compress(_file.Header()) : _file.Header());
        File.WriteAllBytes(InFolder(data), gzip ? NiftiFile.Compress(_file.Data()) : _file.Data());
        var read = NiftiReader.Read(InFolder(given), NiftiFile.NoLimit, Token);
        Assert.Equal((float[])_file.Samples!, read.Volume.Samples.AsFloats());
        Assert.True(read.Header.IsPair);
        Assert.True(NiftiReader.ReadHeader(InFolder(given)).IsPair);
    }

    [Fact]
    public void Read_DataWithOffset_SkipsIt()
    {
        var file = new NiftiFile { Magic = "ni", VoxOffset = 100, Samples = _file.Samples };
        File.WriteAllBytes(InFolder("a.hdr"), file.Header());
        File.WriteAllBytes(InFolder("a.img"), [.. new byte[100], .. file.Data()]);
        Assert.Equal((float[])_file.Samples!, NiftiReader.Read(InFolder("a.hdr"), NiftiFile.NoLimit, Token).Volume.Samples.AsFloats());
    }

    [Fact]
    public void Read_HalfMissingOrShort_Refused()
    {
        File.WriteAllBytes(InFolder("a.hdr"), _file.Header());
        Assert.Equal("nifti.pair_incomplete", CodeOf("a.hdr"));
        Assert.Equal("file.missing", CodeOf("a.img"));
        File.WriteAllBytes(InFolder("a.img"), _file.Data()[..^1]);
        Assert.Equal("nifti.truncated", CodeOf("a.hdr"));
        Assert.Equal("nifti.truncated", CodeOf("a.img"));
        File.Delete(InFolder("a.hdr"));
        Assert.Equal("nifti.pair_incomplete", CodeOf("a.img"));
        Assert.Equal("file.missing", CodeOf("none.nii"));
        Assert.Equal("file.unreadable", CodeOf(""));
    }

    [Theory]
    [InlineData("a.hdr")]
    [InlineData("a.img")]
    public void Scan_EitherHalf_PassesTheVolumeBy(string file)
    {
        File.WriteAllBytes(InFolder("a.hdr"), _file.Header());
        File.WriteAllBytes(InFolder("a.img"), _file.Data());
        var passed = new List<float>();
        NiftiReader.Scan(InFolder(file), run => passed.AddRange(run), Token);
        Assert.Equal((float[])_file.Samples!, passed);
    }

    private string InFolder(string file) => Path.Combine(_folder, file);

    private string CodeOf(string file)
    {
        var refusal = Assert.Throws<ImagingException>(() => NiftiReader.Read(InFolder(file), NiftiFile.NoLimit, Token));
        Assert.DoesNotContain(_folder, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(refusal.Reason, Assert.Throws<ImagingException>(() => NiftiReader.ReadHeader(InFolder(file))).Reason);
        return refusal.Reason.Code();
    }
}
