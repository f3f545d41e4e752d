using Google.Protobuf.Reflection;

namespace ToNNO.Contracts.Tests.Wire;

/// <summary>What may become of a release's messages: fields and messages are added, and nothing else (docs/adr/0017).</summary>
internal static class ReleaseRules
{
    /// <summary>A sentence for each message or field of the release that is gone, or is another now.</summary>
    public static IEnumerable<string> Faults(FileDescriptor release, FileDescriptor today)
    {
        foreach (var message in release.MessageTypes)
        {
            if (today.FindTypeByName<MessageDescriptor>(message.Name) is not { } now)
            {
                yield return $"{message.Name} is gone";
                continue;
            }

            foreach (var field in message.Fields.InDeclarationOrder().Where(field => Shape(field) != Shape(now.FindFieldByNumber(field.FieldNumber))))
            {
                yield return $"{message.Name}.{field.Name} ({field.FieldNumber}) is gone, or is another";
            }
        }
    }

    private static (string Name, FieldType Type, bool Repeated, bool Presence, string? Of)? Shape(FieldDescriptor? field) =>
        field is null ? null : (field.Name, field.FieldType, field.IsRepeated, field.HasPresence, field.FieldType == FieldType.Message ? field.MessageType.Name : null);
}
