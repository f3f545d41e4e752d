using System.Globalization;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Tests.Training;

/// <summary>Volumes of one intensity each, so far apart that a slice's brightest pixel tells which one it was cut from, whatever the variation.</summary>
public sealed class TrainingSlicesTests : IDisposable
{
    private const int Batches = 60;
    private const int BatchSize = 32;
    private const int Size = 24;

    /// <summary>Of the volumes, as pixels: the variation moves them by up to .05 and a tenth of themselves.</summary>
    private static readonly float[] Intensities = [0.12f, 0.3f, 0.55f, 0.85f, 0];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fill_EveryOtherSliceIsPositive_AndEachPatientCountsAlike()
    {
        // Patient A has one positive volume, B three; C is negative.
        var counts = Count([(true, "A"), (true, "B"), (true, "B"), (true, "B"), (false, "C")]);
        var positive = Batches * BatchSize / 2;
        Assert.InRange(counts[4], positive, 1.02 * positive); // a corner that is hardly met is as dark as the negative volume
        var sd = Math.Sqrt(positive * 0.25);
        Assert.InRange(counts[0], (positive / 2) - (4 * sd), (positive / 2) + (4 * sd));
        Assert.All(counts[1..4], count => Assert.InRange(count, (positive / 6) - (4 * sd), (positive / 6) + (4 * sd)));
    }

    [Fact]
    public void Fill_SameBatch_SameSlices()
    {
        var (one, other) = (Slices([(true, "A"), (false, "B")]), Slices([(true, "A"), (false, "B")]));
        Assert.Equal(Batch(one, 5).Pixels, Batch(other, 5).Pixels);
        Assert.NotEqual(Batch(one, 5).Pixels, Batch(one, 6).Pixels);
    }

    /// <summary>Gain within 10 %, zero within 5 % of the window, the values outside untouched, and both ends of either reached.</summary>
    [Fact]
    public void Vary_ManyDraws_SpreadWithinTheirBounds()
    {
        var random = new Random(0);
        var maps = Enumerable.Range(0, 2000).Select(_ => TrainingSlices.Vary(new IntensityMap(20, 40, -3, -1, 1), random)).ToList();
        Assert.All(maps, map => Assert.Equal((-3f, -1f, 1f), (map.Fill, map.PixelLow, map.PixelHigh)));
        var (shifts, gains) = (maps.ConvertAll(map => (map.Low - 20) / 20), maps.ConvertAll(map => (map.High - map.Low) / 20));
        Assert.InRange(shifts.Min(), -0.0501, -0.049);
        Assert.InRange(shifts.Max(), 0.049, 0.0501);
        Assert.InRange(gains.Min(), 0.899, 0.902);
        Assert.InRange(gains.Max(), 1.098, 1.101);
        Assert.Equal(0, shifts.Average(), 0.005);
        Assert.Equal(1, gains.Average(), 0.01);
    }

    /// <returns>How many slices were cut from each volume.</returns>
    private int[] Count((bool IsPositive, string Patient)[] volumes)
    {
        var (slices, counts) = (Slices(volumes), new int[volumes.Length]);
        for (var batch = 0; batch < Batches; batch++)
        {
            var (pixels, labels) = Batch(slices, batch);
            for (var slot = 0; slot < BatchSize; slot++)
            {
                Assert.Equal((batch + slot) % 2 == 0 ? 1 : 0, labels[slot]);
                var brightest = pixels.AsSpan(slot * Size * Size, Size * Size).ToArray().Max();
                counts[Enumerable.Range(0, volumes.Length).MinBy(volume => Math.Abs(Intensities[volume] - brightest))]++;
            }
        }

        return counts;
    }

    private static (float[] Pixels, float[] Labels) Batch(TrainingSlices slices, int batch)
    {
        var (pixels, labels) = (new float[BatchSize * Size * Size], new float[BatchSize]);
        slices.Fill(batch, pixels, labels);
        return (pixels, labels);
    }

    private TrainingSlices Slices((bool IsPositive, string Patient)[] volumes)
    {
        var paths = volumes.Select((_, at) =>
        {
            var path = _folder[string.Create(CultureInfo.InvariantCulture, $"{at}.nii")];
            File.WriteAllBytes(path, new NiftiBytes { Shape = new(16, 16, 16), Intensity = (_, _, _) => Intensities[at] }.Plain());
            return path;
        }).ToList();
        var opened = TrainingVolumes.Open(paths, long.MaxValue, (_, _) => { }, TestContext.Current.CancellationToken);
        return new(opened, [.. volumes.Select((volume, at) => new SlicedVolume(at, volume.IsPositive, volume.Patient, new IntensityMap(0, 1, 0)))], Size, 1, seed: 1);
    }
}
