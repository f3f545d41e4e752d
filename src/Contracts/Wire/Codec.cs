using Google.Protobuf;

namespace ToNNO.Contracts.Wire;

/// <summary>How one message, at one version, becomes bytes.</summary>
/// <param name="Manifest">Names the message and version on the wire; type names never travel.</param>
internal sealed record Codec(string Manifest, Type MessageType, Func<IWireMessage, byte[]> Write, Func<byte[], IWireMessage> Read)
{
    private const int TraceParentField = 100;

    public static Codec Of<TMessage, TProto>(
        string manifest, MessageParser<TProto> parser, Func<TMessage, TProto> write, Func<TProto, TMessage> read)
        where TMessage : WireMessage
        where TProto : IMessage<TProto>, new()
    {
        var traceParent = new TProto().Descriptor.FindFieldByNumber(TraceParentField).Accessor;
        return new(
            manifest,
            typeof(TMessage),
            message =>
            {
                var proto = write((TMessage)message);
                if (message.TraceParent is { } span)
                {
                    traceParent.SetValue(proto, span);
                }

                return proto.ToByteArray();
            },
            bytes =>
            {
                var proto = parser.ParseFrom(bytes);
                var message = read(proto);
                return traceParent.HasValue(proto) ? message with { TraceParent = (string)traceParent.GetValue(proto) } : message;
            });
    }
}
