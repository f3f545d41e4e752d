using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Nifti;

public sealed class NiftiRefusalTests
{
    private static readonly double[] Singular = [1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0];

    [Fact]
    public void Read_Unsuitable_RefusedWithItsCode()
    {
        Refused("nifti.rgb", new() { DataType = 128 });
        Refused("nifti.rgb", new() { DataType = 2304 });
        Refused("nifti.complex", new() { DataType = 32 });
        Refused("nifti.complex", new() { DataType = 1792 });
        Refused("nifti.complex", new() { DataType = 2048 });
        Refused("nifti.datatype_unsupported", new() { DataType = 1536 });
        Refused("nifti.datatype_unsupported", new() { DataType = 1 });
        Refused("nifti.datatype_unsupported", new() { DataType = 0 });
        Refused("volume.not_3d", new() { Dim = [2, 4, 3] });
        Refused("volume.not_3d", new() { Dim = [1, 4] });
        Refused("volume.not_3d", new() { Dim = [3, 4, 3, 1] });
        Refused("volume.not_3d", new() { Dim = [3, 1, 3, 4] });
        Refused("volume.not_3d", new() { Dim = [4, 4, 3, 2, 3] });
        Refused("volume.not_3d", new() { Dim = [5, 4, 3, 2, 1, 3] });
        Refused("nifti.header_invalid", new() { Dim = [0, 4, 3, 2] });
        Refused("nifti.header_invalid", new() { Dim = [8, 4, 3, 2, 1, 1, 1, 1], Samples = new float[24] });
        Refused("nifti.header_invalid", new() { Dim = [3, 4, 0, 2] });
        Refused("nifti.header_invalid", new() { Dim = [3, 4, -3, -2], Samples = new float[24] });
        Refused("nifti.header_invalid", new() { VoxOffset = 348 });
        Refused("nifti.header_invalid", new() { VoxOffset = 352.5 });
        Refused("nifti.header_invalid", new() { VoxOffset = double.NaN });
        Refused("nifti.header_invalid", new() { VoxOffset = 1e30 });
        Refused("nifti.header_invalid", new() { Version = 2, VoxOffset = 540 });
        Refused("nifti.header_invalid", new() { Slope = 2, Inter = double.NaN });
        Refused("nifti.header_invalid", new() { Units = 5 });
        Refused("nifti.header_invalid", new() { Samples = new float[5_000_000] });
        Refused("nifti.not_nifti", new() { Magic = "nx" });
        Refused("nifti.pair_incomplete", new() { Magic = "ni" });
        Refused("volume.geometry_invalid", new() { SForm = Singular });
        Refused("volume.geometry_invalid", new() { SForm = new double[12] });
        Refused("volume.geometry_invalid", new() { SForm = [1, 0, 0, double.NaN, 0, 1, 0, 0, 0, 0, 1, 0] });
        Refused("volume.geometry_invalid", new() { Version = 2, SForm = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1e-170, 0] });
        Refused("volume.geometry_invalid", new() { SFormCode = 0, QFormCode = 1, Quaternion = [1, 1, 0] });
        Refused("volume.geometry_invalid", new() { SFormCode = 0, QFormCode = 1, PixDim = [1, 1, 0, 1, 0, 0, 0, 0] });
        Refused("volume.geometry_invalid", new() { SFormCode = 0, PixDim = [1, 1, -1, 1, 0, 0, 0, 0] });
        Refused("volume.too_large", new() { Version = 2, Dim = [3, long.MaxValue, long.MaxValue, long.MaxValue], Samples = new float[24] });
        Refused("volume.too_large", new() { Version = 2, Dim = [3, int.MaxValue, int.MaxValue, 2], Samples = new float[24] });
        Refused("nifti.truncated", new() { Version = 2, Dim = [3, int.MaxValue, 1000, 1000], Samples = new float[24] });
        Refused("nifti.truncated", new() { VoxOffset = 100_000 });

        static void Refused(string code, NiftiFile file)
        {
            foreach (var bytes in new[] { file.Bytes(), file.Gzip() })
            {
                var refusal = Assert.Throws<ImagingException>(() => NiftiFile.ReadBytes(bytes));
                Assert.True(code == refusal.Reason.Code(), $"{code} expected, {refusal.Reason.Code()} given: {refusal.Message}");
                Assert.StartsWith("scan.nii ", refusal.Message, StringComparison.Ordinal);
                Assert.EndsWith(".", refusal.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Read_TruncatedAnywhere_Refused(int version)
    {
        var bytes = new NiftiFile { Version = version, Extension = new byte[16] }.Bytes();
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal("nifti.truncated", CodeOf(bytes[..length]));
            Assert.Equal("nifti.truncated", CodeOf(NiftiFile.Compress(bytes[..length])));
        }
    }

    [Fact]
    public void Read_ShorterThanItsStatedLength_Refused()
    {
        var bytes = new NiftiFile().Bytes();
        var refusal = Assert.Throws<ImagingException>(
            () => NiftiReader.Read(new MemoryStream(bytes[..^1]), bytes.Length, "scan.nii", NiftiFile.NoLimit, Token));
        Assert.Equal("nifti.truncated", refusal.Reason.Code());
    }

    [Fact]
    public void Read_GzipTruncatedAnywhere_Refused()
    {
        var samples = Enumerable.Range(0, 24).Select(n => n * 0.37f).ToArray();
        var bytes = new NiftiFile { Samples = samples }.Gzip();
        for (var length = 0; length < bytes.Length; length++)
        {
            // One byte is not enough to tell gzip; the last eight are the checksum and the length.
            Assert.Equal("nifti.truncated", CodeOf(bytes[..length]));
        }
    }

    [Fact]
    public void Read_GzipWithWrongChecksumOrLength_Refused()
    {
        // The second goes on for long after its last voxel: its checksum is met only by reading on.
        foreach (var bytes in new[] { new NiftiFile().Gzip(), new NiftiFile { Samples = new float[100_000] }.Gzip() })
        {
            for (var at = 1; at <= 8; at++)
            {
                var damaged = (byte[])bytes.Clone();
                damaged[^at] ^= 0x10;
                Assert.Equal("nifti.corrupt_gzip", CodeOf(damaged));
            }
        }
    }

    [Fact]
    public void Read_GzipFollowedByOtherBytes_Refused() =>
        Assert.Equal("nifti.corrupt_gzip", CodeOf([.. new NiftiFile().Gzip(), 1, 2, 3, 4]));

    [Theory]
    [InlineData(1, 30_000)]
    [InlineData(2, 30_000)]
    [InlineData(2, 500_000)]
    public void Read_HeaderOfAnEnormousVolume_RefusedWithoutMemory(int version, long edge)
    {
        var file = new NiftiFile { Version = version, Dim = [3, edge, edge, edge], Samples = new float[24] };
        foreach (var bytes in new[] { file.Bytes(), file.Gzip() })
        {
            CodeOf(bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal("nifti.truncated", CodeOf(bytes));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
            var refusal = Assert.Throws<ImagingException>(() => NiftiReader.ReadHeader(new MemoryStream(bytes), bytes.Length, "scan.nii"));
            Assert.Equal("nifti.truncated", refusal.Reason.Code());
        }
    }

    [Fact]
    public void Read_GzipThatCouldHoldItsClaimButDoesNot_Refused()
    {
        // 60 kB may inflate to 60 MB, so the claim of 32 MB passes the first test and must fail at the last byte.
        var noise = new byte[60_000];
        new Random(1).NextBytes(noise);
        var bytes = new NiftiFile { Dim = [3, 200, 200, 200], Samples = noise }.Header();
        Assert.Equal("nifti.truncated", CodeOf(NiftiFile.Compress([.. bytes, 0, 0, 0, 0, .. noise])));
    }

    [Fact]
    public void Read_GzipBomb_RefusedEarly()
    {
        var bomb = NiftiFile.Compress([.. new NiftiFile().Bytes(), .. new byte[64 << 20]]);
        using var stream = new MemoryStream(bomb);
        var refusal = Assert.Throws<ImagingException>(() => NiftiReader.Read(stream, bomb.Length, "scan.nii", NiftiFile.NoLimit, Token));
        Assert.Equal("nifti.header_invalid", refusal.Reason.Code());
        Assert.InRange(stream.Position, 0, bomb.Length / 2);
    }

    [Fact]
    public void Code_EveryReason_OneCodeEach()
    {
        var codes = Enum.GetValues<RejectReason>().Select(reason => reason.Code()).ToList();
        Assert.Equal(codes.Count, codes.Distinct().Count());
        Assert.All(codes[1..], code => Assert.Matches("^[a-z]+\\.[a-z0-9_]+$", code));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string CodeOf(byte[] bytes) => Assert.Throws<ImagingException>(() => NiftiFile.ReadBytes(bytes)).Reason.Code();
}
