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

    private const int LengthBytes = sizeof(ulong);

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
            throw SafetensorsHeader.Corrupt(source, $"it has {available} bytes, fewer than the eight that give the header's length");
        }

        ReadExactly(stream, prefix, source);
        available -= LengthBytes;
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes < 2 || headerBytes > MaxHeaderBytes || headerBytes > (ulong)available)
        {
            throw SafetensorsHeader.Corrupt(source, $"its header claims {headerBytes} bytes of the {available} that follow (at most {MaxHeaderBytes} are allowed)");
        }

        var header = new byte[(int)headerBytes];
        ReadExactly(stream, header, source);
        return SafetensorsHeader.Parse(header, available - header.Length, source, skip ?? (_ => false));
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

    private static void CheckMatch(
        IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, Tensor> destinations, string source)
    {
        var problems = new List<string>();
        var names = entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        problems.AddRange(destinations.Keys.Where(name => !names.Contains(name)).Select(name => $"no tensor {SafetensorsHeader.Quote(name)}"));
        foreach (var entry in entries)
        {
            if (!destinations.TryGetValue(entry.Name, out var tensor))
            {
                problems.Add($"an unknown tensor {SafetensorsHeader.Quote(entry.Name)}");
            }
            else if (!tensor.shape.AsSpan().SequenceEqual(entry.Shape.ToArray()))
            {
                problems.Add($"{SafetensorsHeader.Quote(entry.Name)} of shape [{string.Join(", ", entry.Shape)}] instead of [{string.Join(", ", tensor.shape)}]");
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
            throw SafetensorsHeader.Corrupt(source, "it became shorter while it was read", error);
        }
    }
}
