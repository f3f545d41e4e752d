using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ToNNO.Contracts;

/// <summary>How our documents are written as JSON: camel case, enums as words, infinities by name.</summary>
/// <remarks>What is not optional must be there: else a document cut or written by hand would come back with nulls in it.</remarks>
public static class Documents
{
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // these documents are never put into a page
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters =
        {
            new JsonStringEnumConverter(JsonNamingPolicy.CamelCase),
            new StringIdConverter<RunId>(id => id.Value, text => new RunId(text)),
            new StringIdConverter<VolumeId>(id => id.Value, text => new VolumeId(text)),
        },
    };

    public static byte[] ToBytes<T>(T document) => JsonSerializer.SerializeToUtf8Bytes(document, Json);

    /// <summary>Reads a document.</summary>
    /// <returns>Null where the bytes are not one.</returns>
    public static T? TryParse<T>(ReadOnlySpan<byte> bytes)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(bytes, Json);
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private sealed class StringIdConverter<T>(Func<T, string> write, Func<string, T> read) : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            read(reader.GetString() ?? throw new JsonException("An id is missing."));

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(write(value));
    }
}
