using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Encoders.Models;

/// <summary>Reads the values of <c>metadata.json</c> by their paths; every refusal names the path.</summary>
internal readonly struct MetadataReader(JsonElement root, string source)
{
    /// <summary>By <see cref="EncoderPrecision"/>.</summary>
    private static readonly string[] _precisions = ["float32", "bfloat16"];

    /// <summary>Names of classes become parts of file names.</summary>
    private const int LongestName = 100;

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

    public int Channels()
    {
        const string Path = "network_data_format.inputs.image.num_channels";
        var channels = Number(Path);
        Require(channels is >= 1 and <= 4096 && channels == Math.Floor(channels), $"{Path} must be a whole number of 1 to 4096");
        return (int)channels;
    }

    public EncoderPrecision Precision()
    {
        const string Path = "tonno.precision";
        if (!Has(Path))
        {
            return EncoderPrecision.Fp32;
        }

        var precision = Array.IndexOf(_precisions, Text(Path));
        Require(precision >= 0, $"{Path} must be one of {string.Join(", ", _precisions)}");
        return (EncoderPrecision)precision;
    }

    public string[] Classes()
    {
        const string Path = "network_data_format.outputs.pred.channel_def";
        var value = Find(Path);
        Require(value.ValueKind == JsonValueKind.Object, $"{Path} must be an object");
        var names = new string[value.GetPropertyCount()];
        Require(names.Length > 0, $"{Path} names no class");
        foreach (var property in value.EnumerateObject())
        {
            var known = int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < names.Length && names[index] is null && property.Value.ValueKind == JsonValueKind.String;
            Require(known, $"{Path} must map \"0\" to \"{names.Length - 1}\" to class names");
            names[index] = property.Value.GetString()!;
            Require(names[index].Length is > 0 and <= LongestName && !names[index].Any(char.IsControl), $"{Path} names class {index} by none of 1 to {LongestName} printable letters");
        }

        Require(names.Distinct(StringComparer.Ordinal).Count() == names.Length, $"{Path} gives two classes one name");

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

    /// <summary>Window, range of pixels and fill value, by channel; one value stands for all.</summary>
    public IReadOnlyList<IntensityMap> Intensities(int channels)
    {
        const string WindowPath = "tonno.intensity_window", FillPath = "tonno.fill_value", RangePath = "network_data_format.inputs.image.value_range";
        var maps = new IntensityMap[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var fill = (float)Number(Of(FillPath, channel, channels, value => value.ValueKind != JsonValueKind.Array), FillPath);
            Require(float.IsFinite(fill), $"{FillPath} is out of the range of float32");
            var window = Of(
                WindowPath, channel, channels, value => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().All(edge => edge.ValueKind == JsonValueKind.Number));
            var rule = window.ValueKind == JsonValueKind.Object ? Rule(ref window, WindowPath) : null;
            if (window.ValueKind == JsonValueKind.Null)
            {
                maps[channel] = new IntensityMap(float.NegativeInfinity, float.PositiveInfinity, fill);
                continue;
            }

            var (low, high) = Interval(window, WindowPath);
            var (pixelLow, pixelHigh) = Interval(Find(RangePath), RangePath);
            Require(rule?.Unit != WindowUnit.Percentile || (low >= 0 && high <= 100), $"{WindowPath} has percentiles from 0 to 100");
            maps[channel] = new IntensityMap(low, high, fill, pixelLow, pixelHigh, rule);
        }

        return maps;
    }

    /// <summary>The value of a channel: that of its place in a list of as many as there are channels, or the one for all.</summary>
    private JsonElement Of(string path, int channel, int channels, Func<JsonElement, bool> isOne)
    {
        var value = Find(path);
        if (isOne(value))
        {
            return value;
        }

        Require(value.GetArrayLength() == channels, $"{path} must be one value, or a list of {channels}, one for each channel");
        return value[channel];
    }

    /// <summary>A window of each volume's own: <c>{"percentiles": [low, high]}</c> or <c>{"deviations": [low, high]}</c>, and
    /// <c>"voxels": "all"</c> or <c>"not fill"</c>.</summary>
    /// <param name="window">The object; becomes its interval.</param>
    private WindowRule Rule(ref JsonElement window, string path)
    {
        var (edges, unit, besidesFill) = (default(JsonElement), WindowUnit.Unspecified, false);
        foreach (var property in window.EnumerateObject())
        {
            switch (property.Name)
            {
                case "percentiles" when unit == WindowUnit.Unspecified:
                    (edges, unit) = (property.Value, WindowUnit.Percentile);
                    break;
                case "deviations" when unit == WindowUnit.Unspecified:
                    (edges, unit) = (property.Value, WindowUnit.Deviation);
                    break;
                case "voxels" when property.Value.ValueKind == JsonValueKind.String && property.Value.GetString() is "all" or "not fill":
                    besidesFill = property.Value.GetString() == "not fill";
                    break;
                default:
                    Require(false, $"{path} knows \"percentiles\" or \"deviations\", and \"voxels\": \"all\" or \"not fill\"");
                    break;
            }
        }

        Require(unit != WindowUnit.Unspecified, $"{path} must have \"percentiles\" or \"deviations\"");
        window = edges;
        return new WindowRule(unit, besidesFill);
    }

    private (float Low, float High) Interval(JsonElement value, string path)
    {
        Require(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2, $"{path} must be [low, high]");
        var (low, high) = ((float)Number(value[0], path), (float)Number(value[1], path));
        Require(float.IsFinite(low) && float.IsFinite(high) && low < high && float.IsFinite(high - low), $"{path} must rise from low to high");
        return (low, high);
    }

    /// <summary>By layer <c>[stride, first]</c>, in pixels.</summary>
    public Dictionary<string, CamCells> CamCells()
    {
        const string Path = "tonno.cam_cells";
        var cells = new Dictionary<string, CamCells>(StringComparer.Ordinal);
        if (!Has(Path))
        {
            return cells;
        }

        var value = Find(Path);
        Require(value.ValueKind == JsonValueKind.Object, $"{Path} must be an object");
        foreach (var layer in value.EnumerateObject())
        {
            Require(layer.Value.ValueKind == JsonValueKind.Array && layer.Value.GetArrayLength() == 2, $"{Path}.{layer.Name} must be [stride, first], in pixels");
            var (stride, first) = (Number(layer.Value[0], Path), Number(layer.Value[1], Path));
            Require(stride is > 0 and <= 16384 && Math.Abs(first) <= 16384, $"{Path}.{layer.Name} must have a stride above 0, and be within the slice");
            cells[layer.Name] = new CamCells(stride, first);
        }

        return cells;
    }

    public static string PrecisionName(EncoderPrecision precision) => _precisions[(int)precision];

    public static bool TryFind(JsonElement root, string path, out JsonElement found)
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

    public static EncoderException Invalid(string source, string what, Exception? inner = null) =>
        new(EncoderError.MetadataInvalid, $"{source} is not valid: {what}. Correct it.", inner);

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
