using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Tests.Models;

public sealed class ModelFolderTests : IDisposable
{
    private readonly EncoderFixtures.TemporaryFolder _folder = new();
    private readonly SmallCnnArchitecture _architecture = EncoderFixtures.Architecture(classes: 2);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Save_ThenOpen_GivesSameBitsAndCard()
    {
        var pixels = EncoderFixtures.Pixels(seed: 1, 11 * 24 * 24);
        float[] expected;
        EncoderCard saved;
        using (var network = new SmallCnn(_architecture, seed: 4))
        {
            saved = ModelFolder.Save(_folder["m"], EncoderFixtures.Metadata(_architecture), network);
            using var direct = new TorchSliceEncoder(network, saved, "cpu");
            expected = EncoderFixtures.Encode(direct, pixels, 11, 24, 2.5);
            // A network that an encoder has laid out channels-last is saved as the same bytes.
            var again = ModelFolder.Save(_folder["again"], EncoderFixtures.Metadata(_architecture), network);
            Assert.Equal(saved.Sha256, again.Sha256);
        }

        using var opened = EncoderFactory.Open(_folder["m"], "cpu");
        Assert.Equal(expected, EncoderFixtures.Encode(opened, pixels, 11, 24, 2.5));
        Assert.Equal(saved with { Classes = opened.Card.Classes, Intensities = opened.Card.Intensities }, opened.Card);
        Assert.Equal(["class 0", "class 1"], opened.Card.Classes);
        Assert.Equal([new IntensityMap(-100, 300, -1024)], opened.Card.Intensities);
        Assert.Equal(new HeatmapThreshold(0.4, true), opened.Card.Threshold);
        Assert.Equal((24, 2.5, 2.0, 1.5, "hann"), (opened.Card.SliceSize, opened.Card.PixelMm, opened.Card.SpacingMm, opened.Card.Alpha, opened.Card.Window));
        byte[] both = [.. File.ReadAllBytes(_folder["m/metadata.json"]), .. File.ReadAllBytes(_folder["m/weights.safetensors"])];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(both)), opened.Card.Sha256);
        Assert.Equal(["again", "m"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    /// <summary>What a node without libtorch goes by.</summary>
    [Fact]
    public void ReadCard_WithoutTheNetwork_IsTheCardOfLoad()
    {
        Save("m");
        using (var loaded = ModelFolder.Load(_folder["m"]))
        {
            Assert.Equivalent(loaded.Card, EncoderFactory.ReadCard(_folder["m"]), strict: true);
        }

        Assert.Equal("model.missing", Assert.Throws<EncoderException>(() => EncoderFactory.ReadCard(_folder["nowhere"])).Code);
        Assert.Equal("model.missing", Assert.Throws<EncoderException>(() => EncoderFactory.ReadCard("builtin:unknown")).Code);
        File.Delete(_folder["m/weights.safetensors"]);
        Assert.Equal("model.missing", Assert.Throws<EncoderException>(() => EncoderFactory.ReadCard(_folder["m"])).Code);
    }

    [Fact]
    public void Save_OverSomething_IsRefused()
    {
        Save("m");
        var before = File.ReadAllBytes(_folder["m/metadata.json"]);
        Assert.Equal("model.exists", Assert.Throws<EncoderException>(() => Save("m")).Code);
        Assert.Equal(before, File.ReadAllBytes(_folder["m/metadata.json"]));
        Directory.CreateDirectory(_folder["empty"]);
        Save("empty");
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    [Fact]
    public void Save_UnreadableMetadata_LeavesNothing()
    {
        using var network = new SmallCnn(_architecture);
        var metadata = EncoderFixtures.Metadata(_architecture) with { Alpha = 3 };
        Assert.Throws<ArgumentException>(() => ModelFolder.Save(_folder["m"], metadata, network));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Parse_Written_GivesSameMetadata()
    {
        var full = EncoderFixtures.Metadata(_architecture);
        var bare = full with
        {
            Name = null,
            SliceSize = null,
            PixelMm = null,
            SpacingMm = null,
            Intensities = [IntensityMap.Identity],
            Alpha = null,
            Window = null,
            Threshold = null,
            Training = null,
            Architecture = _architecture with
            {
                Pooling = PixelPooling.LogSumExp,
                PixelActivation = Activation.Softplus,
                Layers = [new ConvLayer { Channels = 3, Kernel = 5, Stride = 2, Activation = Activation.LeakyRelu, MaxPool = 2 }],
            },
        };
        foreach (var metadata in new[] { full, bare })
        {
            var parsed = MetadataJson.Parse(MetadataJson.Write(metadata), "test");
            Assert.Equal(metadata.Training?.ToJsonString(), parsed.Training?.ToJsonString());
            Assert.Equal(metadata.Classes, parsed.Classes);
            Assert.Equal(metadata.Intensities, parsed.Intensities);
            Assert.Equal(
                metadata with { Training = null, Classes = [], Intensities = [], CamCells = parsed.CamCells }, parsed with { Training = null, Classes = [], Intensities = [] });
        }
    }

    [Fact]
    public void Load_MissingKeys_NamesAll()
    {
        Save("m");
        Edit("m", root =>
        {
            root.Remove("task");
            root["network_data_format"]!["inputs"]!["image"]!.AsObject().Remove("dtype");
            root["tonno"]!.AsObject().Remove("fill_value");
        });
        var error = Refusal("m", "model.metadata_missing_keys");
        foreach (var key in new[] { "task", "network_data_format.inputs.image.dtype", "tonno.fill_value" })
        {
            Assert.Contains(key, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("tonno", "intensity_windw", "tonno.intensity_windw")]
    [InlineData("tonno", "Alpha", "tonno.Alpha")]
    [InlineData("tonno/threshold", "offpeak", "tonno.threshold.offpeak")]
    public void Load_UnknownKey_IsRefusedByName(string parent, string key, string named)
    {
        Save("m");
        Edit("m", root => parent.Split('/').Aggregate((JsonNode)root, (node, name) => node[name]!)[key] = 1);
        Assert.Contains($" {named}, ", Refusal("m", "model.metadata_invalid").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_KeysOfOthers_AreTheirs()
    {
        // A MONAI bundle's own, and what training wrote of itself.
        Save("m");
        Edit("m", root =>
        {
            root["monai_version"] = "1.4.0";
            root["network_data_format"]!["inputs"]!["image"]!["modality"] = "PET";
            root["tonno"]!["training"]!["my_notes"] = "anything";
        });
        EncoderFactory.Open(_folder["m"], "cpu").Dispose();
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("\"text\"")]
    [InlineData("null")]
    public void Load_MetadataThatIsNoObject_SaysSo(string text)
    {
        Save("m");
        File.WriteAllText(_folder["m/metadata.json"], text);
        Assert.Contains("must be an object", Refusal("m", "model.metadata_invalid").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tonno", "alpha", "2.5", "model.metadata_invalid")]
    [InlineData("tonno", "alpha", "\"2\"", "model.metadata_invalid")]
    [InlineData("tonno", "window", "\"box\"", "model.metadata_invalid")]
    [InlineData("tonno", "intensity_window", "[300, -100]", "model.metadata_invalid")]
    [InlineData("tonno", "intensity_window", "[0, 1e99]", "model.metadata_invalid")]
    [InlineData("tonno", "fill_value", "null", "model.metadata_invalid")]
    [InlineData("tonno", "pixel_size_mm", "-1", "model.metadata_invalid")]
    [InlineData("tonno", "threshold", "{\"value\": 1}", "model.metadata_invalid")]
    [InlineData("tonno", "architecture", "\"resnet34\"", "model.unsupported")]
    [InlineData("tonno", "architecture", "18", "model.unsupported")]
    [InlineData("tonno", "architecture", "\"resnet18\"", "model.weights_mismatch")]
    [InlineData("tonno", "architecture", "\"torchscript\"", "model.missing")]
    [InlineData("tonno", "precision", "\"float16\"", "model.metadata_invalid")]
    [InlineData("tonno", "precision", "\"bfloat16\"", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": []}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": [{\"channels\": 8, \"surprise\": 1}]}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": [{\"channels\": 8, \"activation\": 1}]}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": [{\"channels\": 8, \"activation\": \"tanh\"}]}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": [null]}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"layers\": null}", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "null", "model.metadata_invalid")]
    [InlineData("tonno", "small_cnn", "{\"classes\": 2, \"layers\": [{\"channels\": 9}, {\"channels\": 8}]}", "model.weights_mismatch")]
    [InlineData("tonno", "small_cnn", "{\"classes\": 2, \"layers\": [{\"channels\": 1024}, {\"channels\": 4096}]}", "model.weights_mismatch")]
    [InlineData("network_data_format/inputs/image", "num_channels", "3", "model.metadata_invalid")]
    [InlineData("network_data_format/inputs/image", "spatial_shape", "[24, 25]", "model.metadata_invalid")]
    [InlineData("network_data_format/inputs/image", "spatial_shape", "[\"*\", 3]", "model.metadata_invalid")]
    [InlineData("network_data_format/inputs/image", "dtype", "\"float16\"", "model.unsupported")]
    [InlineData("network_data_format/outputs/pred", "channel_def", "{\"0\": \"a\"}", "model.metadata_invalid")]
    [InlineData("network_data_format/outputs/pred", "channel_def", "{\"0\": \"a\", \"2\": \"b\"}", "model.metadata_invalid")]
    [InlineData("network_data_format/outputs/pred", "channel_def", "[\"a\", \"b\"]", "model.metadata_invalid")]
    public void Load_BadMetadata_IsRefusedWithCode(string parent, string key, string value, string code)
    {
        Save("m");
        Edit("m", root =>
        {
            JsonNode node = root;
            foreach (var name in parent.Split('/'))
            {
                node = node[name]!;
            }

            node[key] = JsonNode.Parse(value);
        });
        Refusal("m", code);
    }

    [Fact]
    public void Load_BadFiles_AreRefusedWithCode()
    {
        Save("m");
        var (metadata, weights) = (File.ReadAllBytes(_folder["m/metadata.json"]), File.ReadAllBytes(_folder["m/weights.safetensors"]));
        File.WriteAllText(_folder["m/metadata.json"], "not json");
        Refusal("m", "model.metadata_invalid");
        File.Delete(_folder["m/metadata.json"]);
        Refusal("m", "model.missing");
        File.WriteAllBytes(_folder["m/metadata.json"], metadata);
        File.WriteAllBytes(_folder["m/weights.safetensors"], weights[..^1]);
        Refusal("m", "model.weights_corrupt");
        BitConverter.TryWriteBytes(weights.AsSpan(weights.Length - 4), float.NaN);
        File.WriteAllBytes(_folder["m/weights.safetensors"], weights);
        Refusal("m", "model.weights_corrupt");
        File.Delete(_folder["m/weights.safetensors"]);
        Refusal("m", "model.missing");
    }

    [Theory]
    [InlineData(18)]
    [InlineData(50)]
    public void Open_ResNetOfPyTorch_AgreesWithIt(int depth)
    {
        var architecture = new ResNetArchitecture(depth, InputChannels: 2, Classes: 3);
        using (TorchSharp.torch.NewDisposeScope())
        {
            var state = Reference.Weights(architecture);
            Assert.Throws<ArgumentException>(() => ModelFolder.Save(_folder["m"], ResNetMetadata(architecture), new Dictionary<string, TorchSharp.torch.Tensor>()));
            ModelFolder.Save(_folder["m"], ResNetMetadata(architecture), state);
        }

        // torchvision's files also count the batches of the training, in int64.
        AddCounters(_folder["m/weights.safetensors"], "bn1.num_batches_tracked", "layer1.0.bn1.num_batches_tracked");
        using var encoder = EncoderFactory.Open(_folder["m"], "cpu");
        Assert.Equal(2, encoder.Card.Channels);
        var logits = EncoderFixtures.Encode(encoder, Reference.Ramp(2 * 2 * 64 * 64, seed: 7), 2, 64);
        Assert.All(Reference.Logits($"resnet{depth}").Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public void Open_TorchScript_HashesTheProgramToo()
    {
        Save("m");
        File.Delete(_folder["m/weights.safetensors"]);
        File.WriteAllBytes(_folder["m/model.ts"], Reference.Program("residual"));
        Edit("m", root =>
        {
            root["tonno"]!["architecture"] = "torchscript";
            root["tonno"]!.AsObject().Remove("small_cnn");
            root["network_data_format"]!["inputs"]!["image"]!["num_channels"] = 2;
            root["network_data_format"]!["outputs"]!["pred"]!["channel_def"] = new JsonObject { ["0"] = "a", ["1"] = "b", ["2"] = "c" };
        });
        using var encoder = EncoderFactory.Open(_folder["m"], "cpu");
        Assert.Equal((2, 3, 24), (encoder.Card.Channels, encoder.Card.Classes.Count, encoder.Card.SliceSize));
        byte[] both = [.. File.ReadAllBytes(_folder["m/metadata.json"]), .. File.ReadAllBytes(_folder["m/model.ts"])];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(both)), encoder.Card.Sha256);
        File.WriteAllBytes(_folder["m/model.ts"], both);
        Refusal("m", "model.weights_corrupt");
    }

    [Fact]
    public void Open_ChannelsWithWindowsOfTheirOwn_ComeInOrder()
    {
        var architecture = EncoderFixtures.Architecture(channels: 3);
        var metadata = EncoderFixtures.Metadata(architecture) with
        {
            Intensities =
            [
                new(0, 10, 0, -1),
                new(-3, 5, -1024, -1, 1, new WindowRule(WindowUnit.Deviation, BesidesFill: true)),
                new(float.NegativeInfinity, float.PositiveInfinity, 7),
            ],
        };
        Assert.Equal(metadata.Intensities, MetadataJson.Parse(MetadataJson.Write(metadata), "test").Intensities);
        Assert.Throws<ArgumentException>(() => MetadataJson.Write(metadata with { Intensities = [new(0, 10, 0), new(0, 10, 0, -1), new(0, 10, 0)] }));
        Assert.Throws<ArgumentException>(() => MetadataJson.Write(metadata with { Intensities = [new(0, 10, 0)] }));
    }

    [Theory]
    [InlineData("[0, 10]", "0", "[-1, 1]", "0 10 0 -1 1|0 10 0 -1 1")]
    [InlineData("[[0, 10], [2, 3]]", "[1, 2]", "[0, 255]", "0 10 1 0 255|2 3 2 0 255")]
    [InlineData("[null, [2, 3]]", "5", "[0, 1]", "-Infinity Infinity 5 0 1|2 3 5 0 1")]
    [InlineData("null", "5", "[]", "-Infinity Infinity 5 0 1|-Infinity Infinity 5 0 1")]
    [InlineData("{\"percentiles\": [1, 99]}", "0", "[0, 1]", "1 99 0 0 1 Percentile|1 99 0 0 1 Percentile")]
    [InlineData("[{\"deviations\": [-3, 5], \"voxels\": \"not fill\"}, null]", "0", "[-3, 5]", "-3 5 0 -3 5 Deviation besides fill|-Infinity Infinity 0 0 1")]
    [InlineData("{\"percentiles\": [-1, 99]}", "0", "[0, 1]", null)]
    [InlineData("{\"percentiles\": [1, 101]}", "0", "[0, 1]", null)]
    [InlineData("{\"percentiles\": [1, 99], \"deviations\": [1, 2]}", "0", "[0, 1]", null)]
    [InlineData("{\"percentiles\": [1, 99], \"voxels\": \"some\"}", "0", "[0, 1]", null)]
    [InlineData("{\"percentile\": [1, 99]}", "0", "[0, 1]", null)]
    [InlineData("{\"percentiles\": 7}", "0", "[0, 1]", null)]
    [InlineData("{}", "0", "[0, 1]", null)]
    [InlineData("[[0, 10]]", "0", "[0, 1]", null)]
    [InlineData("[[0, 10], [0, 10], [0, 10]]", "0", "[0, 1]", null)]
    [InlineData("[[0, 10], [10, 0]]", "0", "[0, 1]", null)]
    [InlineData("[0, 10, 20]", "0", "[0, 1]", null)]
    [InlineData("[]", "0", "[0, 1]", null)]
    [InlineData("7", "0", "[0, 1]", null)]
    [InlineData("[0, 10]", "[0]", "[0, 1]", null)]
    [InlineData("[0, 10]", "[0, null]", "[0, 1]", null)]
    [InlineData("[0, 10]", "0", "[1, 0]", null)]
    [InlineData("[0, 10]", "0", "[]", null)]
    public void Parse_WindowsOfTwoChannels_AreReadOrRefused(string window, string fill, string range, string? expected)
    {
        var root = JsonNode.Parse(MetadataJson.Write(EncoderFixtures.Metadata(EncoderFixtures.Architecture(channels: 2))))!.AsObject();
        root["tonno"]!["intensity_window"] = JsonNode.Parse(window);
        root["tonno"]!["fill_value"] = JsonNode.Parse(fill);
        root["network_data_format"]!["inputs"]!["image"]!["value_range"] = JsonNode.Parse(range);
        var json = Encoding.UTF8.GetBytes(root.ToJsonString());
        if (expected is null)
        {
            Assert.Equal("model.metadata_invalid", Assert.Throws<EncoderException>(() => MetadataJson.Parse(json, "test")).Code);
            return;
        }

        Assert.Equal(expected, string.Join('|', MetadataJson.Parse(json, "test").Intensities.Select(
            map => FormattableString.Invariant($"{map.Low} {map.High} {map.Fill} {map.PixelLow} {map.PixelHigh}")
                + (map.Rule is { } rule ? $" {rule.Unit}{(rule.BesidesFill ? " besides fill" : "")}" : ""))));
    }

    [Theory]
    [InlineData("channel_def", """{"0": "a", "1": "a"}""")]
    [InlineData("channel_def", """{"0": "a", "1": ""}""")]
    [InlineData("channel_def", """{"0": "a", "1": "b\nc"}""")]
    [InlineData("threshold", """{"value": 50, "of_peak": true}""")]
    [InlineData("threshold", """{"value": -1, "of_peak": true}""")]
    [InlineData("cam_cells", """{"layers.0": [1, 0]}""")] // known of built-in networks
    [InlineData("cam_cells", """{"layers.0": 7}""")]
    [InlineData("cam_cells", """[1, 0]""")]
    public void Parse_SenselessValue_IsRefusedByItsName(string key, string value)
    {
        var root = JsonNode.Parse(MetadataJson.Write(EncoderFixtures.Metadata(_architecture)))!.AsObject();
        (key == "channel_def" ? root["network_data_format"]!["outputs"]!["pred"]! : root["tonno"]!)[key] = JsonNode.Parse(value);
        var refused = Assert.Throws<EncoderException>(() => MetadataJson.Parse(Encoding.UTF8.GetBytes(root.ToJsonString()), "test"));
        Assert.Equal("model.metadata_invalid", refused.Code);
        Assert.Contains(key, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ByteOrderMark_IsPassedOver()
    {
        byte[] json = [0xEF, 0xBB, 0xBF, .. MetadataJson.Write(EncoderFixtures.Metadata(_architecture))];
        Assert.Equal("blobs", MetadataJson.Parse(json, "test").Name);
    }

    [Fact]
    public void Open_TorchScriptThatTellsWhereItsCellsLie_MapsLieThere()
    {
        var metadata = EncoderFixtures.Metadata(EncoderFixtures.Architecture(channels: 2)) with
        {
            Architecture = new TorchScriptArchitecture(2, 3),
            Classes = ["a", "b", "c"],
            CamCells = new Dictionary<string, CamCells> { ["features"] = new(4, 0.5) },
        };
        Directory.CreateDirectory(_folder["m"]);
        File.WriteAllBytes(_folder["m/model.ts"], Reference.Program("halves"));
        File.WriteAllBytes(_folder["m/metadata.json"], MetadataJson.Write(metadata));
        using (var encoder = (TorchSliceEncoder)EncoderFactory.Open(_folder["m"], "cpu"))
        {
            var grid = encoder.CamGrid(new SliceFormat(24, 2.5), "features");
            Assert.Equal((4 * 2.5, (0.5 - 11.5) * 2.5), (grid.CellMm, grid.FirstMm));
            var stem = encoder.CamGrid(new SliceFormat(24, 2.5), "stem");
            Assert.Equal(24 * 2.5 / stem.Edge, stem.CellMm); // said nothing of
        }

        File.WriteAllBytes(_folder["m/metadata.json"], MetadataJson.Write(metadata with { CamCells = new Dictionary<string, CamCells> { ["nowhere"] = new(4, 0) } }));
        Assert.Contains("nowhere", Refusal("m", "model.metadata_invalid").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Precision_DecidesTheHash()
    {
        var metadata = ResNetMetadata(new ResNetArchitecture(18));
        var (full, half) = (MetadataJson.Write(metadata), MetadataJson.Write(metadata with { Precision = EncoderPrecision.Bf16 }));
        Assert.NotEqual(full, half);
        Assert.Equal(EncoderPrecision.Fp32, MetadataJson.Parse(full, "test").Precision);
        Assert.Equal(EncoderPrecision.Bf16, MetadataJson.Parse(half, "test").Precision);
    }

    [Fact]
    public void Load_AnyOutcome_LeavesNoTensor()
    {
        Save("m");
        Save("bad");
        Edit("bad", root => root["tonno"]!["small_cnn"]!["layers"]![0]!["kernel"] = 1);
        EncoderFixtures.NoTensorStays(() =>
        {
            ModelFolder.Load(_folder["m"]).Dispose();
            EncoderFactory.Open(_folder["m"], "cpu").Dispose();
            Refusal("bad", "model.weights_mismatch");
        }, networks: 3);
    }

    [Fact]
    public void Parse_MutatedMetadata_ReadsOrRefuses()
    {
        var text = MetadataJson.Write(EncoderFixtures.Metadata(_architecture));
        var random = new Random(23);
        var refused = 0;
        for (var trial = 0; trial < 5_000; trial++)
        {
            var mutated = new List<byte>(text);
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(mutated.Count);
                switch (random.Next(3))
                {
                    case 0:
                        mutated[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        mutated[at] = (byte)"0123456789,:[]{}\"-enul\\"[random.Next(23)];
                        break;
                    default:
                        mutated.RemoveRange(at, Math.Min(random.Next(1, 40), mutated.Count - at));
                        break;
                }
            }

            try
            {
                MetadataJson.Parse(mutated.ToArray(), "fuzz");
            }
            catch (EncoderException error)
            {
                Assert.StartsWith("model.", error.Code, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 2_500, 4_999);
    }

    private static ModelMetadata ResNetMetadata(ResNetArchitecture architecture) =>
        EncoderFixtures.Metadata(EncoderFixtures.Architecture(architecture.InputChannels)) with
        {
            Architecture = architecture,
            Classes = [.. Enumerable.Range(0, architecture.Classes).Select(k => $"class {k}")],
            SliceSize = 64,
        };

    private static void AddCounters(string path, params string[] names)
    {
        var file = File.ReadAllBytes(path);
        var headerBytes = (int)BitConverter.ToUInt64(file);
        var header = JsonNode.Parse(file.AsSpan(8, headerBytes))!.AsObject();
        var end = file.Length - 8 - headerBytes;
        foreach (var name in names)
        {
            header[name] = new JsonObject { ["dtype"] = "I64", ["shape"] = new JsonArray(), ["data_offsets"] = new JsonArray(end, end + 8) };
            end += 8;
        }

        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((ulong)text.Length), .. text, .. file.AsSpan(8 + headerBytes), .. new byte[8 * names.Length]]);
    }

    private void Save(string name)
    {
        using var network = new SmallCnn(_architecture, seed: 4);
        ModelFolder.Save(_folder[name], EncoderFixtures.Metadata(_architecture), network);
    }

    private void Edit(string name, Action<JsonObject> edit)
    {
        var path = _folder[$"{name}/metadata.json"];
        var root = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        edit(root);
        File.WriteAllText(path, root.ToJsonString(), new UTF8Encoding(false));
    }

    private EncoderException Refusal(string name, string code)
    {
        var error = Assert.Throws<EncoderException>(() => EncoderFactory.Open(_folder[name], "cpu"));
        Assert.Equal(code, error.Code);
        return error;
    }
}
