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
    private const string SmallCnnPath = "tonno.small_cnn";

    private static readonly ResNetArchitecture[] _residual = [new(18), new(50)];

    private static readonly string[] _architectures =
        [SmallCnnArchitecture.MetadataName, .. _residual.Select(network => network.Name), TorchScriptArchitecture.MetadataName];

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

    /// <summary>All keys under <c>tonno</c>; the rest of a bundle's metadata may hold what its makers like.</summary>
    private static readonly string[] _known =
    [
        "architecture", "small_cnn", "precision", "pixel_size_mm", "spacing_mm", "intensity_window", "fill_value", "alpha", "window", "threshold", "cam_cells", "training",
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
            // Some editors begin a file with a byte order mark.
            var text = utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 });
            return Read(document.RootElement, source);
        }
        // Lone surrogates are found only when a string is read; the architecture's constructor checks nothing.
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw MetadataReader.Invalid(source, $"it cannot be read ({error.Message.TrimEnd('.')})", error);
        }
    }

    /// <exception cref="ArgumentException">What is written could not be read again.</exception>
    public static byte[] Write(ModelMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        var windowed = metadata.Intensities.FirstOrDefault(map => !map.IsIdentity);
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
                        ["value_range"] = windowed is null ? new JsonArray() : new JsonArray(windowed.PixelLow, windowed.PixelHigh),
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
                ["architecture"] = metadata.Architecture.Name,
                ["small_cnn"] = metadata.Architecture is SmallCnnArchitecture network ? JsonSerializer.SerializeToNode(network, _architectureOptions) : null,
                ["precision"] = MetadataReader.PrecisionName(metadata.Precision),
                ["pixel_size_mm"] = metadata.PixelMm,
                ["spacing_mm"] = metadata.SpacingMm,
                ["intensity_window"] = Each(metadata.Intensities, Window),
                ["fill_value"] = Each(metadata.Intensities, map => map.Fill),
                ["alpha"] = metadata.Alpha,
                ["window"] = metadata.Window,
                ["threshold"] = metadata.Threshold is { } threshold
                    ? new JsonObject { ["value"] = threshold.Value, ["of_peak"] = threshold.OfPeak }
                    : null,
                ["cam_cells"] = new JsonObject(metadata.CamCells.Select(
                    layer => KeyValuePair.Create(layer.Key, (JsonNode?)new JsonArray(layer.Value.Stride, layer.Value.First)))),
                ["training"] = metadata.Training?.DeepClone(),
            },
        };
        if (metadata.Name is null)
        {
            root.Remove("name");
        }

        if (metadata.Architecture is not SmallCnnArchitecture)
        {
            root["tonno"]!.AsObject().Remove("small_cnn");
        }

        if (metadata.CamCells.Count == 0)
        {
            root["tonno"]!.AsObject().Remove("cam_cells");
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(root, _writeOptions);
        try
        {
            // One range of pixels serves all channels.
            var read = Parse(bytes, "The metadata");
            if (!read.Intensities.SequenceEqual(metadata.Intensities))
            {
                throw new ArgumentException("The intensity windows of all channels must be scaled to one range of pixels.", nameof(metadata));
            }
        }
        catch (EncoderException error)
        {
            throw new ArgumentException(error.Message, nameof(metadata), error);
        }

        return bytes;
    }

    private static JsonNode? Window(IntensityMap map)
    {
        var edges = new JsonArray(map.Low, map.High);
        return map.IsIdentity ? null
            : map.Rule is not { } rule ? edges
            : new JsonObject
            {
                [rule.Unit == WindowUnit.Percentile ? "percentiles" : "deviations"] = edges,
                ["voxels"] = rule.BesidesFill ? "not fill" : "all",
            };
    }

    /// <summary>One value, or a list by channel.</summary>
    private static JsonNode? Each(IReadOnlyList<IntensityMap> maps, Func<IntensityMap, JsonNode?> value) =>
        maps is [var only] ? value(only) : new JsonArray([.. maps.Select(value)]);

    private static ModelMetadata Read(JsonElement root, string source)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw MetadataReader.Invalid(source, $"it must be an object, {{...}}, and is {root.ValueKind switch { JsonValueKind.Array => "an array", _ => "a single value" }}");
        }

        var missing = _required.Where(path => !MetadataReader.TryFind(root, path, out _)).ToList();
        var name = MetadataReader.TryFind(root, "tonno.architecture", out var kind) && kind.ValueKind == JsonValueKind.String ? kind.GetString() : null;
        if (kind.ValueKind != JsonValueKind.Undefined && (name is null || !_architectures.Contains(name, StringComparer.Ordinal)))
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"{source} asks for an architecture that this version does not build; \"tonno.architecture\" must be one of {string.Join(", ", _architectures)}.");
        }

        ThrowIfUnknown(root, "tonno", _known, source);
        ThrowIfUnknown(root, "tonno.threshold", ["value", "of_peak"], source);
        if (name == SmallCnnArchitecture.MetadataName && !MetadataReader.TryFind(root, SmallCnnPath, out _))
        {
            missing.Add(SmallCnnPath);
        }

        if (missing.Count > 0)
        {
            throw new EncoderException(
                EncoderError.MetadataMissingKeys, $"{source} lacks {string.Join(", ", missing)}: add {(missing.Count > 1 ? "them" : "it")}.");
        }

        var reader = new MetadataReader(root, source);
        if (reader.Text("network_data_format.inputs.image.dtype") != "float32")
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported, $"{source} asks for slices of another type than float32: export the model for float32.");
        }

        var classes = reader.Classes();
        var architecture = Architecture(root, name!, reader.Channels(), classes.Length, reader, source);
        var metadata = new ModelMetadata
        {
            Name = reader.Has("name") ? reader.Text("name") : null,
            Version = reader.Text("version"),
            Task = reader.Text("task"),
            Description = reader.Text("description"),
            Classes = classes,
            Architecture = architecture,
            Precision = reader.Precision(),
            SliceSize = reader.SliceSize(),
            PixelMm = reader.OptionalNumber("tonno.pixel_size_mm"),
            SpacingMm = reader.OptionalNumber("tonno.spacing_mm"),
            Intensities = reader.Intensities(architecture.InputChannels),
            Alpha = reader.OptionalNumber("tonno.alpha"),
            Window = reader.Has("tonno.window") ? reader.Text("tonno.window") : null,
            Threshold = reader.Has("tonno.threshold")
                ? new HeatmapThreshold(reader.Number("tonno.threshold.value"), reader.Flag("tonno.threshold.of_peak"))
                : null,
            CamCells = reader.CamCells(),
            Training = reader.Has("tonno.training") ? reader.Object("tonno.training") : null,
        };
        reader.Require(metadata.PixelMm is null or (> 0 and < 1000), "tonno.pixel_size_mm must be above 0 and below 1000, or null");
        reader.Require(metadata.SpacingMm is null or (> 0 and < 1000), "tonno.spacing_mm must be above 0 and below 1000, or null");
        reader.Require(metadata.Alpha is null or (>= 0 and <= 2), "tonno.alpha must be 0 to 2, or null");
        reader.Require(
            metadata.SliceSize is null || metadata.SliceSize >= architecture.SmallestSlice,
            $"spatial_shape is smaller than the {architecture.SmallestSlice} pixels that the network needs");
        reader.Require(
            metadata.Precision == EncoderPrecision.Fp32 || architecture is not SmallCnnArchitecture, $"tonno.precision must be float32 for {name}");
        reader.Require(
            metadata.CamCells.Count == 0 || architecture is TorchScriptArchitecture, $"tonno.cam_cells is for TorchScript programs; where the cells of {name} lie is known");
        reader.Require(
            metadata.Threshold is not { OfPeak: true } ofPeak || ofPeak.Value is > 0 and <= 1, "tonno.threshold.value must be above 0 and at most 1 where it is a part of the peak");
        reader.Require(
            metadata.Window is null || _windows.Contains(metadata.Window, StringComparer.Ordinal),
            $"tonno.window must be one of {string.Join(", ", _windows)}, or null");
        return metadata;
    }

    /// <summary>Refuses a key that nothing reads: mostly one that is misspelt, whose value would be missed without a word.</summary>
    private static void ThrowIfUnknown(JsonElement root, string path, string[] known, string source)
    {
        if (MetadataReader.TryFind(root, path, out var part) && part.ValueKind == JsonValueKind.Object
            && part.EnumerateObject().Select(property => property.Name).Except(known, StringComparer.Ordinal).Select(key => $"{path}.{key}").ToList() is { Count: > 0 } unknown)
        {
            throw MetadataReader.Invalid(
                source, $"nothing reads {string.Join(", ", unknown)}, and {path} may hold {string.Join(", ", known)}; notes of your own have their place in tonno.training");
        }
    }

    private static ISliceArchitecture Architecture(JsonElement root, string name, int channels, int classes, MetadataReader reader, string source)
    {
        switch (name)
        {
            case SmallCnnArchitecture.MetadataName:
                MetadataReader.TryFind(root, SmallCnnPath, out var element);
                var network = JsonSerializer.Deserialize<SmallCnnArchitecture>(element, _architectureOptions)
                    ?? throw MetadataReader.Invalid(source, $"{SmallCnnPath} is null");
                if (network.Problem() is { } problem)
                {
                    throw MetadataReader.Invalid(source, $"{SmallCnnPath} cannot be built: {problem}");
                }

                reader.Require(channels == network.InputChannels, "num_channels differs from small_cnn.input_channels");
                reader.Require(classes == network.Classes, "channel_def names another number of classes than small_cnn.classes");
                return network;
            case TorchScriptArchitecture.MetadataName:
                return new TorchScriptArchitecture(channels, classes);
            default:
                var residual = _residual.Single(known => known.Name == name) with { InputChannels = channels, Classes = classes };
                return residual.Problem() is { } flaw ? throw MetadataReader.Invalid(source, $"{name} cannot be built: {flaw}") : residual;
        }
    }
}
