using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

/// <summary>Slices cut on the device against slices cut by <see cref="SliceCutter"/>, on every device.</summary>
public abstract class EncodePlanesTests
{
    private const int Size = 40;
    private const double PixelMm = 0.8;

    protected abstract string DeviceName { get; }

    public static TheoryData<string> Volumes => ["float", "int16", "one plane thick"];

    [Theory]
    [MemberData(nameof(Volumes))]
    public void EncodePlanes_AnyVolumeAndWindow_GivesTheLogitsOfTheSlicesThatTheProcessorCuts(string kind)
    {
        using var encoder = Encoder();
        foreach (var intensity in new[] { IntensityMap.Identity, new IntensityMap(-160, 240, -1024), new IntensityMap(-160, 240, -1024, -2, 5) })
        {
            var volume = Volume(kind, intensity.Fill);
            var planes = Planes(volume.Geometry);
            var (logits, blank) = (new float[planes.Length], new bool[planes.Length]);
            encoder.EncodePlanes([volume], [intensity], planes, volume.Geometry.CentreMm, new SliceFormat(Size, PixelMm), logits, blank);

            var pixels = new float[planes.Length * Size * Size];
            for (var at = 0; at < planes.Length; at++)
            {
                var seen = SliceCutter.Cut(
                    volume, planes[at].Frame, planes[at].OffsetMm, volume.Geometry.CentreMm, pixels.AsSpan(at * Size * Size, Size * Size), Size, PixelMm, intensity);
                Assert.Equal(!seen, blank[at]);
            }

            var expected = EncoderFixtures.Encode(encoder, pixels, planes.Length, Size, PixelMm);
            // Places in float32 are off by 1e-5 of a voxel; sharp edges of a thousand units make that .01 of a unit in a pixel.
            var scale = expected.Max(Math.Abs);
            Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * scale));
            Assert.Contains(true, blank);
            Assert.Contains(false, blank);
        }
    }

    [Fact]
    public void EncodePlanes_ChannelsOnGridsOfTheirOwn_GivesTheLogitsOfTheSlicesThatTheProcessorCuts()
    {
        var architecture = EncoderFixtures.Architecture(channels: 2, classes: 2);
        using var encoder = new TorchSliceEncoder(new SmallCnn(architecture, seed: 3), EncoderFixtures.Card(architecture), DeviceName);
        Volume[] channels = [Volume("float", 0), Volume("one plane thick", 5)];
        IntensityMap[] intensities = [new(-160, 240, 0), new(-300, 300, 5, -1, 1)];
        var (planes, centre) = (Planes(channels[0].Geometry), channels[0].Geometry.CentreMm);
        var (logits, blank) = (new float[2 * planes.Length], new bool[planes.Length]);
        encoder.EncodePlanes(channels, intensities, planes, centre, new SliceFormat(Size, PixelMm), logits, blank);

        var pixels = new float[planes.Length * 2 * Size * Size];
        for (var at = 0; at < 2 * planes.Length; at++)
        {
            var (plane, channel) = Math.DivRem(at, 2);
            var seen = SliceCutter.Cut(
                channels[channel], planes[plane].Frame, planes[plane].OffsetMm, centre, pixels.AsSpan(at * Size * Size, Size * Size), Size, PixelMm, intensities[channel]);
            Assert.False(seen && blank[plane]);
        }

        var expected = EncoderFixtures.Encode(encoder, pixels, planes.Length, Size, PixelMm);
        var scale = expected.Max(Math.Abs); // as above
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * scale));
        Assert.Contains(false, blank);
        Assert.ThrowsAny<ArgumentException>(
            () => encoder.EncodePlanes(channels[..1], intensities[..1], planes, centre, new SliceFormat(Size, PixelMm), logits, blank));
    }

    [Fact]
    public void EncodePlanes_BatchesBeyondMemory_AreHalved()
    {
        var (volume, format) = (Volume("float", 0), new SliceFormat(Size, PixelMm));
        var planes = Planes(volume.Geometry);
        (float[] Logits, bool[] Blank, int Batch) Encode(int most)
        {
            using var encoder = new TorchSliceEncoder(new HungryNetwork(most, Size), EncoderFixtures.Card(EncoderFixtures.Architecture()), DeviceName);
            var (logits, blank) = (new float[planes.Length], new bool[planes.Length]);
            encoder.EncodePlanes([volume], [IntensityMap.Identity], planes, volume.Geometry.CentreMm, format, logits, blank);
            return (logits, blank, encoder.BatchSize(Size));
        }

        var (expected, actual) = (Encode(most: int.MaxValue), Encode(most: 3));
        Assert.Equal(2, actual.Batch);
        Assert.True(planes.Length > actual.Batch);
        Assert.Equal(expected.Blank, actual.Blank);
        Assert.Equal(expected.Logits, actual.Logits, (a, b) => Math.Abs(a - b) <= 1e-5 * expected.Logits.Max(Math.Abs)); // sums of 1,600 float32 in another order
    }

    [Fact]
    public void EncodePlanes_VolumesInTurn_EachIsItsOwn()
    {
        using var encoder = Encoder();
        var volumes = Enumerable.Range(1, 4).Select(brightness => Volume("float", 0, brightness)).ToArray();
        var plane = new[] { new SlicePlane(SliceFrame.For(new Vector3D(0.2, 0.3, 0.9).Normalized()), 0.5) };
        float Logit(Volume volume)
        {
            var logit = new float[1];
            encoder.EncodePlanes([volume], [IntensityMap.Identity], plane, volume.Geometry.CentreMm, new SliceFormat(Size, PixelMm), logit, new bool[1]);
            return logit[0];
        }

        var alone = volumes.Select(Logit).ToArray();
        Assert.Equal(4, alone.Distinct().Count());
        int[] order = [3, 0, 0, 1, 2, 0, 3, 1]; // more than are held at once
        Assert.Equal(order.Select(at => alone[at]), order.Select(at => Logit(volumes[at])));
    }

    [Fact]
    public void EncodePlanes_AgainAndAgain_NoTensorStays()
    {
        var before = EncoderFixtures.SettledTensorCount();
        using (var encoder = Encoder())
        {
            var counts = new List<long>();
            for (var round = 0; round < 4; round++)
            {
                foreach (var volume in new[] { Volume("float", 0, 1), Volume("float", 0, 2), Volume("float", 0, 3) })
                {
                    var planes = Planes(volume.Geometry);
                    encoder.EncodePlanes(
                        [volume], [IntensityMap.Identity], planes, volume.Geometry.CentreMm, new SliceFormat(Size, PixelMm), new float[planes.Length], new bool[planes.Length]);
                    counts.Add(Tensor.TotalCount);
                }
            }

            Assert.All(counts.Skip(1), count => Assert.Equal(counts[1], count)); // two volumes lie on the device
        }

        Assert.True(Tensor.TotalCount - before <= EncoderFixtures.Architecture().Layers.Count * 4, "the volumes went with the encoder");
    }

    [Fact]
    public void EncodePlanes_WrongLengths_Refused()
    {
        using var encoder = Encoder();
        var volume = Volume("float", 0);
        var planes = Planes(volume.Geometry);
        void Encode(int logits, int blank, int size) => encoder.EncodePlanes(
            [volume], [IntensityMap.Identity], planes, volume.Geometry.CentreMm, new SliceFormat(size, 1), new float[logits], new bool[blank]);
        Assert.ThrowsAny<ArgumentException>(() => Encode(planes.Length - 1, planes.Length, Size));
        Assert.ThrowsAny<ArgumentException>(() => Encode(planes.Length, planes.Length + 1, Size));
        Assert.ThrowsAny<ArgumentException>(() => Encode(planes.Length, planes.Length, 0));
    }

    /// <summary>Slices of every tilt, some of which miss the volume.</summary>
    private static SlicePlane[] Planes(VolumeGeometry geometry)
    {
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 9), spacingMm: 2.3);
        return [.. Enumerable.Range(0, 9 * plan.OffsetCount).Select(at =>
            new SlicePlane(SliceFrame.For(plan.Directions.Normals[at / plan.OffsetCount]), plan.OffsetMm(at % plan.OffsetCount)))];
    }

    private static Volume Volume(string kind, float fill, float brightness = 1)
    {
        var frame = SliceFrame.For(new Vector3D(0.3, -0.5, 0.8).Normalized());
        var shape = new VolumeShape(17, 19, kind == "one plane thick" ? 1 : 15);
        var geometry = new VolumeGeometry(shape, new AffineTransform(0.9 * frame.U, -1.1 * frame.V, 1.4 * frame.N, new(-17, 40, 120)));
        var random = new Random(5);
        var stored = new short[shape.VoxelCount];
        for (var at = 0; at < stored.Length; at++)
        {
            var inside = at % shape.I is > 3 and < 12;
            stored[at] = (short)(inside ? random.Next(-300, 300) : fill);
        }

        return new Volume(geometry, kind == "int16"
            ? VolumeSamples.FromInt16(stored, 1, 0)
            : stored.Select(value => value == fill ? value : value * brightness).ToArray());
    }

    private TorchSliceEncoder Encoder()
    {
        var architecture = EncoderFixtures.Architecture();
        return new TorchSliceEncoder(new SmallCnn(architecture, seed: 3), EncoderFixtures.Card(architecture), DeviceName);
    }
}

public sealed class CpuEncodePlanesTests : EncodePlanesTests
{
    protected override string DeviceName => "cpu";
}

public sealed class CudaEncodePlanesTests : EncodePlanesTests
{
    protected override string DeviceName
    {
        get
        {
            Assert.SkipUnless(cuda.is_available(), "No CUDA device in this process.");
            return "cuda:0";
        }
    }
}
