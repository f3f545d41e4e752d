using System.Diagnostics.Metrics;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.SliceActors.Tests.Encoding;

[Collection(TorchCollection.Name)]
public sealed class LeaseEncoderTests
{
    private const int BatchPixels = 5000; // several slices, many batches
    private static readonly VolumeTask _task = SmallWork.Task(edge: 20);
    private static readonly Volume _volume = Ball();
    private static readonly SumEncoder _encoder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Encode_GuidedLease_TakesTheGuidesLogitsAndMeasuresTheRest()
    {
        var lease = new DirectionRange(16, 16);
        var whole = new LeaseEncoder(BatchPixels).Encode(_task, [_volume], lease, null, _encoder, TimeSpan.Zero, Token).Rows;
        var guide = whole.Logits.Select((_, at) => at % 3 == 0 ? float.NaN : at).ToArray();

        var rows = new LeaseEncoder(BatchPixels).Encode(_task, [_volume], lease, guide, _encoder, TimeSpan.Zero, Token).Rows;

        Assert.Equal(whole.Logits.Select((logit, at) => at % 3 == 0 ? logit : at), rows.Logits);
        Assert.InRange(rows.Cost.SlicesEncoded, 1, whole.Cost.SlicesEncoded / 2);
    }

    [Fact]
    public void Encode_Lease_GivesEachSliceItsLogitAndCountsThem()
    {
        var lease = new DirectionRange(7, 9);
        var plan = _task.Plan();
        var rows = new LeaseEncoder(BatchPixels).Encode(_task, [_volume], lease, null, _encoder, TimeSpan.FromSeconds(3), Token).Rows;
        var (pixels, encoded) = (new float[plan.Size * plan.Size], 0);
        for (var at = 0; at < rows.Logits.Length; at++)
        {
            var normal = plan.Directions.Normals[lease.First + (at / plan.OffsetCount)];
            var logit = new float[] { rows.BlankLogits[0] };
            if (SliceCutter.Cut(
                _volume, SliceFrame.For(normal), plan.OffsetMm(at % plan.OffsetCount), plan.CentreMm, pixels, plan.Size, plan.PixelMm, _task.Settings.Intensities[0]))
            {
                _encoder.Encode(pixels, 1, new(plan.Size, plan.PixelMm), logit);
                encoded++;
            }

            Assert.Equal(logit[0], rows.Logits[at]);
        }

        Assert.Equal((encoded, rows.Logits.Length - encoded), (rows.Cost.SlicesEncoded, rows.Cost.SlicesSkipped));
        Assert.InRange(rows.Cost.SlicesCut, encoded, encoded + (2 * lease.Count * 9)); // a block's corner at most on either side
        Assert.Equal(TimeSpan.FromSeconds(3), rows.Cost.ReadTime);
    }

    [Fact]
    public void Encode_LeasesBegunAhead_GiveTheSameLogitsAsOneByOne()
    {
        var leases = Enumerable.Range(0, 6).Select(at => new DirectionRange(8 * at, 8)).ToArray();
        var encoder = new LeaseEncoder(BatchPixels);
        var ahead = new List<LeaseCutter>();
        foreach (var lease in leases)
        {
            ahead.Add(encoder.Begin(_task, [_volume], lease, null, ahead.LastOrDefault(), Token));
        }

        foreach (var cutter in ahead)
        {
            var rows = encoder.Encode(cutter, _encoder, TimeSpan.Zero, Token).Rows;
            cutter.Dispose();
            Assert.Equal(new LeaseEncoder(BatchPixels).Encode(_task, [_volume], cutter.Directions, null, _encoder, TimeSpan.Zero, Token).Rows.Logits, rows.Logits);
        }
    }

    [Fact]
    public void Encode_FailsMidway_TheLeaseThatWasBegunAheadIsWhole()
    {
        var encoder = new LeaseEncoder(BatchPixels);
        var failing = new CountingEncoder { FailAt = 4 };
        var first = encoder.Begin(_task, [_volume], new(0, 16), null, null, Token);
        var second = encoder.Begin(_task, [_volume], new(16, 16), null, first, Token);
        Assert.Throws<EncoderException>(() => encoder.Encode(first, failing, TimeSpan.Zero, Token));
        first.Dispose();
        var rows = encoder.Encode(second, _encoder, TimeSpan.Zero, Token).Rows;
        second.Dispose();
        Assert.Equal(new LeaseEncoder(BatchPixels).Encode(_task, [_volume], new(16, 16), null, _encoder, TimeSpan.Zero, Token).Rows.Logits, rows.Logits);
    }

    [Fact]
    public void Encode_BatchSizes_DependOnTheSliceSizeAlone()
    {
        var plan = _task.Plan();
        var counting = new CountingEncoder();
        var rows = new LeaseEncoder(BatchPixels).Encode(_task, [_volume], new(0, 16), null, counting, TimeSpan.Zero, Token).Rows;
        var capacity = BatchPixels / (plan.Size * plan.Size);
        Assert.True(capacity > 1);
        Assert.Equal(1, counting.Counts[0]); // the blank slice
        Assert.All(counting.Counts.Skip(1).SkipLast(1), count => Assert.Equal(capacity, count));
        Assert.Equal(rows.Cost.SlicesEncoded + 1, counting.Counts.Sum());
    }

    [Fact]
    public void Encode_RoomForMany_BatchesAreWholeOnesOfTheEncoders()
    {
        var size = _task.Plan().Size;
        var whole = TorchSliceEncoder.CpuBatchOf(size);
        Assert.Equal(16, whole);
        var counting = new CountingEncoder();
        new LeaseEncoder(((2 * whole) + 9) * size * size).Encode(_task, [_volume], new(0, 16), null, counting, TimeSpan.Zero, Token);
        Assert.True(counting.Counts.Count > 4);
        Assert.All(counting.Counts.Skip(1).SkipLast(1), count => Assert.Equal(2 * whole, count));
    }

    [Fact]
    public async Task Encode_Cancelled_Throws()
    {
        using var stopping = new CancellationTokenSource();
        await stopping.CancelAsync();
        Assert.ThrowsAny<OperationCanceledException>(
            () => new LeaseEncoder(BatchPixels).Encode(_task, [_volume], new(0, 16), null, _encoder, TimeSpan.Zero, stopping.Token));
    }

    [Fact]
    public void Encode_Lease_SaysHowLongTheEncoderStarved()
    {
        var heard = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "tonno.slice.encoder_starved")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, _, _) => heard += seconds > 0 ? 1 : 0);
        listener.Start();
        new LeaseEncoder(BatchPixels).Encode(_task, [_volume], new(0, 16), null, _encoder, TimeSpan.Zero, Token);
        Assert.True(heard > 0);
    }

    [Fact]
    public void Encode_MapsAskedFor_TheirStacksAreTheSlicesAndTheLogitsAreTheSame()
    {
        // Of the sum encoder, a slice's map is its pixels times their area.
        var task = _task with { Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, SumEncoder.PixelLayer, 1) } };
        var lease = new DirectionRange(5, 3);
        var encoded = new LeaseEncoder(BatchPixels).Encode(task, [_volume], lease, null, _encoder, TimeSpan.Zero, Token);

        Assert.Equal(new LeaseEncoder(BatchPixels).Encode(_task, [_volume], lease, null, _encoder, TimeSpan.Zero, Token).Rows.Logits, encoded.Rows.Logits);
        Assert.Equal([5, 6, 7], encoded.Stacks.Select(stack => stack.Direction));
        var plan = task.Plan();
        var pixels = new float[plan.Size * plan.Size];
        Assert.All(encoded.Stacks, stack =>
        {
            Assert.Equal((plan.Size, plan.OffsetCount), (stack.Grid.Edge, stack.OffsetCount));
            Assert.Equal((plan.PixelMm, -0.5 * (plan.Size - 1) * plan.PixelMm), (stack.Grid.CellMm, stack.Grid.FirstMm));
            Assert.All(stack.Blank, cell => Assert.Equal(0, cell));
            for (var offset = 0; offset < plan.OffsetCount; offset++)
            {
                SliceCutter.Cut(
                    _volume, SliceFrame.For(plan.Directions.Normals[stack.Direction]), plan.OffsetMm(offset), plan.CentreMm, pixels, plan.Size, plan.PixelMm, task.Settings.Intensities[0]);
                Assert.Equal(pixels.Select(pixel => (float)(plan.PixelMm * plan.PixelMm * pixel)), stack.Maps[(offset * pixels.Length)..((offset + 1) * pixels.Length)]);
            }
        });
    }

    [Fact]
    public void Encode_LogitThatIsNoNumber_TheSliceIsNamedByItsPlace()
    {
        var volume = new Volume(_task.Geometry, Enumerable.Range(0, 20 * 20 * 20).Select(at => at == 4210 ? float.PositiveInfinity : 1).ToArray());
        var refused = Assert.Throws<EncoderException>(
            () => new LeaseEncoder(BatchPixels).Encode(_task, [volume], new(16, 2), null, _encoder, TimeSpan.Zero, Token));
        Assert.Equal("encoder.non_finite_logit", refused.Code);
        Assert.Matches(@"^In the slice -?[0-9.]+ mm from the centre along \(.*\), direction 1[67] and offset [0-9]+: ", refused.Message);
    }

    /// <summary>Two channels, each on its own grid with a window of its own, and classes out of order: against slices cut and encoded one by one.</summary>
    [Fact]
    public void Encode_ChannelsAndClasses_GivesEachSliceTheLogitsOfTheClassesChosen()
    {
        using var encoder = new TorchSliceEncoder(
            new SmallCnn(new SmallCnnArchitecture { InputChannels = 2, Classes = 3, Layers = [new ConvLayer { Channels = 4 }] }, seed: 1),
            _encoder.Card with { Name = "three", Sha256 = "three", Classes = ["a", "b", "c"], Intensities = [IntensityMap.Identity, IntensityMap.Identity] },
            "cpu");
        Volume[] channels = [_volume, Wider()];
        var task = _task with
        {
            Settings = _task.Settings with { Intensities = [IntensityMap.Identity, new IntensityMap(0, 4, 1, -1)], Classes = [new(2, "c"), new(0, "a")] },
        };
        var (lease, plan) = (new DirectionRange(5, 3), task.Plan());

        var rows = new LeaseEncoder(BatchPixels).Encode(task, channels, lease, null, encoder, TimeSpan.Zero, Token).Rows;
        var onDevice = new LeaseEncoder(BatchPixels, _ => true).Encode(task, channels, lease, null, encoder, TimeSpan.Zero, Token).Rows;

        var (pixels, encoded) = (new float[2 * plan.Size * plan.Size], 0);
        for (var at = 0; at < rows.Of(0).Length; at++)
        {
            var seen = false;
            for (var channel = 0; channel < 2; channel++)
            {
                seen |= SliceCutter.Cut(
                    channels[channel],
                    SliceFrame.For(plan.Directions.Normals[lease.First + (at / plan.OffsetCount)]),
                    plan.OffsetMm(at % plan.OffsetCount),
                    plan.CentreMm,
                    pixels.AsSpan(channel * plan.Size * plan.Size, plan.Size * plan.Size),
                    plan.Size,
                    plan.PixelMm,
                    task.Settings.Intensities[channel]);
            }

            var logits = new float[3];
            encoder.Encode(pixels, 1, new(plan.Size, plan.PixelMm), logits);
            Assert.Equal((logits[2], logits[0]), (rows.Of(0)[at], rows.Of(1)[at]));
            encoded += seen ? 1 : 0;
        }

        Assert.Equal(2, rows.BlankLogits.Distinct().Count());
        Assert.Equal((encoded, rows.Of(0).Length - encoded), (rows.Cost.SlicesEncoded, rows.Cost.SlicesSkipped));
        var scale = rows.Logits.Max(Math.Abs);
        Assert.All(rows.Logits.Zip(onDevice.Logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * scale)); // places in float32
    }

    [Fact]
    public void Encode_GuidedLeaseOfTwoClasses_TakesEachClassesGuide()
    {
        using var encoder = new TorchSliceEncoder(
            new SmallCnn(new SmallCnnArchitecture { Classes = 2, Layers = [new ConvLayer { Channels = 4 }] }, seed: 1),
            _encoder.Card with { Name = "two", Sha256 = "two", Classes = ["a", "b"] },
            "cpu");
        var task = _task with { Settings = _task.Settings with { Classes = [new(0, "a"), new(1, "b")] } };
        var whole = new LeaseEncoder(BatchPixels).Encode(task, [_volume], new(0, 2), null, encoder, TimeSpan.Zero, Token).Rows;
        var ofClass = whole.Of(0).Length;
        var guide = whole.Logits.Select((_, at) => at % ofClass % 3 == 0 ? float.NaN : at).ToArray();

        var rows = new LeaseEncoder(BatchPixels).Encode(task, [_volume], new(0, 2), guide, encoder, TimeSpan.Zero, Token).Rows;

        Assert.Equal(whole.Logits.Select((logit, at) => at % ofClass % 3 == 0 ? logit : at), rows.Logits);
    }

    [Fact]
    public void Encode_MapsOfTwoClasses_EachClassHasItsStacks()
    {
        using var encoder = new TorchSliceEncoder(
            new SmallCnn(new SmallCnnArchitecture { Classes = 3, Layers = [new ConvLayer { Channels = 4 }] }, seed: 1),
            _encoder.Card with { Name = "three", Sha256 = "three", Classes = ["a", "b", "c"] },
            "cpu");
        EncodedLease Encode(params ModelClass[] classes) => new LeaseEncoder(BatchPixels).Encode(
            _task with { Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, "layers.0", 1), Classes = classes } },
            [_volume],
            new(5, 2),
            null,
            encoder,
            TimeSpan.Zero,
            Token);

        var both = Encode(new(2, "c"), new(0, "a"));

        Assert.Equal([(0, 5), (0, 6), (1, 5), (1, 6)], both.Stacks.Select(stack => (stack.Class, stack.Direction)));
        foreach (var (alone, stacks) in new[] { Encode(new ModelClass(2, "c")), Encode(new ModelClass(0, "a")) }.Zip(both.Stacks.Chunk(2)))
        {
            Assert.All(alone.Stacks.Zip(stacks), pair =>
            {
                Assert.Equal(pair.First.Blank, pair.Second.Blank);
                Assert.Equal(pair.First.Maps, pair.Second.Maps);
            });
        }
    }

    [Fact]
    public void Encode_EncoderCutsOnItsDevice_TheSameLogitsAndCounts()
    {
        using var encoder = new TorchSliceEncoder(
            new SmallCnn(new SmallCnnArchitecture { Layers = [new ConvLayer { Channels = 4 }] }, seed: 1), _encoder.Card with { Name = "small", Sha256 = "small" }, "cpu");
        var guide = Enumerable.Repeat(float.NaN, 16 * _task.Plan().OffsetCount).ToArray();
        guide[(3 * _task.Plan().OffsetCount) + (_task.Plan().OffsetCount / 2)] = 42; // not to be measured
        EncodedLease Encode(LeaseEncoder leases) => leases.Encode(_task, [_volume], new(0, 16), guide, encoder, TimeSpan.Zero, Token);
        var (here, there) = (Encode(new LeaseEncoder(BatchPixels)).Rows, Encode(new LeaseEncoder(BatchPixels, model => model == _task.Settings.Model)).Rows);

        Assert.Contains(42, there.Logits);
        Assert.Equal(here.Cost with { CutTime = default, EncodeTime = default }, there.Cost with { CutTime = default, EncodeTime = default });
        var scale = here.Logits.Max(Math.Abs);
        Assert.All(here.Logits.Zip(there.Logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * scale)); // places in float32
    }

    [Fact]
    public void Encode_MapsAskedOfAnEncoderWithoutAny_Refused()
    {
        var task = _task with { Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.LayerCam, "layer", 1) } };
        var refused = Assert.Throws<EncoderException>(
            () => new LeaseEncoder(BatchPixels).Encode(task, [_volume], new(0, 1), null, new CountingEncoder(), TimeSpan.Zero, Token));
        Assert.Equal("model.no_cam", refused.Code);
    }

    private static Volume Ball()
    {
        var samples = new float[20 * 20 * 20];
        for (var at = 0; at < samples.Length; at++)
        {
            var (i, j, k) = ((at % 20) - 12, (at / 20 % 20) - 9, (at / 400) - 8);
            samples[at] = (i * i) + (j * j) + (k * k) < 25 ? 1 + (at % 7) : 0;
        }

        return new Volume(_task.Geometry, samples);
    }

    /// <summary>Coarser voxels over more room, turned; all of it other than fill.</summary>
    private static Volume Wider()
    {
        var frame = SliceFrame.For(new Vector3D(0.3, -0.2, 0.9).Normalized());
        var geometry = new VolumeGeometry(new(9, 8, 7), new AffineTransform(3 * frame.U, 3.5 * frame.V, 4 * frame.N, new(-3, -4, -2)));
        return new Volume(geometry, Enumerable.Range(0, (int)geometry.Shape.VoxelCount).Select(at => 2 + (float)Math.Sin(at)).ToArray());
    }

    private sealed class CountingEncoder : ISliceEncoder
    {
        private readonly SumEncoder _sum = new();

        public int FailAt { get; init; } = int.MaxValue;

        public List<int> Counts { get; } = [];

        public EncoderCard Card => _sum.Card;

        public string Device => "cpu";

        public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
        {
            Counts.Add(count);
            if (Counts.Count == FailAt)
            {
                throw new EncoderException(EncoderError.NonFiniteLogit, "NaN");
            }

            _sum.Encode(slices, count, format, logits);
        }

        public void Dispose() => _sum.Dispose();
    }
}
