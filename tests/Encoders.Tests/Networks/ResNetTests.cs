using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Networks;

public sealed class ResNetTests
{
    [Theory]
    [InlineData(18)]
    [InlineData(50)]
    public void Encode_SameWeights_AgreesWithPyTorch(int depth)
    {
        using var encoder = Encoder(depth, EncoderPrecision.Fp32);
        var logits = EncoderFixtures.Encode(encoder, Reference.Ramp(2 * 2 * 64 * 64, seed: 7), 2, 64);
        AssertClose(Reference.Logits($"resnet{depth}"), logits, 1e-4);
    }

    [Theory]
    [InlineData(18)]
    [InlineData(50)]
    public void Encode_BFloat16_StaysNearFloat32(int depth)
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        using var encoder = Encoder(depth, EncoderPrecision.Bf16);
        var logits = EncoderFixtures.Encode(encoder, Reference.Ramp(2 * 2 * 64 * 64, seed: 7), 2, 64);
        // Eight significant bits round each of some twenty to fifty layers by up to 2^-9.
        AssertClose(Reference.Logits($"resnet{depth}"), logits, 0.1);
        Assert.NotEqual(Reference.Logits($"resnet{depth}"), logits);
    }

    [Fact]
    public void Prepare_FusedConvolutions_AgreeWithTorchsOwn()
    {
        TorchLibrary.Require();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (kernel, stride, channels) in new[] { (7, 2, 1), (3, 1, 16), (3, 2, 16), (1, 2, 16), (1, 1, 16) })
        {
            var weight = tensor(Reference.Ramp(16 * channels * kernel * kernel, 1), [16, channels, kernel, kernel]);
            var bias = tensor(Reference.Ramp(16, 2), [16]);
            var input = tensor(Reference.Ramp(2L * channels * 17 * 17, 3), [2, channels, 17, 17]);
            using var plain = new PlainConvolution(weight.clone().DetachFromDisposeScope(), bias.clone().DetachFromDisposeScope(), stride, kernel / 2);
            using var fused = new OneDnnConvolution(weight, bias.clone().DetachFromDisposeScope(), stride, kernel / 2);
            var residual = ChannelsLast.Of(plain.Forward(input).neg().mul(0.3));
            var laid = ChannelsLast.Of(input);
            // Sums of at most 144 products below 1/4, in another order.
            Assert.True(allclose(plain.Forward(input), fused.Forward(laid), 1e-5, 1e-5));
            Assert.True(allclose(plain.ForwardRelu(input), fused.ForwardRelu(laid), 1e-5, 1e-5));
            Assert.True(allclose(plain.ForwardAddRelu(input, residual.clone()), fused.ForwardAddRelu(laid, residual), 1e-5, 1e-5));
        }
    }

    [Theory]
    [InlineData(64)]
    [InlineData(37)]
    public void Encode_OtherBatchComposition_GivesSameBits(int size)
    {
        using var encoder = Encoder(18, EncoderPrecision.Fp32);
        const int Count = 11;
        var slice = 2 * size * size;
        var pixels = Reference.Ramp(Count * slice, seed: 3);
        var together = EncoderFixtures.Encode(encoder, pixels, Count, size);
        foreach (var (first, count) in new[] { (0, 1), (3, 5), (10, 1), (2, 9) })
        {
            var alone = EncoderFixtures.Encode(encoder, pixels.AsSpan(first * slice, count * slice), count, size);
            Assert.Equal(together[(first * 3)..((first + count) * 3)], alone);
        }

        // Sizes share the weights, whichever comes first.
        using var other = Encoder(18, EncoderPrecision.Fp32);
        EncoderFixtures.Encode(other, new float[2 * 80 * 80], 1, 80);
        Assert.Equal(together, EncoderFixtures.Encode(other, pixels, Count, size));
    }

    [Fact]
    public void Encode_SeveralThreads_GiveSameBits()
    {
        using var encoder = Encoder(18, EncoderPrecision.Fp32);
        var pixels = Reference.Ramp(9 * 2 * 32 * 32, seed: 4);
        var expected = EncoderFixtures.Encode(encoder, pixels, 9, 32);
        Parallel.For(0, 12, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => Assert.Equal(expected, EncoderFixtures.Encode(encoder, pixels, 9, 32)));
    }

    [Fact]
    public void Encoder_AnyUse_LeavesNoTensor()
    {
        var pixels = Reference.Ramp(2 * 2 * 32 * 32, seed: 5);
        EncoderFixtures.NoTensorStays(() =>
        {
            using var encoder = Encoder(18, EncoderPrecision.Fp32);
            EncoderFixtures.Encode(encoder, pixels, 2, 32);
        });
    }

    [Fact]
    public void StateShapes_ResNets_HaveTorchvisionsParameters()
    {
        // The numbers of parameters that torchvision documents for three channels and a thousand classes, without the running statistics.
        Assert.Equal(11_689_512, Parameters(18));
        Assert.Equal(25_557_032, Parameters(50));
        Assert.Equal([128L, 64, 1, 1], new ResNetArchitecture(18).StateShapes()["layer2.0.downsample.0.weight"]);
        Assert.Equal([2048L], new ResNetArchitecture(50).StateShapes()["layer4.2.bn3.running_var"]);
    }

    private static long Parameters(int depth) => new ResNetArchitecture(depth, 3, 1000).StateShapes()
        .Where(pair => !pair.Key.Contains("running", StringComparison.Ordinal))
        .Sum(pair => pair.Value.Aggregate(1L, (product, length) => product * length));

    private static TorchSliceEncoder Encoder(int depth, EncoderPrecision precision)
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(depth, InputChannels: 2, Classes: 3);
        return new TorchSliceEncoder(new ResNet(architecture, Reference.Weights(architecture), precision), Reference.Card(2, 3), "cpu");
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }
}
