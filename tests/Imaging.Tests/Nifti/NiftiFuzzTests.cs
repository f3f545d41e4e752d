using System.Diagnostics;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

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
        var (read, refused) = Fuzz(new NiftiFile { Version = version, Samples = Samples, QFormCode = 1 }.Bytes(), count, volume => Plan(volume.Volume.Geometry));
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

    /// <summary>What a header says of its voxels' places can be planned and its planes told from each other, or is found not to be.</summary>
    private static void Plan(VolumeGeometry geometry)
    {
        foreach (var (spacingMm, pixelMm, size) in new (double?, double?, int?)[] { (null, null, null), (1, null, null), (0.8, 0.8, 224) })
        {
            try
            {
                var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.ThreeAxes, 3), spacingMm, pixelMm, size);
                Assert.True(plan.Size > 0 && plan.OffsetCount > 0);
                if (plan.IsFitFor(geometry) && plan.Size * plan.OffsetCount < 10_000)
                {
                    SliceCensus.Count([geometry], plan);
                }
            }
            catch (ArgumentOutOfRangeException uncounted)
            {
                Assert.Equal("geometry", uncounted.ParamName);
            }
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
