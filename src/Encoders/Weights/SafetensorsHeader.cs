using System.Text.Json;

namespace ToNNO.Encoders.Weights;

/// <summary>The header of a safetensors file: which tensors it holds, of which type and shape, and where.</summary>
internal static class SafetensorsHeader
{
    private const int MaxRank = 8;

    /// <summary>The format's other types, and the bytes of a number.</summary>
    private static readonly Dictionary<string, int> _otherTypes = new(
        from types in new (int Bytes, string[] Names)[]
        {
            (1, ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"]), (2, ["I16", "U16", "F16", "BF16"]), (4, ["I32", "U32"]), (8, ["I64", "U64", "F64", "C64"]),
        }
        from name in types.Names
        select KeyValuePair.Create(name, types.Bytes),
        StringComparer.Ordinal);

    /// <summary>Reads the header, and checks that its tensors fill what follows it.</summary>
    /// <param name="dataBytes">Bytes that follow the header.</param>
    /// <param name="skip">Says of a name that its tensor is not wanted: it may then have another type.</param>
    /// <returns>The tensors in the order of their bytes.</returns>
    public static List<SafetensorsEntry> Parse(byte[] header, long dataBytes, string source, Func<string, bool> skip)
    {
        if (header[0] != (byte)'{')
        {
            throw Corrupt(source, "its header does not begin with '{'");
        }

        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 };
            using var document = JsonDocument.Parse(header, options);
            var entries = new List<SafetensorsEntry>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name != "__metadata__")
                {
                    entries.Add(ParseEntry(property.Name, property.Value, source, skip(property.Name)));
                }
            }

            entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
            CheckLayout(entries, dataBytes, source);
            return entries;
        }
        // A lone surrogate in a name is an InvalidOperationException only when the name is read.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Corrupt(source, $"its header is not the JSON of a safetensors file ({error.Message.TrimEnd('.')})", error);
        }
    }

    private static SafetensorsEntry ParseEntry(string name, JsonElement value, string source, bool skipped)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Corrupt(source, $"the entry of tensor {Quote(name)} is not an object");
        }

        foreach (var property in value.EnumerateObject())
        {
            switch (property.Name)
            {
                case "dtype" when property.Value.ValueKind == JsonValueKind.String:
                    type = property.Value.GetString();
                    break;
                case "shape" when Lengths(property.Value) is { Count: <= MaxRank } lengths:
                    shape = lengths;
                    break;
                case "data_offsets" when Lengths(property.Value) is { Count: 2 } pair:
                    offsets = pair;
                    break;
                default:
                    throw Corrupt(source, $"tensor {Quote(name)} has an unknown or malformed {Quote(property.Name)}");
            }
        }

        if (type is null || shape is null || offsets is null)
        {
            throw Corrupt(source, $"tensor {Quote(name)} lacks dtype, shape or data_offsets");
        }

        var otherBytes = _otherTypes.GetValueOrDefault(type);
        if (otherBytes > 0 && !skipped)
        {
            throw new EncoderException(
                EncoderError.ModelUnsupported,
                $"Tensor {Quote(name)} in {source} has type {type}; only F32 is read, so convert it to float32.");
        }

        if (type != "F32" && otherBytes == 0)
        {
            throw Corrupt(source, $"tensor {Quote(name)} has the unknown type {Quote(type)}");
        }

        long bytes = type == "F32" ? sizeof(float) : otherBytes;
        foreach (var length in shape)
        {
            // Int128: the product of two lengths of 63 bits cannot overflow it, and it is cut back at every step.
            var product = (Int128)bytes * length;
            if (product > int.MaxValue)
            {
                throw Corrupt(source, $"tensor {Quote(name)} of shape [{string.Join(", ", shape)}] is over two gigabytes");
            }

            bytes = (long)product;
        }

        if (offsets[0] > offsets[1] || offsets[1] - offsets[0] != bytes)
        {
            throw Corrupt(
                source,
                $"tensor {Quote(name)} of shape [{string.Join(", ", shape)}] needs {bytes} bytes but its offsets are [{offsets[0]}, {offsets[1]}]");
        }

        return new SafetensorsEntry(name, shape, offsets[0], offsets[1]);
    }

    private static List<long>? Lengths(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var lengths = new List<long>();
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var length) || length < 0)
            {
                return null;
            }

            lengths.Add(length);
        }

        return lengths;
    }

    private static void CheckLayout(List<SafetensorsEntry> entries, long dataBytes, string source)
    {
        long next = 0;
        foreach (var entry in entries)
        {
            if (entry.Begin != next)
            {
                throw Corrupt(
                    source,
                    $"tensor {Quote(entry.Name)} begins at byte {entry.Begin}, {(entry.Begin < next ? "inside the one before it" : "after a hole")} (expected {next})");
            }

            next = entry.End;
        }

        if (next != dataBytes)
        {
            throw Corrupt(source, $"its tensors need {next} bytes but {dataBytes} follow the header");
        }
    }

    /// <summary>A name from an untrusted file, short and without control characters.</summary>
    public static string Quote(string name)
    {
        const int Longest = 80;
        var clean = new string([.. name.Take(Longest).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);
        return name.Length > Longest ? $"\"{clean}…\"" : $"\"{clean}\"";
    }

    /// <param name="what">What is wrong, in words that go on from "it is not sound:".</param>
    public static EncoderException Corrupt(string source, string what, Exception? inner = null) =>
        new(EncoderError.WeightsCorrupt, $"{source} is not a sound safetensors file: {what}. Copy or export it again.", inner);
}
