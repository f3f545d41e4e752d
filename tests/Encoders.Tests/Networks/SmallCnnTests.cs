using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Networks;

public sealed class SmallCnnTests
{
    [Fact]
    public void Forward_Sum_IsLinearInLesionArea()
    {
        var architecture = EncoderFixtures.Architecture() with { AreaUnitMm2 = 1 };
        using var network = new SmallCnn(architecture, seed: 5);
        using var encoder = new TorchSliceEncoder(network, EncoderFixtures.Card(architecture), "cpu");
        float Logit(params (int X, int Y)[] centres)
        {
            var pixels = new float[64 * 64];
            foreach (var (x, y) in centres)
            {
                for (var i = 0; i < 25; i++)
                {
                    pixels[((y + (i / 5)) * 64) + x + (i % 5)] = 1;
                }
            }

            return EncoderFixtures.Encode(encoder, pixels, 1, 64, pixelMm: 2)[0];
        }

        // Biases are zero, so an empty slice has the logit zero, and patches out of each other's receptive field add up.
        var (one, three) = (Logit((10, 10)), Logit((10, 10), (40, 12), (25, 45)));
        Assert.Equal(0, Logit());
        Assert.Equal(3 * one, three, 1e-4 * Math.Abs(one));
    }

    [Fact]
    public void Encode_SameWeights_AgreesWithPyTorch()
    {
        using var encoder = new TorchSliceEncoder(Reference.SmallCnn(), Reference.Card(2, 3), "cpu");
        var logits = EncoderFixtures.Encode(encoder, Reference.Ramp(4 * 2 * 24 * 24, seed: 7), 4, 24);
        // The same float32 operators in another order, and a few of them.
        Assert.All(Reference.Logits("smallcnn").Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void Forward_Pooling_AgreesWithPixelLogitsInDouble()
    {
        foreach (var pooling in Enum.GetValues<PixelPooling>())
        {
            var architecture = EncoderFixtures.Architecture(pooling: pooling) with
            {
                Layers = [new ConvLayer { Channels = 4, Stride = 2, Activation = Activation.Silu }, new ConvLayer { Channels = 3, MaxPool = 2 }],
                PixelActivation = Activation.Softplus,
                Sharpness = 3,
            };
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            using var network = new SmallCnn(architecture, seed: 9);
            var slices = tensor(EncoderFixtures.Pixels(seed: 6, 2 * 20 * 20), [2, 1, 20, 20]);
            var map = network.PixelLogits(slices).contiguous();
            Assert.Equal([2L, 1, 5, 5], map.shape);
            var logits = MemoryMarshal.Cast<byte, float>(network.call(slices, 1.5).bytes);
            for (var slice = 0; slice < 2; slice++)
            {
                var values = MemoryMarshal.Cast<byte, float>(map.bytes).Slice(25 * slice, 25).ToArray().Select(value => (double)value).ToArray();
                var expected = pooling switch
                {
                    PixelPooling.Sum => values.Sum() * 6 * 6 / 100,
                    PixelPooling.Mean => values.Average(),
                    _ => Math.Log(values.Average(value => Math.Exp(3 * value))) / 3,
                };
                Assert.Equal(expected, logits[slice], 1e-5);
            }
        }
    }

    [Fact]
    public void Constructor_SameSeed_SameWeights()
    {
        var architecture = EncoderFixtures.Architecture();
        using var first = new SmallCnn(architecture, seed: 1);
        manual_seed(999);
        using var second = new SmallCnn(architecture, seed: 1);
        using var other = new SmallCnn(architecture, seed: 2);
        Assert.Equal(Weights(first), Weights(second));
        Assert.NotEqual(Weights(first), Weights(other));
        Assert.Equal(
            ["bias", "head.bias", "head.weight", "layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight"],
            first.named_parameters().Select(pair => pair.name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ReceptiveField_Layers_FollowsKernelsAndStrides()
    {
        Assert.Equal(7, EncoderFixtures.Architecture().ReceptiveField);
        var strided = EncoderFixtures.Architecture() with
        {
            Layers = [new ConvLayer { Channels = 1, Kernel = 5, Stride = 2 }, new ConvLayer { Channels = 1, MaxPool = 2 }],
        };
        Assert.Equal(1 + 4 + 4 + 2, strided.ReceptiveField);
        Assert.Equal(4, strided.Stride);
    }

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(8, 2, 1)]
    [InlineData(8, 33, 1)]
    [InlineData(8, 3, 0)]
    [InlineData(5000, 3, 1)]
    public void Constructor_AbsurdLayer_IsRefused(int channels, int kernel, int dilation)
    {
        var architecture = EncoderFixtures.Architecture() with
        {
            Layers = [new ConvLayer { Channels = channels, Kernel = kernel, Dilation = dilation }],
        };
        Assert.Throws<ArgumentException>(() => new SmallCnn(architecture));
    }

    [Fact]
    public void Dispose_ManyNetworks_GivesMemoryBack()
    {
        // 2.4 MB of weights each: thirty that stayed would be 70 MB.
        var architecture = EncoderFixtures.Architecture() with { Layers = [new ConvLayer { Channels = 256 }, new ConvLayer { Channels = 256 }] };
        using (new SmallCnn(architecture))
        {
        }

        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var before = process.WorkingSet64;
        for (var i = 0; i < 30; i++)
        {
            using var network = new SmallCnn(architecture);
        }

        process.Refresh();
        Assert.True(process.WorkingSet64 - before < 30L << 20, $"{(process.WorkingSet64 - before) >> 20} MiB stayed");
    }

    internal static float[] Weights(SmallCnn network)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return [.. network.named_parameters().SelectMany(pair => MemoryMarshal.Cast<byte, float>(pair.parameter.detach().contiguous().bytes).ToArray())];
    }
}
