using System.Reflection;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using ToNNO.Contracts.Wire;

namespace ToNNO.Contracts.Tests.Wire;

/// <summary>What nodes of a release say, and how they read: tests/Contracts.Tests/Releases/{version}.</summary>
/// <remarks><c>messages.txt</c> has messages of every kind as the release's own code wrote them, a manifest and base64 a line, every field set in
/// one of them; <c>enums.txt</c> the words that travel as numbers; <c>messages.proto</c> is the release's own, in a namespace of its own, so that
/// its readers are compiled beside today's; <c>documents</c> what a run left in its store. To release a version, run the tests once with TONNO_ADD_RELEASE=1, commit the folder and raise the
/// version. A folder that is there is never written again.</remarks>
internal sealed class Release(string version)
{
    private const int MostTries = 1000;

    public static IReadOnlyList<string> Versions { get; } = [.. Directory.EnumerateDirectories(Folder("")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    /// <summary>The version that is built here.</summary>
    public static string Current { get; } = typeof(Codecs).Assembly.GetName().Version!.ToString(3);

    public string Version { get; } = version;

    /// <summary>The release's messages, as its readers know them.</summary>
    public FileDescriptor Proto { get; } = (FileDescriptor)typeof(Release).Assembly.GetType($"ToNNO.Contracts.Tests.Releases.{Namespace(version)}.MessagesReflection", throwOnError: true)!
        .GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;

    public IReadOnlyList<(string Manifest, byte[] Bytes)> Messages { get; } =
        [.. File.ReadLines(Folder(version, "messages.txt")).Select(line => line.Split(' ')).Select(words => (words[0], Convert.FromBase64String(words[1])))];

    public IReadOnlyList<string> Enums { get; } = File.ReadAllLines(Folder(version, "enums.txt"));

    public bool Knows(string manifest) => Messages.Any(message => message.Manifest == manifest);

    /// <summary>How the release reads a message of today's row; what it does not know it leaves out.</summary>
    public IMessage Read(Codec codec, byte[] bytes) => Proto.FindTypeByName<MessageDescriptor>(codec.MessageType.Name).Parser.WithDiscardUnknownFields(true).ParseFrom(bytes);

    /// <summary>A document as the release left it in its store.</summary>
    public byte[] Document(string name) => File.ReadAllBytes(Folder(Version, $"documents/{name}"));

    /// <summary>Lines of docs/operations.md.</summary>
    public static IEnumerable<string> Operations() => File.ReadLines(Path.Combine(Folder(""), "../../../docs/operations.md"));

    /// <summary>Writes down the messages of the version that is built here.</summary>
    public static void AddCurrent()
    {
        Directory.CreateDirectory(Folder(Current));
        File.WriteAllLines(Folder(Current, "messages.txt"), Codecs.All.SelectMany(codec => Samples(codec).Select(bytes => $"{codec.Manifest} {Convert.ToBase64String(bytes)}")));
        File.WriteAllLines(Folder(Current, "enums.txt"), EnumsOfToday());
        var proto = File.ReadAllText(Path.Combine(Folder(""), "../../../src/Contracts/Wire/messages.proto"));
        File.WriteAllText(Folder(Current, "messages.proto"), proto.Replace("\"ToNNO.Contracts.Wire.Proto\"", $"\"ToNNO.Contracts.Tests.Releases.{Namespace(Current)}\"", StringComparison.Ordinal));
    }

    /// <summary>Words that travel as numbers, as <c>VolumeState.Completed = 3</c>.</summary>
    public static IEnumerable<string> EnumsOfToday() => EnumsIn(typeof(IWireMessage).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(WireMessage))), [])
        .SelectMany(type => Enum.GetNames(type).Select(name => $"{type.Name}.{name} = {Convert.ToInt32(Enum.Parse(type, name), System.Globalization.CultureInfo.InvariantCulture)}"))
        .Order(StringComparer.Ordinal);

    /// <summary>Fields that are set in a message and in all that it holds, as <c>Task.run_id</c>.</summary>
    public static IEnumerable<string> FieldsSet(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            var held = value is System.Collections.IList list ? list.OfType<IMessage>() : value is IMessage one ? [one] : [];
            if (value is System.Collections.IList { Count: > 0 } || (!field.IsRepeated && (field.HasPresence ? field.Accessor.HasValue(message) : !IsDefault(value))))
            {
                yield return $"{message.Descriptor.Name}.{field.Name}";
            }

            foreach (var name in held.SelectMany(FieldsSet))
            {
                yield return name;
            }
        }
    }

    /// <summary>Every field that can stand in a message.</summary>
    public static HashSet<string> FieldsOf(MessageDescriptor message) =>
    [
        .. message.Fields.InDeclarationOrder().Select(field => $"{message.Name}.{field.Name}"),
        .. message.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message).SelectMany(field => FieldsOf(field.MessageType)),
    ];

    /// <summary>Messages drawn until each field is set in one; those that set nothing new are left out.</summary>
    private static List<byte[]> Samples(Codec codec)
    {
        var descriptor = ToNNO.Contracts.Wire.Proto.MessagesReflection.Descriptor.FindTypeByName<MessageDescriptor>(codec.MessageType.Name);
        var missing = FieldsOf(descriptor);
        var samples = new List<byte[]>();
        for (var seed = 0; missing.Count > 0; seed++)
        {
            Assert.True(seed < MostTries, $"{codec.Manifest} never sets {string.Join(", ", missing)}");
            var bytes = codec.Write((IWireMessage)new RandomContent(seed).Of(codec.MessageType));
            var before = missing.Count;
            missing.ExceptWith(FieldsSet(descriptor.Parser.ParseFrom(bytes)));
            if (missing.Count < before)
            {
                samples.Add(bytes);
            }
        }

        return samples;
    }

    private static HashSet<Type> EnumsIn(IEnumerable<Type> types, HashSet<Type> seen)
    {
        var found = new HashSet<Type>();
        foreach (var type in types.Select(type => Nullable.GetUnderlyingType(type) ?? type).SelectMany(type => type.IsGenericType ? type.GenericTypeArguments : [type]))
        {
            if (type.IsEnum)
            {
                found.Add(type);
            }
            else if (type.Namespace?.StartsWith("ToNNO.", StringComparison.Ordinal) == true && seen.Add(type))
            {
                found.UnionWith(EnumsIn(type.GetProperties().Select(property => property.PropertyType), seen));
            }
        }

        return found;
    }

    private static bool IsDefault(object? value) => value switch
    {
        null or 0 or 0L or 0.0 or 0f or false or "" => true,
        _ => false,
    };

    private static string Namespace(string version) => $"V{version.Replace('.', '_')}";

    private static string Folder(string version, string file = "", [CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!, "Releases", version, file);
}
