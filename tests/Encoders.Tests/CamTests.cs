using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using ToNNO.Tomography.Lifting;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

public sealed class CamTests
{
    /// <summary>The layers of <c>halves.ts</c> that no maps can be made of.</summary>
    private static readonly HashSet<string> _unsound = ["tokens", "oblong", "detached", "other", "steep"];

    [Theory]
    [InlineData("smallcnn", 24, 4)]
    [InlineData("resnet18", 64, 2)]
    [InlineData("resnet50", 64, 2)]
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
            // The same float32 operators in another order, through at most 53 layers of sums of at most 5,000 products.
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
                var request = new CamRequest(kind, layer, [2]);
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
        var (logits, maps) = EncodeCam(encoder, pixels, 3, 8, new CamRequest(kind, encoder.ResolveCamLayer(null), [0]), pixelMm: 1.5);
        Assert.Equal(pixels.Select(pixel => (float)(2.25 * Math.Max(pixel, 0))), maps);
        Assert.Equal(EncoderFixtures.Encode(encoder, pixels, 3, 8, pixelMm: 1.5), logits);

        // Where no pixel is negative, the logit is the map's sum.
        var positive = pixels.Select(Math.Abs).ToArray();
        (logits, maps) = EncodeCam(encoder, positive, 3, 8, new CamRequest(kind, "pixels", [0]), pixelMm: 1.5);
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

        var gradCam = EncodeCam(encoder, pixels, 2, 6, new CamRequest(CamKind.GradCam, "layers.0", [1])).Maps;
        var layerCam = EncodeCam(encoder, pixels, 2, 6, new CamRequest(CamKind.LayerCam, "layers.0", [1])).Maps;
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
        var request = new CamRequest(CamKind.LayerCam, "layers.1", [0]);
        var (one, other) = (EncodeCam(encoder, pixels, 1, 16, request, pixelMm: 2).Maps, EncodeCam(encoder, pixels, 1, 16, request, pixelMm: 3).Maps);
        Assert.True(one.Max() > 0);
        Assert.All(one.Zip(other), pair => Assert.Equal(factor * pair.First, pair.Second, 1e-6 * one.Max()));
    }

    [Fact]
    public void CamGrid_StridesAndPoolings_LieWhereTheFeaturesLook()
    {
        // Kernels with nothing but a one in their middle: a pixel lights the cell that is centred on it, if there is one.
        var architecture = new SmallCnnArchitecture
        {
            Layers =
            [
                new ConvLayer { Channels = 1, Stride = 2, Activation = Activation.Identity },
                new ConvLayer { Channels = 1, MaxPool = 2, Activation = Activation.Identity },
                new ConvLayer { Channels = 1, Kernel = 5, Stride = 3, Dilation = 2, Activation = Activation.Identity },
            ],
        };
        using var network = new SmallCnn(architecture);
        Set(network, "layers.0.weight", [0, 0, 0, 0, 1, 0, 0, 0, 0]);
        Set(network, "layers.1.weight", [0, 0, 0, 0, 1, 0, 0, 0, 0]);
        Set(network, "layers.2.weight", [.. Enumerable.Range(0, 25).Select(i => i == 12 ? 1f : 0)]);
        Set(network, "head.weight", [1]);
        using var encoder = new TorchSliceEncoder(network, EncoderFixtures.Card(architecture), "cpu");
        AssertLit(encoder, "layers.0", 37, 6, [6]);
        AssertLit(encoder, "layers.0", 36, 7, []);
        AssertLit(encoder, "layers.1", 37, 8, [8, 10]);
        AssertLit(encoder, "layers.1", 40, 10, [8, 10]);
        AssertLit(encoder, "layers.2", 41, 24, [24, 26]);

        using var resnet = Peephole();
        foreach (var layer in resnet.CamLayers)
        {
            AssertLit(resnet, layer, 75, 32, [32]);
            AssertLit(resnet, layer, 96, 64, [64]);
        }
    }

    /// <summary>Lights one pixel, and expects the map to be lit in one cell, the one centred on the middle of <paramref name="seen"/>, or nowhere.</summary>
    private static void AssertLit(TorchSliceEncoder encoder, string layer, int size, int pixel, int[] seen)
    {
        const double PixelMm = 1.5;
        var pixels = new float[size * size];
        pixels[(pixel * size) + pixel] = 1;
        var grid = encoder.CamGrid(new SliceFormat(size, PixelMm), layer);
        // GradCAM, since a feature itself may be one that a stride leaves out, and have no gradient.
        var (_, maps) = EncodeCam(encoder, pixels, 1, size, new CamRequest(CamKind.GradCam, layer, [0]), PixelMm);
        Assert.Equal(maps.Length, grid.Edge * grid.Edge);
        var lit = Enumerable.Range(0, maps.Length).Where(i => maps[i] > 0).ToArray();
        Assert.Equal(seen.Length > 0 ? 1 : 0, lit.Length);
        foreach (var cell in lit)
        {
            var expectedMm = (seen.Average() - ((size - 1) / 2.0)) * PixelMm;
            Assert.Equal(expectedMm, grid.FirstMm + (cell / grid.Edge * grid.CellMm), 1e-9);
            Assert.Equal(expectedMm, grid.FirstMm + (cell % grid.Edge * grid.CellMm), 1e-9);
        }
    }

    /// <summary>A ResNet-18 that adds up, in each place, what its kernels' middles see.</summary>
    private static TorchSliceEncoder Peephole()
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(18);
        var state = architecture.StateShapes().ToDictionary(pair => pair.Key, pair =>
        {
            var shape = pair.Value;
            var values = new float[shape.Aggregate(1L, (product, length) => product * length)];
            var area = shape.Length == 4 ? (int)(shape[2] * shape[3]) : 1;
            // Weights of the normalisation and variances are one, biases and means zero; a convolution averages its channels.
            var one = pair.Key.EndsWith("weight", StringComparison.Ordinal) || pair.Key.EndsWith("running_var", StringComparison.Ordinal);
            for (var i = area / 2; one && i < values.Length; i += area)
            {
                values[i] = shape.Length == 4 ? 1f / shape[1] : 1;
            }

            return tensor(values, shape);
        });
        var card = Reference.Card(1, 1);
        return new TorchSliceEncoder(new ResNet(architecture, state), card, "cpu");
    }

    [Fact]
    public void CamGrid_NothingKnown_CoversTheSlice()
    {
        using var sum = new SumEncoder();
        Assert.Equal(new MapGrid(9, 2, -8), sum.CamGrid(new SliceFormat(9, 2), "pixels"));
        using var vit = Encoder("vit");
        Assert.Equal(new MapGrid(6, 2, -5), vit.CamGrid(new SliceFormat(24, 0.5), "features"));
    }

    [Theory]
    [InlineData("smallcnn", "layers.0")]
    [InlineData("smallcnn", "layers.2")]
    [InlineData("resnet18", "layer1")]
    [InlineData("resnet18", "layer4")]
    public void Head_FeaturesMoved_LogitMovesByGradientTimesStep(string name, string layer)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var network = Network(name);
        network.Prepare(CPU);
        var slices = tensor(Reference.Ramp(2 * 2 * 32 * 32, seed: 6), [2, 2, 32, 32]);
        var (features, logits) = network.ForwardWithFeatures(slices, 1, layer);
        // Fused or plain, float32 rounds each of some twenty layers.
        Assert.True(allclose(logits, network.Head(features, 1, layer), 1e-4, 1e-5));
        Tensor gradient;
        using (enable_grad())
        {
            var variable = features.detach().requires_grad_(true);
            autograd.backward([network.Head(variable, 1, layer).sum()], inputs: [variable]);
            gradient = variable.grad!;
        }

        // A step along the gradient raises the logits by its length times the gradient's, but for the rectifiers that it switches: so it
        // is short, and leaves some three digits of float32 in the difference.
        using var length = 2e-5.ToScalar();
        var step = gradient.div(gradient.norm()).mul(features.norm()).mul(length);
        var change = Sum(features.add(step)) - Sum(features.sub(step));
        Assert.Equal(1, change / (2 * gradient.mul(step).sum().item<float>()), 0.005);

        double Sum(Tensor moved) => network.Head(moved, 1, layer).sum().item<float>();
    }

    [Theory]
    [InlineData("resnet18", 64)]
    [InlineData("halves", 24)]
    [InlineData("vit", 24)]
    public void EncodeCam_BFloat16_StaysNearFloat32(string name, int size)
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        using var exact = Encoder(name);
        using var rounded = Encoder(name, EncoderPrecision.Bf16);
        var pixels = Reference.Ramp(3 * 2L * size * size, seed: 7);
        foreach (var (request, _) in Reference.Cams(name))
        {
            var expected = EncodeCam(exact, pixels, 3, size, request).Maps;
            var (logits, maps) = EncodeCam(rounded, pixels, 3, size, request);
            Assert.Equal(EncoderFixtures.Encode(rounded, pixels, 3, size), logits);
            Assert.NotEqual(expected, maps);
            // Eight significant bits round the features by 2^-9 in each layer, in a program the gradients too. Behind the early layers of a
            // ResNet it switches rectifiers, up to twelve in a row, which takes whole gradients in or out.
            var tolerance = request.Layer is "layer1" or "layer2" ? 0.2 : 0.06;
            // GradCAM is the difference of channels for and against the class, LayerCAM the size of those.
            var scale = EncodeCam(exact, pixels, 3, size, request with { Kind = CamKind.LayerCam }).Maps;
            Assert.InRange(Norm(expected.Zip(maps, (a, b) => a - b)), 0, tolerance * Norm(scale));
        }

        static double Norm(IEnumerable<float> values) => Math.Sqrt(values.Sum(value => (double)value * value));
    }

    [Theory]
    [InlineData(CamKind.GradCam)]
    [InlineData(CamKind.LayerCam)]
    public void EncodeCam_HeadThatBeginsInPlace_GivesTheMapsOfOneThatDoesNot(CamKind kind)
    {
        const int Count = 5, Size = 24;
        var pixels = Reference.Ramp(Count * 2 * Size * Size, seed: 5);
        (float[] Logits, float[] Maps) Of(string relu)
        {
            var program = Reference.Edited("halves", "torch.square(features), [2, 3]", $"torch.square({relu}(features)), [2, 3]");
            using var encoder = new TorchSliceEncoder(new TorchScriptNetwork(program, "model.ts"), Reference.Card(2, 3), "cpu");
            return EncodeCam(encoder, pixels, Count, Size, new CamRequest(kind, "features", [1]));
        }

        var (expected, actual) = (Of("torch.relu"), Of("torch.relu_"));
        Assert.Contains(expected.Maps, value => value > 0);
        Assert.Equal(expected.Logits, actual.Logits);
        Assert.Equal(expected.Maps, actual.Maps);
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
        Assert.Equal([12, 12, 6], cnn.CamLayers.Reverse().Select(layer => cnn.CamGrid(new SliceFormat(24, 1), layer).Edge));
        Assert.Equal([3, 5, 10, 19], resnet.CamLayers.Select(layer => resnet.CamGrid(new SliceFormat(75, 1), layer).Edge));
        Assert.Equal([6, 6], vit.CamLayers.Select(layer => vit.CamGrid(new SliceFormat(24, 1), layer).Edge));
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
            Assert.Throws<EncoderException>(() => encoder.CamGrid(new SliceFormat(24, 1), "features")),
            Assert.Throws<EncoderException>(() => encoder.EncodeCam(new float[2 * 24 * 24], 1, new SliceFormat(24, 1), new CamRequest(CamKind.GradCam, "features", [0]), new float[3], [])),
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
        Assert.Equal("model.cam_layer_unknown", Assert.Throws<EncoderException>(() => sum.CamGrid(new SliceFormat(8, 1), "features")).Code);
    }

    [Theory]
    [InlineData("smallcnn", "layers.0")]
    [InlineData("resnet18", "layer4")]
    [InlineData("halves", "features")]
    public void EncodeCam_SeveralClasses_GivesTheBitsOfEachAlone(string name, string layer)
    {
        using var encoder = Encoder(name);
        const int Count = 19; // more than a batch
        var size = 24;
        var pixels = Reference.Ramp(Count * 2 * size * size, seed: 3);
        foreach (var kind in new[] { CamKind.GradCam, CamKind.LayerCam })
        {
            int[] classes = [2, 0];
            var edge = encoder.CamGrid(new SliceFormat(size, 1), layer).Edge;
            var (logits, maps) = (new float[3 * Count], new float[2 * Count * edge * edge]);
            encoder.EncodeCam(pixels, Count, new SliceFormat(size, 1), new CamRequest(kind, layer, classes), logits, maps);
            foreach (var (one, together) in classes.Zip(maps.Chunk(maps.Length / 2)))
            {
                var alone = EncodeCam(encoder, pixels, Count, size, new CamRequest(kind, layer, [one]));
                Assert.Equal(alone.Logits, logits);
                Assert.Equal(alone.Maps, together);
            }

            Assert.NotEqual(maps[..(maps.Length / 2)], maps[(maps.Length / 2)..]);
        }
    }

    [Theory]
    [InlineData("tokens", "model.cam_unsound", "[16, 4, 144]")]
    [InlineData("oblong", "model.cam_unsound", "[16, 4, 72, 2]")]
    [InlineData("other", "model.cam_unsound", "head_other(features_other(slices)) is not forward(slices)")]
    [InlineData("detached", "model.cam_unsound", "has no derivative")]
    [InlineData("steep", "encoder.non_finite_map", "Slice 0 ")]
    public void EncodeCam_UnsoundHalves_AreRefused(string layer, string code, string words)
    {
        using var encoder = Encoder("halves");
        var request = new CamRequest(CamKind.LayerCam, layer, [1]);
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
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.Unspecified, "layers.2", [0]), new float[3], new float[36]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2", [3]), new float[3], new float[36]));
        Assert.Throws<ArgumentException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2", [0]), new float[3], new float[37]));
        Assert.Throws<ArgumentException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2", [0]), new float[2], new float[36]));
        encoder.EncodeCam([], 0, format, new CamRequest(CamKind.GradCam, "layers.2", [0]), [], []);
        pixels[7] = float.NaN;
        var refused = Assert.Throws<EncoderException>(() => encoder.EncodeCam(pixels, 1, format, new CamRequest(CamKind.GradCam, "layers.2", [0]), new float[3], new float[36]));
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
                var request = new CamRequest(CamKind.GradCam, layer, [0]);
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

    [Theory]
    [InlineData("smallcnn", "layers.0")]
    [InlineData("halves", "stem")]
    public void EncodeCam_ManyBatches_HoldsMemoryFlat(string name, string layer)
    {
        // The features of a batch have 74 kB, and so have their gradients: what stayed of each would make 70 MB in all.
        using var encoder = Encoder(name);
        const int Size = 48;
        var pixels = Reference.Ramp(8 * 2L * Size * Size, seed: 4);
        Encode(50);
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var before = process.WorkingSet64;
        Encode(500);
        process.Refresh();
        Assert.True(process.WorkingSet64 - before < 30L << 20, $"{(process.WorkingSet64 - before) >> 20} MiB stayed");

        void Encode(int batches)
        {
            for (var i = 0; i < batches; i++)
            {
                EncodeCam(encoder, pixels, 8, Size, new CamRequest(CamKind.GradCam, layer, [0]));
            }
        }
    }

    [Fact]
    public async Task EncodeCam_WhileGarbageIsCollected_SameMaps()
    {
        using var encoder = Encoder("smallcnn");
        var pixels = Reference.Ramp(8 * 2 * 16 * 16, seed: 4);
        var request = new CamRequest(CamKind.LayerCam, "layers.0", [0]);
        var expected = EncodeCam(encoder, pixels, 8, 16, request);
        await EncoderFixtures.WhileCollectingAsync(200, () =>
        {
            var actual = EncodeCam(encoder, pixels, 8, 16, request);
            Assert.Equal(expected.Logits, actual.Logits);
            Assert.Equal(expected.Maps, actual.Maps);
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
            results[i] = EncodeCam(encoder, pixels, 9, 32, new CamRequest(CamKind.LayerCam, "layer2", [1])));
        Assert.All(results, result => Assert.Equal(results[0].Maps, result.Maps));
        Assert.All(results, result => Assert.Equal(results[0].Logits, result.Logits));
    }

    internal static (float[] Logits, float[] Maps) EncodeCam(ICamEncoder encoder, ReadOnlySpan<float> slices, int count, int size, CamRequest request, double pixelMm = 1)
    {
        var format = new SliceFormat(size, pixelMm);
        var edge = encoder.CamGrid(format, request.Layer).Edge;
        var (logits, maps) = (new float[count * encoder.Card.Classes.Count], new float[count * edge * edge]);
        encoder.EncodeCam(slices, count, format, request, logits, maps);
        return (logits, maps);
    }

    private static void Set(SmallCnn network, string name, float[] values) =>
        values.CopyTo(MemoryMarshal.Cast<byte, float>(network.named_parameters().Single(pair => pair.name == name).parameter.bytes));

    private static TorchSliceEncoder Encoder(string name, EncoderPrecision precision = EncoderPrecision.Fp32) =>
        new(Network(name, precision), Reference.Card(2, 3), "cpu");

    private static SliceNetwork Network(string name, EncoderPrecision precision = EncoderPrecision.Fp32)
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(name == "resnet50" ? 50 : 18, InputChannels: 2, Classes: 3);
        return name switch
        {
            "smallcnn" => Reference.SmallCnn(),
            "resnet18" or "resnet50" => new ResNet(architecture, Reference.Weights(architecture), precision),
            _ => new TorchScriptNetwork(Reference.Program(name), "model.ts", precision),
        };
    }
}
