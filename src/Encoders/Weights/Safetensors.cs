using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Weights;

/// <summary>Reads and writes safetensors files of float32 tensors.</summary>
/// <remarks>
/// Layout (github.com/huggingface/safetensors, "Format"): eight bytes N (unsigned, little endian), N bytes of JSON
/// <c>{"name": {"dtype", "shape", "data_offsets": [begin, end]}}</c>, then the tensors' bytes, which leave no hole.
/// A model may come from anywhere, so everything is checked against the file's length before anything is allocated.
/// </remarks>
public static class Safetensors
{
    /// <summary>A header of thousands of tensors stays far below.</summary>
    private const int MaxHeaderBytes = 4 << 20;

    private const int MaxRank = 8;
    private const int LengthBytes = sizeof(ulong);

    /// <summary>The format's other types, and the bytes of a number.</summary>
    private static readonly Dictionary<string, int> _otherTypes = new(
        from types in new (int Bytes, string[] Names)[]
        {
            (1, ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"]), (2, ["I16", "U16", "F16", "BF16"]), (4, ["I32", "U32"]), (8, ["I64", "U64", "F64", "C64"]),
        }
        from name in types.Names
        select KeyValuePair.Create(name, types.Bytes),
        StringComparer.Ordinal);

    /// <summary>Reads and checks the header, and leaves the stream at the first tensor.</summary>
    /// <param name="stream">At the start of the file, and knows its length.</param>
    /// <param name="source">The file's name for messages.</param>
    /// <param name="skip">Says of a name that its tensor is not wanted: it may then have another type.</param>
    /// <returns>The tensors in the order of their bytes.</returns>
    /// <exception cref="EncoderException"><see cref="EncoderError.WeightsCorrupt"/>, or <see cref="EncoderError.ModelUnsupported"/>
    /// where tensors are not float32.</exception>
    public static IReadOnlyList<SafetensorsEntry> ReadHeader(Stream stream, string source, Func<string, bool>? skip = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var available = stream.Length - stream.Position;
        Span<byte> prefix = stackalloc byte[LengthBytes];
        if (available < LengthBytes)
        {
            throw Corrupt(source, $"it has {available} bytes, fewer than the eight that give the header's length");
        }

        ReadExactly(stream, prefix, source);
        available -= LengthBytes;
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes < 2 || headerBytes > MaxHeaderBytes || headerBytes > (ulong)available)
        {
            throw Corrupt(source, $"its header claims {headerBytes} bytes of the {available} that follow (at most {MaxHeaderBytes} are allowed)");
        }

        var header = new byte[(int)headerBytes];
        ReadExactly(stream, header, source);
        var entries = Parse(header, source, skip ?? (_ => false));
        CheckLayout(entries, available - header.Length, source);
        return entries;
    }

    /// <summary>Reads a file's tensors into existing ones of the same names and shapes.</summary>
    /// <param name="stream">At the start of the file, and knows its length; read to its end.</param>
    /// <param name="destinations">Contiguous float32 tensors on the CPU; untouched unless the whole header fits them.</param>
    /// <param name="source">The file's name for messages.</param>
    /// <param name="skip">Says of a name that its tensor may be in the file, of whatever type, and is not wanted.</param>
    /// <exception cref="EncoderException">As <see cref="ReadHeader"/>, and <see cref="EncoderError.WeightsMismatch"/>.</exception>
    public static void ReadInto(
        Stream stream, IReadOnlyDictionary<string, Tensor> destinations, string source, Func<string, bool>? skip = null)
    {
        ArgumentNullException.ThrowIfNull(destinations);
        foreach (var (name, tensor) in destinations)
        {
            ThrowUnlessPlain(name, tensor, nameof(destinations));
        }

        var entries = ReadHeader(stream, source, skip);
        CheckMatch([.. entries.Where(entry => skip is null || !skip(entry.Name))], destinations, source);
        foreach (var entry in entries)
        {
            if (destinations.TryGetValue(entry.Name, out var destination))
            {
                ReadExactly(stream, destination.bytes, source);
            }
            else
            {
                Skip(stream, entry.End - entry.Begin, source);
            }
        }
    }

    /// <summary>Writes tensors in the order of their names, so that equal weights make equal files.</summary>
    /// <param name="tensors">Contiguous float32 tensors on the CPU.</param>
    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        var ordered = tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            long offset = 0;
            foreach (var (name, tensor) in ordered)
            {
                ThrowUnlessPlain(name, tensor, nameof(tensors));
                json.WriteStartObject(name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (var length in tensor.shape)
                {
                    json.WriteNumberValue(length);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.numel() * sizeof(float);
                json.WriteNumberValue(offset);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // The tensors then start at a multiple of eight, as the format's own writer has it.
        while (header.Length % LengthBytes != 0)
        {
            header.WriteByte((byte)' ');
        }

        Span<byte> prefix = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        header.WriteTo(stream);
        foreach (var (_, tensor) in ordered)
        {
            stream.Write(tensor.bytes);
        }
    }

    private static List<SafetensorsEntry> Parse(byte[] header, string source, Func<string, bool> skip)
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

    private static void CheckLayout(IReadOnlyList<SafetensorsEntry> entries, long dataBytes, string source)
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

    private static void CheckMatch(
        IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, Tensor> destinations, string source)
    {
        var problems = new List<string>();
        var names = entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        problems.AddRange(destinations.Keys.Where(name => !names.Contains(name)).Select(name => $"no tensor {Quote(name)}"));
        foreach (var entry in entries)
        {
            if (!destinations.TryGetValue(entry.Name, out var tensor))
            {
                problems.Add($"an unknown tensor {Quote(entry.Name)}");
            }
            else if (!tensor.shape.AsSpan().SequenceEqual(entry.Shape.ToArray()))
            {
                problems.Add($"{Quote(entry.Name)} of shape [{string.Join(", ", entry.Shape)}] instead of [{string.Join(", ", tensor.shape)}]");
            }
        }

        if (problems.Count > 0)
        {
            const int Shown = 5;
            var rest = problems.Count > Shown ? $" and {problems.Count - Shown} more differences" : "";
            throw new EncoderException(
                EncoderError.WeightsMismatch,
                $"{source} does not fit the network that its metadata describe: it has {string.Join("; ", problems.Take(Shown))}{rest}. " +
                "Take metadata and weights from the same training.");
        }
    }

    private static void ThrowUnlessPlain(string name, Tensor tensor, string parameter)
    {
        if (tensor.dtype != ScalarType.Float32 || tensor.device_type != TorchSharp.DeviceType.CPU || !tensor.is_contiguous())
        {
            throw new ArgumentException($"Tensor {name} must be float32, contiguous and on the CPU.", parameter);
        }
    }

    /// <summary>Reads past bytes: the stream may hash what it gives, and need not seek.</summary>
    private static void Skip(Stream stream, long bytes, string source)
    {
        Span<byte> passed = stackalloc byte[4096];
        for (; bytes > 0; bytes -= Math.Min(bytes, passed.Length))
        {
            ReadExactly(stream, passed[..(int)Math.Min(bytes, passed.Length)], source);
        }
    }

    private static void ReadExactly(Stream stream, Span<byte> destination, string source)
    {
        try
        {
            stream.ReadExactly(destination);
        }
        catch (EndOfStreamException error)
        {
            throw Corrupt(source, "it became shorter while it was read", error);
        }
    }

    /// <summary>A name from an untrusted file, short and without control characters.</summary>
    private static string Quote(string name)
    {
        const int Longest = 80;
        var clean = new string([.. name.Take(Longest).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);
        return name.Length > Longest ? $"\"{clean}…\"" : $"\"{clean}\"";
    }

    private static EncoderException Corrupt(string source, string what, Exception? inner = null) =>
        new(EncoderError.WeightsCorrupt, $"{source} is not a sound safetensors file: {what}. Copy or export it again.", inner);
}
