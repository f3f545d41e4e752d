using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace ToNNO.Tonno.Pages;

/// <summary>
/// Fills a page: <c>{{name}}</c> is a text, escaped; <c>{{&amp;name}}</c> is one that is inserted as it is;
/// <c>{{#name}}…{{/name}}</c> is repeated for each item of a list.
/// </summary>
internal static partial class PageTemplate
{
    private const string Prefix = "ToNNO.Tonno.Pages.";

    /// <summary>Fills a page of this assembly; <c>{{&amp;style}}</c> is the style that all pages share.</summary>
    /// <param name="name">Its file's name.</param>
    /// <inheritdoc cref="Render(string, IReadOnlyDictionary{string, object})"/>
    public static string RenderPage(string name, IReadOnlyDictionary<string, object> model) =>
        Render(Resource(name), new Dictionary<string, object>(model) { ["style"] = Resource("Page.css") });

    /// <exception cref="InvalidOperationException">The template names what the model lacks, or a section does not end.</exception>
    public static string Render(string template, IReadOnlyDictionary<string, object> model)
    {
        var page = new StringBuilder(template.Length);
        Render(template, [model], page);
        return page.ToString();
    }

    private static string Resource(string name)
    {
        using var stream = typeof(PageTemplate).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"{name} is missing from the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static void Render(string template, IReadOnlyList<IReadOnlyDictionary<string, object>> scopes, StringBuilder page)
    {
        var position = 0;
        for (var tag = Tag().Match(template); tag.Success; tag = Tag().Match(template, position))
        {
            page.Append(template, position, tag.Index - position);
            position = tag.Index + tag.Length;
            var name = tag.Groups["name"].Value;
            var value = scopes.Select(scope => scope.GetValueOrDefault(name)).FirstOrDefault(found => found is not null)
                ?? throw new InvalidOperationException($"The page names {name}, which is not there.");
            switch (tag.Groups["kind"].Value, value)
            {
                case ("#", IEnumerable<IReadOnlyDictionary<string, object>> items):
                    var end = template.IndexOf("{{/" + name + "}}", position, StringComparison.Ordinal);
                    if (end < 0)
                    {
                        throw new InvalidOperationException($"The section {name} does not end.");
                    }

                    foreach (var item in items)
                    {
                        Render(template[position..end], [item, .. scopes], page);
                    }

                    position = end + name.Length + 5;
                    break;
                case ("&", string raw):
                    page.Append(raw);
                    break;
                case ("", string text):
                    page.Append(WebUtility.HtmlEncode(text));
                    break;
                default:
                    throw new InvalidOperationException($"{tag.Value} does not fit its value.");
            }
        }

        page.Append(template, position, template.Length - position);
    }

    [GeneratedRegex(@"\{\{(?<kind>[#&]?)(?<name>\w+)\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex Tag();
}
