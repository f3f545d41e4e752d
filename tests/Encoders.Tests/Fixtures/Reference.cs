using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Fixtures;

/// <summary>The networks and logits that <c>make_fixtures.py</c> made in PyTorch, and its rule for weights and pixels.</summary>
internal static class Reference
{
    public static byte[] Program(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.ts"));

    /// <summary>A program whose source says something else in one place.</summary>
    public static byte[] Edited(string name, string from, string to)
    {
        using var bytes = new MemoryStream();
        bytes.Write(Program(name));
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Update, leaveOpen: true))
        {
            using var source = archive.GetEntry("archive/code/__torch__.py")!.Open();
            var text = new StreamReader(source).ReadToEnd();
            Assert.Contains(from, text, StringComparison.Ordinal);
            source.SetLength(0);
            source.Write(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
        }

        return bytes.ToArray();
    }

    /// <summary>Logits <c>[slice][class]</c>, one after the other.</summary>
    public static float[] Logits(string name) =>
        [.. JsonSerializer.Deserialize<float[][]>(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.json")))!.SelectMany(row => row)];

    /// <summary>The fractional parts of multiples of the golden ratio, less a half.</summary>
    public static float[] Ramp(long count, int seed)
    {
        var values = new float[count];
        for (var i = 0; i < values.Length; i++)
        {
            var product = (i + 1 + (1000.0 * seed)) * 0.6180339887498949;
            values[i] = (float)(product - Math.Truncate(product) - 0.5);
        }

        return values;
    }

    /// <summary>Maps <c>[slice][row][column]</c>, one after the other, of every layer and kind.</summary>
    public static IEnumerable<(CamRequest Request, float[] Maps)> Cams(string name)
    {
        foreach (var (key, maps) in JsonSerializer.Deserialize<Dictionary<string, float[]>>(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"cam_{name}.json")))!)
        {
            var parts = key.Split(' ');
            yield return (new CamRequest(Enum.Parse<CamKind>(parts[1]), parts[0], [int.Parse(parts[2], CultureInfo.InvariantCulture)]), maps);
        }
    }

    public static Dictionary<string, Tensor> Weights(ResNetArchitecture architecture) => Weights(architecture.StateShapes());

    public static SmallCnn SmallCnn()
    {
        var network = new SmallCnn(new SmallCnnArchitecture
        {
            InputChannels = 2,
            Classes = 3,
            Layers =
            [
                new ConvLayer { Channels = 4, MaxPool = 2 },
                new ConvLayer { Channels = 6, Dilation = 2, Activation = Activation.Silu },
                new ConvLayer { Channels = 5, Stride = 2, Activation = Activation.LeakyRelu },
            ],
            PixelActivation = Activation.Softplus,
            Pooling = PixelPooling.LogSumExp,
            Sharpness = 3,
        });
        using var scope = NewDisposeScope();
        var parameters = network.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        foreach (var (name, weights) in Weights(parameters.ToDictionary(pair => pair.Key, pair => pair.Value.shape)))
        {
            weights.bytes.CopyTo(parameters[name].bytes);
        }

        return network;
    }

    private static Dictionary<string, Tensor> Weights(IReadOnlyDictionary<string, long[]> shapes)
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var seed = 0;
        foreach (var (name, shape) in shapes.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var values = Ramp(shape.Aggregate(1L, (product, length) => product * length), seed++);
            var scale = shape.Length == 1 ? 1 : 2 * Math.Sqrt(6.0 / shape[1..].Aggregate(1L, (product, length) => product * length));
            var shift = name.EndsWith("running_var", StringComparison.Ordinal) || (shape.Length == 1 && name.EndsWith("weight", StringComparison.Ordinal)) ? 1 : 0;
            state[name] = tensor([.. values.Select(value => ((float)scale * value) + shift)], shape);
        }

        return state;
    }

    public static EncoderCard Card(int channels, int classes) => new()
    {
        Name = "reference",
        Sha256 = "",
        Classes = [.. Enumerable.Range(0, classes).Select(k => $"class {k}")],
        Intensities = [.. Enumerable.Repeat(IntensityMap.Identity, channels)],
    };
}
