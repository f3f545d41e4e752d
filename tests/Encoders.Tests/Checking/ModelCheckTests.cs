using System.Text.Json.Nodes;
using ToNNO.Encoders.Checking;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using ToNNO.Encoders.Weights;
using ToNNO.Tomography.Geometry;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Checking;

public sealed class ModelCheckTests : IDisposable
{
    private static readonly ModelCheckOptions _options = new() { Device = "cpu", SpeedTime = TimeSpan.Zero };

    private readonly EncoderFixtures.TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("smallcnn", 4, 24, "layers.2", "layers.1", "layers.0")]
    [InlineData("resnet18", 2, 64, "layer4", "layer3", "layer2", "layer1")]
    [InlineData("vit", 4, 24, "features", "early")]
    public void Run_ReferenceOfPyTorch_Agrees(string name, int count, int size, params string[] layers)
    {
        var folder = Save(name, size);
        var alone = ModelCheck.Run(folder, _options);
        Assert.Null(alone.Reference);
        WriteReference(folder, count, size, Reference.Logits(name));
        var report = ModelCheck.Run(folder, _options);
        Assert.Empty(report.Problems);
        Assert.True(report.Reference!.LargestDifference < 1e-4);
        Assert.Equal((count, size, "cpu"), (report.Reference.Slices, report.Size, report.Device));
        Assert.InRange(report.Neighbours.LargestDifference, 0, 0); // batches of one shape give the same bits
        Assert.Equal(layers, report.Maps.Select(layer => layer.Layer));
        Assert.All(report.Maps, layer => Assert.True(layer.Edge > 0 && layer.Refusal is null));
        Assert.Equal([1, 4, 16], report.Speeds.Select(speed => speed.Batch));
        Assert.True(report.Speeds[^1].IsDefault);
        Assert.All(report.Speeds, speed => Assert.True(speed is { SlicesPerSecond: > 0, ResidentMb: > 10 }));
        Assert.Equal(report.Tensors.Before, report.Tensors.After);
        Assert.Equal(alone.Card.Sha256, report.Card.Sha256); // the reference is no part of the model
    }

    [Fact]
    public void Run_ReferenceOfOtherWeights_NamesSliceAndClass()
    {
        var (folder, logits) = (Save("smallcnn", 24), Reference.Logits("smallcnn"));
        logits[(2 * 3) + 1] += 1e-3f;
        WriteReference(folder, 4, 24, logits);
        var report = ModelCheck.Run(folder, _options);
        Assert.Equal((2, "class 1"), (report.Reference!.Slice, report.Reference.Class));
        Assert.Equal(1e-3, report.Reference.LargestDifference, 1e-5);
        var problem = Assert.Single(report.Problems);
        Assert.Equal("model.reference_differs", problem.Code);
        Assert.Contains("slice 2 for class 1", problem.Message, StringComparison.Ordinal);
        Assert.Empty(ModelCheck.Run(folder, _options with { Tolerance = 2e-3 }).Problems);
    }

    [Theory]
    [InlineData("3 channels", 4, 3, 24, 12)]
    [InlineData("32 x 32 pixels", 4, 2, 32, 12)]
    [InlineData("[4, 3]", 4, 2, 24, 8)]
    public void Run_ReferenceOfAnotherShape_IsRefused(string named, int count, int channels, int size, int logits)
    {
        var folder = Save("smallcnn", 24);
        WriteReference(folder, count, size, new float[logits], channels);
        Refused(folder, "model.reference_invalid", named);
    }

    [Fact]
    public void Run_FileThatIsNoReference_IsRefused()
    {
        var (folder, logits) = (Save("smallcnn", 24), Reference.Logits("smallcnn"));
        var path = Path.Combine(folder, ModelReference.FileName);
        File.WriteAllText(path, "no tensors in here at all");
        Refused(folder, "model.reference_invalid", ModelReference.FileName);
        File.Copy(Path.Combine(folder, ModelFolder.WeightsFile), path, overwrite: true);
        Refused(folder, "model.reference_invalid", "beside");
        logits[7] = float.NaN;
        WriteReference(folder, 4, 24, logits);
        Refused(folder, "model.reference_invalid", "slice 2 has the logit NaN");
        Write(path, ("slices", new float[4 * 2 * 24 * 24], [4, 2, 24, 24]));
        Refused(folder, "model.reference_invalid", "\"logits\"");
        Write(path, ("slices", new float[24], [24]), ("logits", new float[3], [1, 3]));
        Refused(folder, "model.reference_invalid", "[24]");
    }

    [Fact]
    public void Run_NetworkThatIsNotItsMetadata_IsRefused()
    {
        Refused(Save("residual", 24, channels: 3), "model.unsupported", "[16, 3, 24, 24]");
        Refused(Save("vit", 32), "model.unsupported", "[16, 2, 32, 32]"); // it has positions for 36 patches
        Refused(Save("unpooled", 16), "model.unsupported", "[16, 16, 16]");
        var error = Assert.Throws<EncoderException>(() => ModelCheck.Run(Save("halves", 24), _options with { Size = 32 }));
        Assert.Equal("model.slice_size", error.Code);
    }

    [Fact]
    public void Run_LayersWithoutMaps_SaysWhy()
    {
        var report = ModelCheck.Run(Save("halves", 24), _options);
        Assert.Empty(report.Problems);
        var sound = report.Maps.Where(layer => layer.Edge is not null).Select(layer => layer.Layer);
        Assert.Equal(["features", "stem"], sound.Order(StringComparer.Ordinal));
        Assert.All(report.Maps.Where(layer => layer.Edge is null), layer => Assert.Matches(@"^[a-z_.]+: .+\.$", layer.Refusal!));
        Assert.StartsWith("model.cam_unsound: ", report.Maps.Single(layer => layer.Layer == "detached").Refusal, StringComparison.Ordinal);
        Assert.StartsWith("encoder.non_finite_map: ", report.Maps.Single(layer => layer.Layer == "steep").Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Sum_Passes()
    {
        var report = ModelCheck.Run("builtin:sum", _options with { Size = 20 });
        Assert.Empty(report.Problems);
        Assert.Equal((20, "builtin", 20), (report.Size, report.Architecture, Assert.Single(report.Maps).Edge));
    }

    [Fact]
    public void Run_TensorsLeftBehind_AreALeak()
    {
        var report = Run(new MadeNetwork(slices => slices.mean([2, 3]).alias().DetachFromDisposeScope()));
        Assert.Equal("model.leaks", Assert.Single(report.Problems).Code);
        Assert.True(report.Tensors.After > report.Tensors.Before);
    }

    [Fact]
    public void Run_SlicesThatMix_AreUnsteady()
    {
        var report = Run(new MadeNetwork(slices => slices.mean([2, 3]).softmax(0)));
        Assert.Equal("model.unsteady", Assert.Single(report.Problems).Code);
    }

    [Fact]
    public void Run_LogitsThatAreNoNumbers_NamesTheSlice()
    {
        using var zero = 0.ToScalar();
        var error = Assert.Throws<EncoderException>(() => Run(new MadeNetwork(slices => slices.mean([2, 3]).div(slices.mean([2, 3]).mul(zero)))));
        Assert.Equal("encoder.non_finite_logit", error.Code);
        Assert.StartsWith("Slice 0 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_NoMemoryForABatch_SaysSoOfIt()
    {
        var report = Run(new HungryNetwork(most: 4, size: 24));
        Assert.Empty(report.Problems);
        Assert.Equal([1, 4], report.Speeds.Where(speed => speed.SlicesPerSecond > 0).Select(speed => speed.Batch));
        Assert.Equal(4, Assert.Single(report.Speeds, speed => speed.IsDefault).Batch);
    }

    [Theory]
    [InlineData(0.04, true)]
    [InlineData(0.06, false)]
    public void Run_BFloat16_IsHeldToTheSpreadOfFloat32(double error, bool holds)
    {
        // Means of slices, and the same with one that is off by a share of their spread.
        using var full = new TorchSliceEncoder(new MadeNetwork(slices => slices.mean([2, 3])), Card(), "cpu");
        var samples = SampleSlices.Make(16, Card().Intensities, 24).Chunk(24 * 24).Select(slice => slice.Average()).ToList();
        using var off = (error * (samples.Max() - samples.Min())).ToScalar();
        using var encoder = new TorchSliceEncoder(new MadeNetwork(slices => slices.mean([2, 3]).add(off)), Card(), "cpu");
        var report = new ModelCheck(encoder, EncoderPrecision.Bf16, null, _options with { Size = 24 }).Run("made", () => full);
        Assert.Equal(holds, report.BFloat16!.Holds);
        Assert.Equal(holds ? [] : ["model.precision_differs"], report.Problems.Select(problem => problem.Code));
    }

    [Fact]
    public void Run_BFloat16OfAResNet_StaysWithinTheBound()
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        // Slices of rising brightness: on slices that are all alike the logits of random weights are, too, and a share of their spread is nothing.
        const int Count = 8;
        var folder = Save("resnet18", 64);
        var pixels = Reference.Ramp(Count * 2 * 64 * 64, seed: 7).Select((pixel, at) => pixel * (1 + (at / (2 * 64 * 64)))).ToArray();
        using (var full = EncoderFactory.Open(folder, "cpu"))
        {
            Write(
                Path.Combine(folder, ModelReference.FileName),
                ("slices", pixels, [Count, 2, 64, 64]),
                ("logits", EncoderFixtures.Encode(full, pixels, Count, 64, pixelMm: 2.5), [Count, 3]));
        }

        var path = Path.Combine(folder, ModelFolder.MetadataFile);
        var root = JsonNode.Parse(File.ReadAllBytes(path))!;
        root["tonno"]!["precision"] = "bfloat16";
        File.WriteAllText(path, root.ToJsonString());
        var report = ModelCheck.Run(folder, _options);
        Assert.Empty(report.Problems);
        Assert.InRange(report.BFloat16!.LargestDifference, 1e-9 * report.BFloat16.Spread, LogitBounds.Half * report.BFloat16.Spread);
        Assert.Equal(report.BFloat16, report.Reference);
    }

    [Fact]
    public void Try_WhatCannotBeEncoded_IsRefusedBeforeWork()
    {
        using var residual = EncoderFactory.Open(Save("residual", 24, channels: 3), "cpu");
        Assert.Equal("model.unsupported", Assert.Throws<EncoderException>(() => EncoderProbe.Try(residual, null, null)).Code);
        using var halves = EncoderFactory.Open(Save("halves", 24), "cpu");
        EncoderProbe.Try(halves, null, null);
        EncoderProbe.Try(halves, 24, "stem");
        Assert.Equal("model.cam_unsound", Assert.Throws<EncoderException>(() => EncoderProbe.Try(halves, null, "detached")).Code);
        Assert.Equal("model.cam_layer_unknown", Assert.Throws<EncoderException>(() => EncoderProbe.Try(halves, null, "nowhere")).Code);
        using var sum = new SumEncoder();
        EncoderProbe.Try(sum, null, SumEncoder.PixelLayer);
        EncoderProbe.Try(sum, 3, null);
    }

    [Fact]
    public void Try_AnySize_TriesALargerOneToo()
    {
        static Tensor Picky(Tensor slices) => slices.shape[2] >= 200
            ? slices.mean([2, 3])
            : throw new EncoderException(EncoderError.ModelUnsupported, "Too small.");
        using var encoder = new TorchSliceEncoder(new MadeNetwork(Picky), Card(), "cpu");
        Assert.Equal(256, EncoderProbe.Try(encoder, null, null).Size);
        Assert.Throws<EncoderException>(() => EncoderProbe.Try(encoder, 64, null));
    }

    [Fact]
    public void Try_SlicesThatMixOrChance_AreRefused()
    {
        foreach (var function in new Func<Tensor, Tensor>[] { slices => slices.mean([2, 3]).softmax(0), slices => slices.mean([2, 3]).add(rand(1)) })
        {
            using var encoder = new TorchSliceEncoder(new MadeNetwork(function), Card(), "cpu");
            Assert.Equal("model.unsteady", Assert.Throws<EncoderException>(() => EncoderProbe.Try(encoder, 24, null)).Code);
        }
    }

    [Theory]
    [InlineData(false, 0.04, null)]
    [InlineData(false, 0.06, "model.precision_differs")]
    [InlineData(true, 0.04, null)]
    [InlineData(true, 0.06, "model.reference_differs")]
    public void TryPrecision_BFloat16BeyondItsBound_IsRefused(bool reference, double error, string? code)
    {
        // Means of slices, as the folder's network gives them in float32, and the same with one that is off by a share of their spread.
        var folder = SaveMeans();
        var format = new SliceFormat(24, 1);
        var samples = SampleSlices.Make(16, Card().Intensities, 24);
        var means = samples.Chunk(24 * 24).Select(slice => slice.Average()).ToArray();
        if (reference)
        {
            Write(Path.Combine(folder, ModelReference.FileName), ("slices", samples, [16, 1, 24, 24]), ("logits", means, [16, 1]));
        }

        using var off = (error * (means.Max() - means.Min())).ToScalar();
        using var encoder = new TorchSliceEncoder(new MadeNetwork(slices => slices.mean([2, 3]).add(off), EncoderPrecision.Bf16), Card(), "cpu");
        var thrown = Record.Exception(() => EncoderProbe.TryPrecision(folder, encoder, format));
        Assert.Equal(code, (thrown as EncoderException)?.Code);
        Assert.Equal(code is null, thrown is null);
        Assert.Matches(@"^[^\n]+ tonno\.precision to float32[^\n]*\.$|^$", thrown?.Message ?? "");

        // In float32 there is nothing to look for.
        using var full = new TorchSliceEncoder(new MadeNetwork(slices => slices.mean([2, 3]).add(off)), Card(), "cpu");
        EncoderProbe.TryPrecision("nowhere", full, format);
    }

    [Fact]
    public void TryPrecision_ReferenceOfOneSlice_HasNoSpreadAndIsNotAsked()
    {
        var folder = SaveMeans();
        Write(Path.Combine(folder, ModelReference.FileName), ("slices", new float[24 * 24], [1, 1, 24, 24]), ("logits", [100], [1, 1]));
        using var encoder = new TorchSliceEncoder(new MadeNetwork(slices => slices.mean([2, 3]), EncoderPrecision.Bf16), Card(), "cpu");
        EncoderProbe.TryPrecision(folder, encoder, new SliceFormat(24, 1));
    }

    [Theory]
    [InlineData(10, null)]
    [InlineData(1e-4f, "model.precision_differs")]
    public void TryPrecision_ResNet_IsHeldToFloat32OfTheSameWeights(float contrast, string? code)
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        // Slices that make much of a difference to what follows the first layer, or hardly any: in eight significant bits, none.
        var folder = _folder["resnet"];
        var architecture = new ResNetArchitecture(18, InputChannels: 1, Classes: 3);
        using (NewDisposeScope())
        {
            var weights = Reference.Weights(architecture);
            using var factor = contrast.ToScalar();
            weights["conv1.weight"].mul_(factor);
            ModelFolder.Save(
                folder,
                EncoderFixtures.Metadata(EncoderFixtures.Architecture()) with
                {
                    Architecture = architecture,
                    Classes = ["a", "b", "c"],
                    SliceSize = 64,
                    Precision = EncoderPrecision.Bf16,
                },
                weights);
        }

        using var encoder = EncoderFactory.Open(folder, "cpu");
        var thrown = Record.Exception(() => EncoderProbe.TryPrecision(folder, encoder, EncoderProbe.Try(encoder, null, null)));
        TestContext.Current.TestOutputHelper!.WriteLine(thrown?.Message ?? "within the bound");
        Assert.Equal(code, (thrown as EncoderException)?.Code);
        Assert.Equal(code is null, thrown is null);
    }

    [Fact]
    public void Make_PixelsOfAnotherRange_FillIt()
    {
        var (unit, wide) = (SampleSlices.Make(16, [IntensityMap.Identity], 24), SampleSlices.Make(16, [new IntensityMap(0, 1, 0, -1, 255)], 24));
        Assert.InRange(unit.Max() - unit.Min(), 0.7f, 1);
        Assert.All(unit.Zip(wide), pair => Assert.Equal((256 * pair.First) - 1, pair.Second, 1e-4f)); // float32 at 256
    }

    /// <summary>A model folder whose network gives the mean of a slice.</summary>
    private string SaveMeans()
    {
        var architecture = new SmallCnnArchitecture
        {
            Layers = [new ConvLayer { Channels = 1, Kernel = 1, Activation = Activation.Identity }],
            Pooling = PixelPooling.Mean,
        };
        using var network = new SmallCnn(architecture);
        foreach (var (name, parameter) in network.named_parameters())
        {
            using var noGrad = no_grad();
            using var value = (name.EndsWith("weight", StringComparison.Ordinal) ? 1f : 0f).ToScalar();
            parameter.fill_(value);
        }

        ModelFolder.Save(_folder["means"], EncoderFixtures.Metadata(architecture) with { SliceSize = 24 }, network);
        return _folder["means"];
    }

    private static EncoderCard Card() => EncoderFixtures.Card(EncoderFixtures.Architecture());

    private static ModelCheckReport Run(SliceNetwork network)
    {
        using var encoder = new TorchSliceEncoder(network, Card(), "cpu");
        return new ModelCheck(encoder, EncoderPrecision.Fp32, null, _options with { Size = 24 }).Run("made", () => throw new InvalidOperationException());
    }

    private static void Refused(string folder, string code, string named)
    {
        var error = Assert.Throws<EncoderException>(() => ModelCheck.Run(folder, _options));
        Assert.Equal(code, error.Code);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>A model folder of one of the networks that <c>make_fixtures.py</c> made.</summary>
    private string Save(string name, int size, int channels = 2)
    {
        var folder = _folder[$"{name}{size}"];
        var metadata = EncoderFixtures.Metadata(EncoderFixtures.Architecture(channels)) with
        {
            Classes = [.. Enumerable.Range(0, 3).Select(k => $"class {k}")],
            SliceSize = size,
        };
        using var scope = NewDisposeScope();
        switch (name)
        {
            case "smallcnn":
                using (var network = Reference.SmallCnn())
                {
                    ModelFolder.Save(folder, metadata with { Architecture = network.Architecture }, network);
                }

                break;
            case "resnet18":
                var architecture = new ResNetArchitecture(18, channels, Classes: 3);
                ModelFolder.Save(folder, metadata with { Architecture = architecture }, Reference.Weights(architecture));
                break;
            default:
                Directory.CreateDirectory(folder);
                File.WriteAllBytes(Path.Combine(folder, ModelFolder.ProgramFile), Reference.Program(name));
                File.WriteAllBytes(Path.Combine(folder, ModelFolder.MetadataFile), MetadataJson.Write(metadata with { Architecture = new TorchScriptArchitecture(channels, 3) }));
                break;
        }

        return folder;
    }

    private static void WriteReference(string folder, int count, int size, float[] logits, int channels = 2) => Write(
        Path.Combine(folder, ModelReference.FileName),
        ("slices", Reference.Ramp((long)count * channels * size * size, seed: 7), [count, channels, size, size]),
        ("logits", logits, [count, logits.Length / count]));

    private static void Write(string path, params (string Name, float[] Values, long[] Shape)[] tensors)
    {
        using var scope = NewDisposeScope();
        using var file = File.Create(path);
        Safetensors.Write(file, tensors.ToDictionary(entry => entry.Name, entry => tensor(entry.Values, entry.Shape)));
    }

    /// <summary>A network of one function, from slices of one channel to one logit.</summary>
    private sealed class MadeNetwork(Func<Tensor, Tensor> function, EncoderPrecision precision = EncoderPrecision.Fp32) : SliceNetwork(nameof(MadeNetwork))
    {
        internal override EncoderPrecision Precision => precision;

        public override Tensor forward(Tensor input1, double input2)
        {
            using var scope = NewDisposeScope();
            return function(input1).MoveToOuterDisposeScope();
        }
    }
}
