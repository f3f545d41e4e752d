using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Serialization;

namespace ToNNO.Tests.Support;

/// <summary>Stands where Akka falls back for types that nobody registered, while tests send every message through its
/// serializer: Akka's own may pass, ours have a row of the wire's or stay in the process.</summary>
public sealed class FallbackGuard(ExtendedActorSystem system) : NewtonSoftJsonSerializer(system)
{
    private static readonly ConcurrentBag<string> _refused = [];

    /// <summary>HOCON that serializes every message and puts the guard in the fallback's place.</summary>
    public static string Configuration { get; } =
        $$"""
        akka.actor {
          serialize-messages = on
          serializers.guard = "{{typeof(FallbackGuard).AssemblyQualifiedName}}"
          serialization-bindings { "System.Object" = guard }
          serialization-identifiers { "{{typeof(FallbackGuard).AssemblyQualifiedName}}" = 24999 }
          serialization-settings.allow-unregistered-types = true
        }
        """;

    /// <summary>Our types that came here since the process began; each was refused.</summary>
    public static IReadOnlyCollection<string> Refused => _refused;

    public override int Identifier => 24999;

    public override byte[] ToBinary(object obj)
    {
        ArgumentNullException.ThrowIfNull(obj);
        var type = obj.GetType();
        if (type.Assembly.GetName().Name!.StartsWith("ToNNO", StringComparison.OrdinalIgnoreCase))
        {
            _refused.Add(type.FullName!);
            throw new InvalidOperationException($"{type} would travel by Akka's fallback: give it a row in Codecs, or make it an ILocalMessage.");
        }

        return base.ToBinary(obj);
    }
}
