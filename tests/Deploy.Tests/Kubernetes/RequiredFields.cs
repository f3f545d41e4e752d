using System.Collections;
using System.Reflection;
using System.Text.Json.Serialization;
using k8s.Models;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Fields that must be there, which strict loading does not ask for: required-fields.txt, which says where it is from.</summary>
internal static class RequiredFields
{
    /// <summary>By type; fields as they stand in YAML.</summary>
    public static IReadOnlyDictionary<string, string[]> All { get; } = File.ReadLines(Repository.At("tests/Deploy.Tests/Kubernetes/required-fields.txt"))
        .Where(line => line[0] != '#').Select(line => line.Split(' ')).ToDictionary(words => words[0], words => words[1..]);

    /// <summary>A sentence for each required field of an object, or of what it holds, that is not there, empty or 0.</summary>
    /// <param name="at">Where it stands.</param>
    public static IEnumerable<string> Missing(object value, string at)
    {
        var fields = FieldsOf(value.GetType()).Select(field => (field.Name, Value: field.Property.GetValue(value))).ToList();
        var required = All.GetValueOrDefault(NameOf(value.GetType()), []);
        return fields.Where(field => required.Contains(field.Name) && IsNothing(field.Value)).Select(field => $"{at} lacks {field.Name}")
            .Concat(fields.SelectMany(field => Held(field.Value).SelectMany(held => Missing(held, $"{at}.{field.Name}"))));
    }

    /// <summary>As the table has it: nested types after the type that they are in.</summary>
    public static string NameOf(Type type) => type.DeclaringType is { } outer ? $"{outer.Name}.{type.Name}" : type.Name;

    public static IEnumerable<(string Name, PropertyInfo Property)> FieldsOf(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => property.GetIndexParameters().Length == 0 && !property.IsDefined(typeof(JsonIgnoreAttribute)))
        .Select(property => (property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? char.ToLowerInvariant(property.Name[0]) + property.Name[1..], property));

    private static bool IsNothing(object? value) => value is null or "" or 0 || (value is IntOrString text && text.Value is null or "") || (value is ICollection { Count: 0 });

    private static IEnumerable<object> Held(object? value) => value switch
    {
        null or string => [],
        IDictionary map => map.Values.Cast<object?>().SelectMany(Held),
        IEnumerable list => list.Cast<object?>().SelectMany(Held),
        _ when value.GetType().IsClass && value.GetType().Namespace is "k8s.Models" or "ToNNO.Deploy.Tests.Kubernetes" && value is not (IntOrString or ResourceQuantity) => [value],
        _ => [],
    };
}
