using System.Diagnostics.Metrics;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

/// <summary>What holds on every device.</summary>
public abstract class TorchSliceEncoderTests
{
    protected abstract string DeviceName { get; }

    [Theory]
    [InlineData(48, 1, 1, PixelPooling.Sum)]
    [InlineData(48, 1, 3, PixelPooling.Mean)]
    [InlineData(31, 3, 1, PixelPooling.Sum)]
    [InlineData(17, 2, 3, PixelPooling.LogSumExp)]
    public void Encode_OtherBatchComposition_GivesSameBits(int size, int channels, int classes, PixelPooling pooling)
    {
        var architecture = EncoderFixtures.Architecture(channels, classes, pooling);
        using var encoder = Encoder(architecture);
        var slice = channels * size * size;
        const int Count = 37;
        var pixels = EncoderFixtures.Pixels(seed: 1, Count * slice);
        var together = EncoderFixtures.Encode(encoder, pixels, Count, size);
        var random = new Random(2);
        for (var trial = 0; trial < 12; trial++)
        {
            var first = random.Next(Count);
            var count = random.Next(1, Count - first + 1);
            var alone = EncoderFixtures.Encode(encoder, pixels.AsSpan(first * slice, count * slice), count, size);
            Assert.Equal(together[(first * classes)..((first + count) * classes)], alone);
        }
    }

    [Fact]
    public async Task Encode_WhileGarbageIsCollected_SameLogits()
    {
        var architecture = EncoderFixtures.Architecture();
        using var encoder = new TorchSliceEncoder(new SmallCnn(architecture, seed: 1), EncoderFixtures.Card(architecture), "cpu");
        var slices = EncoderFixtures.Pixels(1, 8 * 16 * 16);
        var expected = EncoderFixtures.Encode(encoder, slices, 8, 16);
        await EncoderFixtures.WhileCollectingAsync(1500, () => Assert.Equal(expected, EncoderFixtures.Encode(encoder, slices, 8, 16)));
    }

    [Fact]
    public void Encode_SeveralThreads_GiveSameBits()
    {
        using var encoder = Encoder(EncoderFixtures.Architecture());
        const int Size = 32, Count = 21;
        var pixels = EncoderFixtures.Pixels(seed: 3, Count * Size * Size);
        var expected = EncoderFixtures.Encode(encoder, pixels, Count, Size);
        var results = new float[4][];
        var threads = Enumerable.Range(0, results.Length).Select(worker => new Thread(() =>
        {
            for (var repeat = 0; repeat < 10; repeat++)
            {
                results[worker] = EncoderFixtures.Encode(encoder, pixels, Count, Size);
                if (!results[worker].AsSpan().SequenceEqual(expected))
                {
                    return;
                }
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(results, logits => Assert.Equal(expected, logits));
    }

    [Fact]
    public void Encode_NaNPixel_NamesTheSlice()
    {
        using var encoder = Encoder(EncoderFixtures.Architecture());
        var pixels = EncoderFixtures.Pixels(seed: 4, 20 * 16 * 16);
        pixels[(13 * 16 * 16) + 5] = float.NaN;
        var error = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, pixels, 20, 16));
        Assert.Equal("encoder.non_finite_logit", error.Code);
        Assert.StartsWith("Slice 13 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_AnyOutcome_LeavesNoTensor()
    {
        var pixels = EncoderFixtures.Pixels(seed: 5, 20 * 16 * 16);
        var broken = new float[16 * 16];
        broken.AsSpan().Fill(float.PositiveInfinity);
        using var encoder = Encoder(EncoderFixtures.Architecture());
        EncoderFixtures.NoTensorStays(() =>
        {
            EncoderFixtures.Encode(encoder, pixels, 20, 16);
            Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, broken, 1, 16));
            Assert.Throws<ArgumentException>(() => EncoderFixtures.Encode(encoder, broken, 2, 16));
        });
    }

    [Fact]
    public void Encode_NoSlices_IsFine()
    {
        using var encoder = Encoder(EncoderFixtures.Architecture());
        encoder.Encode([], 0, new SliceFormat(16, 1), []);
    }

    [Fact]
    public void Encode_Slices_AreCounted()
    {
        using var encoder = Encoder(EncoderFixtures.Architecture());
        var seen = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, owner) =>
            {
                if (instrument.Meter.Name == "ToNNO.Encoders")
                {
                    owner.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.Start();
        EncoderFixtures.Encode(encoder, new float[3 * 16 * 16], 3, 16);
        listener.RecordObservableInstruments();
        Assert.Equal(3, seen["tonno.slice.encoded"]);
        Assert.InRange(seen["tonno.slice.encode.duration"], 0, 60);
        Assert.Equal(Tensor.TotalCount, seen["tonno.torch.live_tensors"]);
    }

    private TorchSliceEncoder Encoder(SmallCnnArchitecture architecture) =>
        new(new SmallCnn(architecture, seed: 11), EncoderFixtures.Card(architecture), DeviceName);
}

public sealed class CpuTorchSliceEncoderTests : TorchSliceEncoderTests
{
    protected override string DeviceName => "cpu";

    [Theory]
    [InlineData(5, 4)]
    [InlineData(1, 1)]
    [InlineData(16, 16)]
    public void Encode_BatchesBeyondMemory_AreHalvedAndStaySo(int most, int expected)
    {
        using var network = new HungryNetwork(most, 24);
        using var encoder = new TorchSliceEncoder(network, EncoderFixtures.Card(EncoderFixtures.Architecture()), "cpu");
        var pixels = EncoderFixtures.Pixels(seed: 8, 37 * 24 * 24);
        var first = EncoderFixtures.Encode(encoder, pixels, 37, 24);
        Assert.Equal(pixels.Chunk(24 * 24).Select(slice => slice.Average()), first, (a, b) => Math.Abs(a - b) < 1e-5); // sums of 576 float32
        Assert.Equal(expected, ((ISliceEncoder)encoder).BatchSize(24)); // what result.json tells
        var refused = network.Refused;
        Assert.Equal(first, EncoderFixtures.Encode(encoder, pixels, 37, 24));
        Assert.Equal(refused, network.Refused);
        EncoderFixtures.Encode(encoder, new float[17 * 16 * 16], 17, 16);
        Assert.Equal(16, encoder.BatchSize(16)); // another slice size keeps its own
        EncoderFixtures.NoTensorStays(() => EncoderFixtures.Encode(encoder, pixels, 37, 24));
    }

    [Fact]
    public void Libtorch_IsTheOneThatIsLoaded()
    {
        using var network = new HungryNetwork(1, 24);
        using var encoder = new TorchSliceEncoder(network, EncoderFixtures.Card(EncoderFixtures.Architecture()), "cpu");
        Assert.Matches(@"^\d+\.\d+\.\d+", ((ISliceEncoder)encoder).Libtorch);
        Assert.InRange(((ISliceEncoder)encoder).Libtorch.Length, 5, 16); // what rows have room for
        ISliceEncoder sum = new SumEncoder();
        Assert.Equal(("", null), (sum.Libtorch, sum.BatchSize(24)));
        sum.Dispose();
    }

    [Fact]
    public void Encode_NoMemoryForOneSlice_SaysWhatToDo()
    {
        using var encoder = new TorchSliceEncoder(new HungryNetwork(most: 0, 24), EncoderFixtures.Card(EncoderFixtures.Architecture()), "cpu");
        var error = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, new float[24 * 24], 1, 24));
        Assert.Equal("encoder.out_of_memory", error.Code);
        Assert.Contains("24 x 24", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_ProgramBeyondMemory_HalvesToo()
    {
        // What TorchScript says of its errors is otherwise taken for a fault of the model.
        using var encoder = new TorchSliceEncoder(
            new TorchScriptNetwork(Reference.Program("hungry"), "model.ts"), EncoderFixtures.Card(EncoderFixtures.Architecture()), "cpu");
        EncoderFixtures.Encode(encoder, new float[20 * 24 * 24], 20, 24);
        Assert.Equal(4, encoder.BatchSize(24));
        Assert.Equal(4, encoder.CamGrid(new SliceFormat(16, 1), "features").Edge);
        Assert.Equal(4, encoder.BatchSize(16));
    }

    [Fact]
    public void Resolve_AbsentCuda_SaysWhatToDo()
    {
        Assert.SkipWhen(cuda.is_available(), "This machine has CUDA.");
        var error = Assert.Throws<EncoderException>(() => TorchDevice.Resolve("cuda:0"));
        Assert.Equal("encoder.device_unavailable", error.Code);
        Assert.Contains("--device cpu", error.Message, StringComparison.Ordinal);
        Assert.Equal(CPU, TorchDevice.Resolve("auto"));
    }
}

public sealed class CudaTorchSliceEncoderTests : TorchSliceEncoderTests
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

/// <summary>The mean of a slice, from a network that asks for more memory than any machine has where a batch is too large.</summary>
/// <param name="most">Slices that it has memory for.</param>
/// <param name="size">Edge of the slices that it is so hungry for.</param>
internal sealed class HungryNetwork(int most, int size) : SliceNetwork(nameof(HungryNetwork))
{
    public int Refused { get; private set; }

    public override Tensor forward(Tensor input1, double input2)
    {
        using var scope = NewDisposeScope();
        if (input1.shape[0] > most && input1.shape[2] == size)
        {
            Refused++;
            _ = empty(1L << 50);
        }

        return input1.mean([1, 2, 3]).unsqueeze(1).MoveToOuterDisposeScope();
    }
}
