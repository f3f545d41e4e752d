using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

public sealed class CamTests
{
    /// <summary>The layers of <c>halves.ts</c> that no maps can be made of.</summary>
    private static readonly HashSet<string> _unsound = ["tokens", "oblong", "detached", "other", "steep"];

    [Theory]
    [InlineData("smallcnn", 24, 4)]
    [InlineData("resnet18", 64, 2)]
    [InlineData("halves", 24, 4)]
    [InlineData("vit", 24, 4)]
    public void EncodeCam_SameWeights_AgreesWithPyTorch(string name, int size, int count)
    {
        using var encoder = Encoder(name);
        var seen = new List<string>();
        foreach (var (request, expected) in Reference.Cams(name))
        {
            var (_, maps) = EncodeCam(encoder, Reference.Ramp(count * 2L * size * size, seed: 7), count, size, request);
            Assert.Equal(expected.Length, maps.Length);
            // The same float32 operators in another order, through at most 20 layers of sums of at most 5,000 products.
            var largest = expected.Max();
            Assert.True(largest > 0);
            Assert.All(expected.Zip(maps), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * largest));
            seen.Add(request.Layer);
        }

        if (name != "halves")
        {
            Assert.Equal(encoder.CamLayers.Order(StringComparer.Ordinal), seen.Distinct().Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("smallcnn", 24)]
    [InlineData("resnet18", 37)]
    [InlineData("halves", 24)]
    [InlineData("vit", 24)]
    public void EncodeCam_AnyComposition_GivesSameBitsAndLogitsOfEncode(string name, int size)
    {
        using var encoder = Encoder(name);
        const int Count = 11;
        var slice = 2 * size * size;
        var pixels = Reference.Ramp(Count * slice, seed: 3);
        var expected = EncoderFixtures.Encode(encoder, pixels, Count, size);
        foreach (var layer in encoder.CamLayers.Where(layer => !_unsound.Contains(layer)))
        {
            foreach (var kind in new[] { CamKind.GradCam, CamKind.LayerCam })
            {
                var request = new CamRequest(kind, layer, 2);
                var (logits, maps) = EncodeCam(encoder, pixels, Count, size, request);
                Assert.Equal(expected, logits);
                Assert.All(maps, value => Assert.True(value >= 0));
                var cells = maps.Length / Count;
                foreach (var (first, count) in new[] { (0, 1), (3, 5), (10, 1), (2, 9) })
                {
                    var alone = EncodeCam(encoder, pixels.AsSpan(first * slice, count * slice), count, size, request);
                    Assert.Equal(logits[(first * 3)..((first + count) * 3)], alone.Logits);
                    Assert.Equal(maps[(first * cells)..((first + count) * cells)], alone.Maps);
                }
            }
        }

        Assert.Equal(expected, EncoderFixtures.Encode(encoder, pixels, Count, size));
    }

    [Theory]
    [InlineData(CamKind.GradCam)]
    [InlineData(CamKind.LayerCam)]
    public void EncodeCam_Sum_GivesPixelsTimesTheirArea(CamKind kind)
    {
        using var encoder = new SumEncoder();
        var pixels = EncoderFixtures.Pixels(seed: 1, 3 * 8 * 8);
        var (logits, maps) = EncodeCam(encoder, pixels, 3, 8, new CamRequest(kind, encoder.ResolveCamLayer(null)), pixelMm: 1.5);
        Assert.Equal(pixels.Select(pixel => (float)(2.25 * Math.Max(pixel, 0))), maps);
        Assert.Equal(EncoderFixtures.Encode(encoder, pixels, 3, 8, pixelMm: 1.5), logits);

        // Where no pixel is negative, the logit is the map's sum.
        var positive = pixels.Select(Math.Abs).ToArray();
        (logits, maps) = EncodeCam(encoder, positive, 3, 8, new CamRequest(kind, "pixels"), pixelMm: 1.5);
        Assert.Equal(logits[1], maps.AsSpan(64, 64).ToArray().Sum(value => (double)value), 1e-5);
    }

    [Fact]
    public void EncodeCam_MeanOfOneLayer_GivesItsClassesWeights()
    {
        // y = Σ_k w_k mean(A_k) + b has the gradient w_k/M² everywhere: GradCAM is then relu(Σ w_k A_k)/M², the map of Zhou et al.
        // (CVPR 2016, eq. 2), and LayerCAM leaves out the channels that speak against the class.
        var architecture = new SmallCnnArchitecture
        {
            Classes = 2,
            Layers = [new ConvLayer { Channels = 3, Kernel = 1, Activation = Activation.Relu }],
            Pooling = PixelPooling.Mean,
        };
        using var network = new SmallCnn(architecture);
        Set(network, "layers.0.weight", [1, -2, 0.5f]);
        Set(network, "layers.0.bias", [0.25f, 0, 1]);
        Set(network, "head.weight", [9, 9, 9, 2, 3, -1]);
        using var encoder = new TorchSliceEncoder(network, EncoderFixtures.Card(architecture), "cpu");
        var pixels = EncoderFixtures.Pixels(seed: 2, 2 * 6 * 6);
        double[][] features = [.. pixels.Select(x => new double[] { Math.Max(x + 0.25, 0), Math.Max(-2 * x, 0), Math.Max((0.5 * x) + 1, 0) })];

        var gradCam = EncodeCam(encoder, pixels, 2, 6, new CamRequest(CamKind.GradCam, "layers.0", 1)).Maps;
        var layerCam = EncodeCam(encoder, pixels, 2, 6, new CamRequest(CamKind.LayerCam, "layers.0", 1)).Maps;
        // A handful of products in float32.
        Assert.All(features.Zip(gradCam), pair => Assert.Equal(Math.Max((2 * pair.First[0]) + (3 * pair.First[1]) - pair.First[2], 0) / 36, pair.Second, 1e-7));
        Assert.All(features.Zip(layerCam), pair => Assert.Equal(((2 * pair.First[0]) + (3 * pair.First[1])) / 36, pair.Second, 1e-7));
        Assert.Contains(gradCam, value => value == 0);
    }

    [Theory]
    [InlineData(PixelPooling.Sum, 9.0 / 4)]
    [InlineData(PixelPooling.Mean, 1)]
    public void EncodeCam_OtherPixelSize_ScalesAsTheLogitDoes(PixelPooling pooling, double factor)
    {
        var architecture = EncoderFixtures.Architecture(pooling: pooling);
        using var encoder = new TorchSliceEncoder(new SmallCnn(architecture, seed: 4), EncoderFixtures.Card(architecture), "cpu");
        var pixels = EncoderFixtures.Pixels(seed: 3, 16 * 16);
        var request = new CamRequest(CamKind.LayerCam, "layers.1");
        var (one, other) = (EncodeCam(encoder, pixels, 1, 16, request, pixelMm: 2).Maps, EncodeCam(encoder, pixels, 1, 16, request, pixelMm: 3).Maps);
        Assert.True(one.Max() > 0);
        Assert.All(one.Zip(other), pair => Assert.Equal(factor * pair.First, pair.Second, 1e-6 * one.Max()));
    }

    [Fact]
    public void CamLayers_OfEachNetwork_HaveTheDefaultFirst()
    {
        using var cnn = Encoder("smallcnn");
        using var resnet = Encoder("resnet18");
        using var halves = Encoder("halves");
        using var vit = Encoder("vit");
        Assert.Equal(["layers.2", "layers.1", "layers.0"], cnn.CamLayers);
        Assert.Equal(["layer4", "layer3", "layer2", "layer1"], resnet.CamLayers);
        Assert.Equal("features", halves.CamLayers[0]);
        Assert.Equal(["detached", "features", "oblong", "other", "steep", "stem", "tokens"], halves.CamLayers.Order(StringComparer.Ordinal));
        Assert.Equal(["features", "early"], vit.CamLayers);
        Assert.Equal("layers.2", cnn.ResolveCamLayer(null));
        Assert.Equal("layer2", resnet.ResolveCamLayer("layer2"));
        Assert.Equal([12, 12, 6], cnn.CamLayers.Reverse().Select(layer => cnn.CamSize(new SliceFormat(24, 1), layer)));
        Assert.Equal([3, 5, 10, 19], resnet.CamLayers.Select(layer => resnet.CamSize(new SliceFormat(75, 1), layer)));
        Assert.Equal([6, 6], vit.CamLayers.Select(layer => vit.CamSize(new SliceFormat(24, 1), layer)));
    }

    [Theory]
    [InlineData("residual")]
    [InlineData("residual_frozen")]
    [InlineData("transformer")]
    [InlineData("unpooled")]
    public void ResolveCamLayer_ProgramWithoutHalves_SaysWhatToExport(string name)
    {
        using var encoder = Encoder(name);
        Assert.Empty(encoder.CamLayers);
        foreach (var refused in new[]
        {
            Assert.Throws<EncoderException>(() => encoder.ResolveCamLayer(null)),
            Assert.Throws<EncoderException>(() => encoder.CamSize(new SliceFormat(24, 1), "features")),
            Assert.Throws<EncoderException>(() => encoder.EncodeCam(new float[2 * 24 * 24], 1, new SliceFormat(24, 1), new CamRequest(CamKind.GradCam, "features"), new float[3], [])),
        })
        {
            Assert.Equal("model.no_cam", refused.Code);
            Assert.Contains("features(slices) and head(features)", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ResolveCamLayer_Unknown_ListsTheLayers()
    {
        using var encoder = Encoder("vit");
        foreach (var layer in new[] { "layer4", "late", "", "Features" })
        {
            var refused = Assert.Throws<EncoderException>(() => encoder.ResolveCamLayer(layer));
            Assert.Equal("model.cam_layer_unknown", refused.Code);
            Assert.EndsWith("choose one of features, early.", refused.Message, StringComparison.Ordinal);
        }

        using var sum = new SumEncoder();
        Assert.Equal("model.cam_layer_unknown", Assert.Throws<EncoderException>(() => sum.CamSize(new SliceFormat(8, 1), "features")).Code);
    }

    [Theory]
    [InlineData("tokens", "model.cam_unsound", "[8, 4, 144]")]
    [InlineData("oblong", "model.cam_unsound", "[8, 4, 72, 2]")]
    [InlineData("other", "model.cam_unsound", "head_other(features_other(slices)) is not forward(slices)")]
    [InlineData("detached", "model.cam_unsound", "has no derivative")]
    [InlineData("steep", "encoder.non_finite_map", "Slice 0 ")]
    public void EncodeCam_UnsoundHalves_AreRefused(string layer, string code, string words)
    {
        using var encoder = Encoder("halves");
        var request = new CamRequest(CamKind.LayerCam, layer, 1);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var refused = Assert.Throws<EncoderException>(() => EncodeCam(encoder, Reference.Ramp(2 * 24 * 24, seed: 1), 1, 24, request));
            Assert.Equal(code, refused.Code);
            Assert.Contains(words, refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refused.Message);
        }
    }

    [Fact]
    public void EncodeCam_BadArguments_AreRefused()
    {
        var format = new SliceFormat(24, 1);
        var pixels = new float[2 * 24 * 24];
        using var encoder = Encoder("smallcnn");
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.Unspecified, "layers.2"), new float[3], new float[36]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2", 3), new float[3], new float[36]));
        Assert.Throws<ArgumentException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2"), new float[3], new float[37]));
        Assert.Throws<ArgumentException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2"), new float[2], new float[36]));
        encoder.EncodeCam([], 0, format, new CamRequest(CamKind.GradCam, "layers.2"), [], []);
        pixels[7] = float.NaN;
        var refused = Assert.Throws<EncoderException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2"), new float[3], new float[36]));
        Assert.Equal("encoder.non_finite_logit", refused.Code);
    }

    [Theory]
    [InlineData("smallcnn")]
    [InlineData("resnet18")]
    [InlineData("halves")]
    [InlineData("vit")]
    public void EncodeCam_AnyOutcome_LeavesNoTensor(string name)
    {
        using var encoder = Encoder(name);
        var pixels = Reference.Ramp(11 * 2 * 24 * 24, seed: 2);
        EncoderFixtures.NoTensorStays(() =>
        {
            foreach (var layer in encoder.CamLayers)
            {
                var request = new CamRequest(CamKind.GradCam, layer);
                if (_unsound.Contains(layer))
                {
                    Assert.Throws<EncoderException>(() => EncodeCam(encoder, pixels, 11, 24, request));
                }
                else
                {
                    EncodeCam(encoder, pixels, 11, 24, request);
                }
            }
        });
    }

    [Fact]
    public void EncodeCam_SeveralThreads_GiveSameBits()
    {
        using var encoder = Encoder("resnet18");
        var pixels = Reference.Ramp(9 * 2 * 32 * 32, seed: 4);
        // The first to come makes the plain convolutions, which all then share.
        var results = new (float[] Logits, float[] Maps)[12];
        Parallel.For(0, results.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            results[i] = EncodeCam(encoder, pixels, 9, 32, new CamRequest(CamKind.LayerCam, "layer2", 1)));
        Assert.All(results, result => Assert.Equal(results[0].Maps, result.Maps));
        Assert.All(results, result => Assert.Equal(results[0].Logits, result.Logits));
    }

    internal static (float[] Logits, float[] Maps) EncodeCam(ICamEncoder encoder, ReadOnlySpan<float> slices, int count, int size, CamRequest request, double pixelMm = 1)
    {
        var format = new SliceFormat(size, pixelMm);
        var edge = encoder.CamSize(format, request.Layer);
        var (logits, maps) = (new float[count * encoder.Card.Classes.Count], new float[count * edge * edge]);
        encoder.EncodeCam(slices, count, format, request, logits, maps);
        return (logits, maps);
    }

    private static void Set(SmallCnn network, string name, float[] values) =>
        values.CopyTo(MemoryMarshal.Cast<byte, float>(network.named_parameters().Single(pair => pair.name == name).parameter.bytes));

    private static TorchSliceEncoder Encoder(string name, EncoderPrecision precision = EncoderPrecision.Fp32)
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(18, InputChannels: 2, Classes: 3);
        SliceNetwork network = name switch
        {
            "smallcnn" => Reference.SmallCnn(),
            "resnet18" => new ResNet(architecture, Reference.Weights(architecture), precision),
            _ => new TorchScriptNetwork(Reference.Program(name), "model.ts", precision),
        };
        return new TorchSliceEncoder(network, Reference.Card(2, 3), "cpu");
    }
}
