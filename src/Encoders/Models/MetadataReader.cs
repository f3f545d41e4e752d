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
