using System.Diagnostics;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Nifti;

/// <summary>Damaged files are read or refused: no other exception, no more memory than allowed, no hang.</summary>
public sealed class NiftiFuzzTests
{
    private const long MemoryLimit = 1 << 20;

    private static readonly float[] Samples = Enumerable.Range(0, 24).Select(n => n * 0.37f).ToArray();

    [Theory]
    [InlineData(1, 80_000)]
    [InlineData(2, 40_000)]
    public void Read_DamagedPlainFile_ReadOrRefused(int version, int count)
    {
        var (read, refused) = Fuzz(new NiftiFile { Version = version, Samples = Samples, QFormCode = 1 }.Bytes(), count, _ => { });
        Assert.True(read > count / 20 && refused > count / 20, $"{read} read, {refused} refused");
    }

    [Fact]
    public void Read_DamagedGzip_RefusedOrSameSamples()
    {
        var (_, refused) = Fuzz(
            new NiftiFile { Samples = Samples }.Gzip(), 40_000, volume => Assert.Equal(Samples, volume.Volume.Samples.AsFloats()));
        Assert.True(refused > 32_000, $"{refused} refused");
    }

    [Fact]
    public void Read_GzipOfDamagedFile_ReadOrRefused()
    {
        var bytes = new NiftiFile { Samples = Samples }.Bytes();
        var random = new Random(3);
        for (var round = 0; round < 12_000; round++)
        {
            Try(NiftiFile.Compress(Damaged.Of(bytes, random)), _ => { });
        }
    }

    private static (int Read, int Refused) Fuzz(byte[] bytes, int count, Action<NiftiVolume> check)
    {
        var random = new Random(bytes.Length);
        var read = 0;
        for (var round = 0; round < count; round++)
        {
            read += Try(Damaged.Of(bytes, random), check) ? 1 : 0;
        }

        return (read, count - read);
    }

    /// <returns>True where the file was read.</returns>
    private static bool Try(byte[] bytes, Action<NiftiVolume> check)
    {
        var clock = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        NiftiVolume? volume = null;
        try
        {
            volume = NiftiFile.ReadBytes(bytes, MemoryLimit);
        }
        catch (ImagingException refusal)
        {
            Assert.NotEqual(RejectReason.Unspecified, refusal.Reason);
        }

        // Besides what the limit covers, an exception and the message in it.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MemoryLimit + (64 << 10));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{Convert.ToHexString(bytes)} took {clock.Elapsed}");
        if (volume is not null)
        {
            Assert.Equal(volume.Header.Shape.VoxelCount, volume.Volume.Samples.AsFloats().LongLength);
            check(volume);
        }

        return volume is not null;
    }
}
