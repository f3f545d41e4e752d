using System.Collections.Frozen;
using Akka.Actor;
using Akka.Serialization;

namespace ToNNO.Contracts.Wire;

/// <summary>The one serializer of our messages: protobuf, named by manifest. An unknown manifest is refused.</summary>
public sealed class WireSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>HOCON that binds every <see cref="IWireMessage"/> to this serializer and refuses all types that no serializer is
    /// registered for.</summary>
    public const string Configuration =
        """
        akka.actor {
          serializers.tonno = "ToNNO.Contracts.Wire.WireSerializer, ToNNO.Contracts"
          serialization-bindings { "ToNNO.Contracts.IWireMessage, ToNNO.Contracts" = tonno }
          serialization-identifiers { "ToNNO.Contracts.Wire.WireSerializer, ToNNO.Contracts" = 24041 }
          serialization-settings.allow-unregistered-types = false
        }
        """;

    private static readonly FrozenDictionary<Type, Codec> ByType = Codecs.All.ToFrozenDictionary(codec => codec.MessageType);
    private static readonly FrozenDictionary<string, Codec> ByManifest = Codecs.All.ToFrozenDictionary(codec => codec.Manifest, StringComparer.Ordinal);

    public override int Identifier => 24041;

    public override string Manifest(object o) => CodecOf(o).Manifest;

    public override byte[] ToBinary(object obj) => CodecOf(obj).Write((IWireMessage)obj);

    public override object FromBinary(byte[] bytes, string manifest) => ByManifest.TryGetValue(manifest, out var codec)
        ? codec.Read(bytes)
        : throw new ArgumentException($"The manifest '{manifest}' is not one of ours; a newer node may have sent it.", nameof(manifest));

    private static Codec CodecOf(object message) => ByType.TryGetValue(message.GetType(), out var codec)
        ? codec
        : throw new ArgumentException($"{message.GetType().Name} has no codec; add a row to Codecs.", nameof(message));
}
