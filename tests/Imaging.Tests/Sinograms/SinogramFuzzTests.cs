using System.IO.Compression;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using static ToNNO.Imaging.Tests.Sinograms.SinogramFixture;

namespace ToNNO.Imaging.Tests.Sinograms;

/// <summary>Damaged files are read or refused: no other exception, no more memory than their bytes ask for.</summary>
public sealed class SinogramFuzzTests
{
    private static readonly Sinogram _sinogram = Make();

    /// <summary>Checksums cover the arrays, so that what is read is what was written.</summary>
    [Theory]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.NoCompression)]
    public void Read_DamagedFile_RefusedOrSame(CompressionLevel level)
    {
        const int Count = 10_000;
        var (bytes, random, refused) = (Npz(Arrays(Bytes(_sinogram)), level), new Random(5), 0);
        for (var round = 0; round < Count; round++)
        {
            if (Try(Damaged.Of(bytes, random)) is { } read)
            {
                AssertSame(_sinogram, read);
            }
            else
            {
                refused++;
            }
        }

        Assert.True(refused > Count / 2, $"{refused} refused");
    }

    /// <summary>With checksums that fit: whatever is taken for a sinogram can be made a heatmap of.</summary>
    [Fact]
    public void Read_DamagedArrays_RefusedOrReconstructed()
    {
        const int Count = 5_000;
        var (arrays, random, read) = (Arrays(Bytes(_sinogram)), new Random(7), 0);
        for (var round = 0; round < Count; round++)
        {
            var damaged = new Dictionary<string, byte[]>(arrays);
            var name = damaged.Keys.ElementAt(random.Next(damaged.Count));
            damaged[name] = Damaged.Of(damaged[name], random);
            if (Try(Npz(damaged, CompressionLevel.NoCompression)) is not { } sinogram)
            {
                continue;
            }

            read++;
            var plan = sinogram.Plan;
            var heatmap = Backprojector.Reconstruct(
                sinogram.Logits.AsSpan(0, plan.Directions.Count * plan.OffsetCount),
                sinogram.BlankLogits[0],
                sinogram.Header.Geometry,
                plan,
                ProfileFilter.Create(sinogram.Alpha, sinogram.Window, plan.SpacingMm, plan.OffsetCount));
            Assert.Equal(sinogram.Header.Shape.VoxelCount, heatmap.LongLength);
        }

        Assert.InRange(read, Count / 50, Count - (Count / 4));
    }

    /// <returns>Null where the file was refused.</returns>
    private static Sinogram? Try(byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Sinogram? sinogram = null;
        try
        {
            sinogram = Read(bytes);
        }
        catch (ImagingException refusal)
        {
            Assert.NotEqual(RejectReason.Unspecified, refusal.Reason);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20); // the whole is 5 kB; inflaters and exceptions take more
        return sinogram;
    }
}
