using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Models;

/// <summary>Reads and writes <c>metadata.json</c>: the keys of a MONAI bundle's (docs.monai.io, "MONAI Bundle Specification"),
/// and what that format has no place for under <c>tonno</c>.</summary>
public static class MetadataJson
{
    public const string SmallCnnName = "small-cnn";

    private static readonly string[] _windows = ["none", "cosine", "hann", "3point"];

    private static readonly string[] _required =
    [
        "version", "task", "description",
        "network_data_format.inputs.image.type", "network_data_format.inputs.image.format",
        "network_data_format.inputs.image.num_channels", "network_data_format.inputs.image.spatial_shape",
        "network_data_format.inputs.image.dtype", "network_data_format.inputs.image.value_range",
        "network_data_format.outputs.pred.channel_def",
        "tonno.architecture", "tonno.pixel_size_mm", "tonno.intensity_window", "tonno.fill_value",
    ];

    private static readonly JsonSerializerOptions _architectureOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // An option that this version does not know would change the logits without a word.
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    // Files are read by people and by MONAI, never pasted into HTML.
    private static readonly JsonSerializerOptions _writeOptions = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="EncoderException">Keys are missing (the message names all), or a value makes no sense.</exception>
    public static ModelMetadata Parse(ReadOnlyMemory<byte> utf8, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 });
            return Read(document.RootElement, source);
        }
        // Lone surrogates are found only when a string is read; the architecture's constructor checks nothing.
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw Invalid(source, $"it cannot be read ({error.Message.TrimEnd('.')})", error);
        }
    }

    /// <exception cref="ArgumentException">What is written could not be read again.</exception>
    public static byte[] Write(ModelMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        JsonNode size = metadata.SliceSize is { } edge ? edge : "*";
        var root = new JsonObject
        {
            ["name"] = metadata.Name,
            ["version"] = metadata.Version,
            ["task"] = metadata.Task,
            ["description"] = metadata.Description,
            ["network_data_format"] = new JsonObject
            {
                ["inputs"] = new JsonObject
                {
                    ["image"] = new JsonObject
                    {
                        ["type"] = "image",
                        ["format"] = "magnitude",
                        ["num_channels"] = metadata.Architecture.InputChannels,
                        ["spatial_shape"] = new JsonArray(size.DeepClone(), size),
                        ["dtype"] = "float32",
                        ["value_range"] = metadata.Intensity.IsIdentity ? new JsonArray() : new JsonArray(0, 1),
                        ["is_patch_data"] = false,
                    },
                },
                ["outputs"] = new JsonObject
                {
                    ["pred"] = new JsonObject
                    {
                        ["type"] = "logits",
                        ["format"] = "classification",
                        ["num_channels"] = metadata.Architecture.Classes,
                        ["spatial_shape"] = new JsonArray(),
                        ["dtype"] = "float32",
                        ["value_range"] = new JsonArray(),
                        ["is_patch_data"] = false,
                        ["channel_def"] = new JsonObject(metadata.Classes.Select(
                            (name, index) => KeyValuePair.Create(index.ToString(CultureInfo.InvariantCulture), (JsonNode?)name))),
                    },
                },
            },
            ["tonno"] = new JsonObject
            {
                ["architecture"] = SmallCnnName,
                ["small_cnn"] = JsonSerializer.SerializeToNode(metadata.Architecture, _architectureOptions),
                ["pixel_size_mm"] = metadata.PixelMm,
                ["spacing_mm"] = metadata.SpacingMm,
                ["intensity_window"] = metadata.Intensity.IsIdentity ? null : new JsonArray(metadata.Intensity.Low, metadata.Intensity.High),
                ["fill_value"] = metadata.Intensity.Fill,
                ["alpha"] = metadata.Alpha,
                ["window"] = metadata.Window,
                ["threshold"] = metadata.Threshold is { } threshold
                    ? new JsonObject { ["value"] = threshold.Value, ["of_peak"] = threshold.OfPeak }
                    : null,
                ["training"] = metadata.Training?.DeepClone(),
            },
        };
        if (metadata.Name is null)
        {
            root.Remove("name");
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(root, _writeOptions);
        try
        {
            Parse(bytes, "The metadata");
        }
        catch (EncoderException error)
        {
            throw new ArgumentException(error.Message, nameof(metadata), error);
        }

        return bytes;
    }

    private static ModelMetadata Read(JsonElement root, string source)
    {
        var missing = _required.Where(path => !TryFind(root, path, out _)).ToList();
        if (TryFind(root, "tonno.architecture", out var kind) && !(kind.ValueKind == JsonValueKind.String && kind.GetString() == SmallCnnName))
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{source} asks for an architecture that this version does not build; \"tonno.architecture\" must be \"{SmallCnnName}\".");
        }

        if (!TryFind(root, "tonno.small_cnn", out var network))
        {
            missing.Add("tonno.small_cnn");
        }

        if (missing.Count > 0)
        {
            throw new EncoderException(
                EncoderError.MetadataMissingKeys, $"{source} lacks {string.Join(", ", missing)}: add {(missing.Count > 1 ? "them" : "it")}.");
        }

        var reader = new Reader(root, source);
        var architecture = JsonSerializer.Deserialize<SmallCnnArchitecture>(network, _architectureOptions)
            ?? throw Invalid(source, "tonno.small_cnn is null");
        if (architecture.Problem() is { } problem)
        {
            throw Invalid(source, $"tonno.small_cnn cannot be built: {problem}");
        }

        if (reader.Text("network_data_format.inputs.image.dtype") != "float32")
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported, $"{source} asks for slices of another type than float32: export the model for float32.");
        }

        var channels = reader.Number("network_data_format.inputs.image.num_channels");
        var classes = reader.Classes();
        reader.Require(channels == architecture.InputChannels, "num_channels differs from small_cnn.input_channels");
        reader.Require(classes.Length == architecture.Classes, "channel_def names another number of classes than small_cnn.classes");
        var metadata = new ModelMetadata
        {
            Name = reader.Has("name") ? reader.Text("name") : null,
            Version = reader.Text("version"),
            Task = reader.Text("task"),
            Description = reader.Text("description"),
            Classes = classes,
            Architecture = architecture,
            SliceSize = reader.SliceSize(),
            PixelMm = reader.OptionalNumber("tonno.pixel_size_mm"),
            SpacingMm = reader.OptionalNumber("tonno.spacing_mm"),
            Intensity = reader.Intensity(),
            Alpha = reader.OptionalNumber("tonno.alpha"),
            Window = reader.Has("tonno.window") ? reader.Text("tonno.window") : null,
            Threshold = reader.Has("tonno.threshold")
                ? new HeatmapThreshold(reader.Number("tonno.threshold.value"), reader.Flag("tonno.threshold.of_peak"))
                : null,
            Training = reader.Has("tonno.training") ? reader.Object("tonno.training") : null,
        };
        reader.Require(metadata.PixelMm is null or (> 0 and < 1000), "tonno.pixel_size_mm must be above 0 and below 1000, or null");
        reader.Require(metadata.SpacingMm is null or (> 0 and < 1000), "tonno.spacing_mm must be above 0 and below 1000, or null");
        reader.Require(metadata.Alpha is null or (>= 0 and <= 2), "tonno.alpha must be 0 to 2, or null");
        reader.Require(metadata.SliceSize is null || metadata.SliceSize >= architecture.Stride, "spatial_shape is smaller than the network's stride");
        reader.Require(
            metadata.Window is null || _windows.Contains(metadata.Window, StringComparer.Ordinal),
            $"tonno.window must be one of {string.Join(", ", _windows)}, or null");
        return metadata;
    }

    private static bool TryFind(JsonElement root, string path, out JsonElement found)
    {
        found = root;
        foreach (var name in path.Split('.'))
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found))
            {
                return false;
            }
        }

        return true;
    }

    private static EncoderException Invalid(string source, string what, Exception? inner = null) =>
        new(EncoderError.MetadataInvalid, $"{source} is not valid: {what}. Correct it.", inner);

    private readonly struct Reader(JsonElement root, string source)
    {
        public void Require(bool condition, string what)
        {
            if (!condition)
            {
                throw Invalid(source, what);
            }
        }

        public bool Has(string path) => TryFind(root, path, out var value) && value.ValueKind != JsonValueKind.Null;

        public string Text(string path)
        {
            var value = Find(path);
            Require(value.ValueKind == JsonValueKind.String, $"{path} must be a string");
            return value.GetString()!;
        }

        public double? OptionalNumber(string path) => Has(path) ? Number(path) : null;

        public double Number(string path) => Number(Find(path), path);

        public bool Flag(string path)
        {
            var value = Find(path);
            Require(value.ValueKind is JsonValueKind.True or JsonValueKind.False, $"{path} must be true or false");
            return value.GetBoolean();
        }

        public JsonObject Object(string path)
        {
            var value = Find(path);
            Require(value.ValueKind == JsonValueKind.Object, $"{path} must be an object");
            return JsonObject.Create(value.Clone())!;
        }

        public string[] Classes()
        {
            const string Path = "network_data_format.outputs.pred.channel_def";
            var value = Find(Path);
            Require(value.ValueKind == JsonValueKind.Object, $"{Path} must be an object");
            var names = new string[value.GetPropertyCount()];
            foreach (var property in value.EnumerateObject())
            {
                var known = int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                    && index < names.Length && names[index] is null && property.Value.ValueKind == JsonValueKind.String;
                Require(known, $"{Path} must map \"0\" to \"{names.Length - 1}\" to class names");
                names[index] = property.Value.GetString()!;
            }

            return names;
        }

        public int? SliceSize()
        {
            const string Path = "network_data_format.inputs.image.spatial_shape";
            const string Rule = $"{Path} must be two equal numbers of 1 to 16384, or [\"*\", \"*\"] for any size";
            var value = Find(Path);
            Require(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2, Rule);
            if (value[0].ValueKind == JsonValueKind.String && value[1].ValueKind == JsonValueKind.String)
            {
                Require(value[0].GetString() == "*" && value[1].GetString() == "*", Rule);
                return null;
            }

            var (height, width) = (Number(value[0], Path), Number(value[1], Path));
            Require(height == width && height is >= 1 and <= 16384 && height == Math.Floor(height), Rule);
            return (int)height;
        }

        public IntensityMap Intensity()
        {
            const string Path = "tonno.intensity_window";
            var fill = (float)Number("tonno.fill_value");
            Require(float.IsFinite(fill), "tonno.fill_value is out of the range of float32");
            if (!Has(Path))
            {
                return new IntensityMap(IntensityMap.Identity.Low, IntensityMap.Identity.High, fill);
            }

            var value = Find(Path);
            Require(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2, $"{Path} must be [low, high] or null");
            var (low, high) = ((float)Number(value[0], Path), (float)Number(value[1], Path));
            Require(float.IsFinite(low) && float.IsFinite(high) && low < high && float.IsFinite(high - low), $"{Path} must rise from low to high");
            return new IntensityMap(low, high, fill);
        }

        private double Number(JsonElement value, string path)
        {
            Require(value.ValueKind == JsonValueKind.Number, $"{path} must be a number");
            var number = value.GetDouble();
            Require(double.IsFinite(number), $"{path} is out of range");
            return number;
        }

        private JsonElement Find(string path)
        {
            Require(TryFind(root, path, out var value), $"{path} is missing");
            return value;
        }
    }
}
