using System.Globalization;
using ToNNO.Tonno.Commands;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ToNNO.Tonno.Selection;

/// <summary>Reads rules from YAML, and refuses by the line what it does not know.</summary>
internal static class RulesReader
{
    private const string Kind = "rules";

    /// <summary>Document, file, list, rule, criterion and list are six; the rest is told of by its key.</summary>
    private const int MostNested = 16;

    /// <summary>Longer names would not fit tables.</summary>
    private const int LongestName = 80;

    /// <exception cref="CommandException">The file cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, $"{Kind}.unreadable", $"The rules {path} cannot be read: {error.Message}");
        }
    }

    /// <exception cref="CommandException">The text is no YAML, or has a key or a value that rules do not have.</exception>
    public static SelectionRules Parse(string text)
    {
        RequireShallow(text);
        var yaml = new YamlStream();
        Guarded(text, yaml.Load);
        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }])
        {
            throw Refused("invalid", 1, $"must begin a mapping with the keys {RuleKeys.Take} and {RuleKeys.Exclude}, and there must be no other document.");
        }

        var keys = Keys(root, RuleKeys.OfFile, "the file");
        var rules = new SelectionRules(Rules(keys, RuleKeys.Take), Rules(keys, RuleKeys.Exclude));
        if (rules.Take.Count + rules.Exclude.Count == 0)
        {
            throw Refused("invalid", 1, $"begins a file without a rule: list some under {RuleKeys.Take} or {RuleKeys.Exclude}.");
        }

        return rules.Take.Concat(rules.Exclude).GroupBy(rule => rule.Name).FirstOrDefault(same => same.Count() > 1) is { } repeated
            ? throw Refused("invalid", root.Start.Line, $"begins a file with two rules named {repeated.Key}: give each its own name.")
            : rules;
    }

    /// <summary>Refuses what is nested deeper than rules are, before it is read by recursion: orders come over the network.</summary>
    private static void RequireShallow(string text) => Guarded(text, parser =>
    {
        for (var depth = 0; parser.MoveNext();)
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MostNested)
            {
                throw Refused("invalid", parser.Current.Start.Line, "is nested deeper than rules are.");
            }
        }
    });

    /// <summary>Tells what is no YAML by its line.</summary>
    private static void Guarded(string text, Action<IParser> read)
    {
        using var reader = new StringReader(text);
        var scanner = new Scanner(reader);
        try
        {
            read(new Parser(scanner));
        }
        catch (YamlException malformed)
        {
            throw Refused("unreadable", malformed.Start.Line, $"is no YAML: {malformed.Message.TrimEnd('.')}.");
        }
        catch (Exception failed) when (failed is InvalidOperationException or ArgumentException)
        {
            // The parser's own failures at some texts that are no YAML.
            throw Refused("unreadable", scanner.CurrentPosition.Line, "is no YAML that can be read: write it more plainly.");
        }
    }

    private static List<SelectionRule> Rules(Dictionary<string, YamlNode> file, string key) => !file.TryGetValue(key, out var node) ? []
        : node is not YamlSequenceNode sequence ? throw Refused("invalid", Line(node), $"must give {key} a list of rules, each beginning with '- name:'.")
        : sequence.Select(Rule).ToList();

    private static SelectionRule Rule(YamlNode node)
    {
        var keys = Keys(node, RuleKeys.OfRule, "a rule");
        var name = keys.TryGetValue(RuleKeys.Name, out var given) ? Text(given, RuleKeys.Name) : throw Refused("invalid", Line(node), $"begins a rule without a {RuleKeys.Name}: give it one.");
        if (name.Length > LongestName || name.Any(char.IsControl))
        {
            throw Refused("invalid", Line(given), $"names a rule with more than {LongestName} letters, or with some that cannot be printed: shorten it.");
        }

        return keys.Count > 1
            ? new SelectionRule
            {
                Name = name,
                Modality = Texts(keys, RuleKeys.Modality),
                ImageType = Texts(keys, RuleKeys.ImageType),
                Slices = BoundsOf(keys, RuleKeys.Slices),
                ThicknessMm = BoundsOf(keys, RuleKeys.ThicknessMm),
                Description = Texts(keys, RuleKeys.Description),
            }
            : throw Refused("invalid", Line(node), $"begins the rule {name}, which asks for nothing: give it one of {string.Join(", ", RuleKeys.OfRule[1..])}.");
    }

    private static Dictionary<string, YamlNode> Keys(YamlNode node, string[] known, string what)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw Refused("invalid", Line(node), $"must give {what} keys and values: it knows {string.Join(", ", known)}.");
        }

        var keys = new Dictionary<string, YamlNode>(StringComparer.Ordinal);
        foreach (var (key, value) in mapping.Children)
        {
            var name = key is YamlScalarNode { Value: { } text } ? text : "";
            keys[name] = known.Contains(name) ? value : throw Refused("unknown_key", Line(key), $"has the key '{name}', which {what} does not know: use {string.Join(", ", known)}.");
        }

        return keys;
    }

    private static List<string>? Texts(Dictionary<string, YamlNode> keys, string key) => !keys.TryGetValue(key, out var node) ? null
        : node is YamlSequenceNode { Children.Count: > 0 } several ? several.Select(one => Text(one, key)).ToList()
        : [Text(node, key)];

    private static string Text(YamlNode node, string key) => node is YamlScalarNode { Value: { } text } && !string.IsNullOrWhiteSpace(text) ? text.Trim()
        : throw Refused("invalid", Line(node), $"must give {key} a text, or for all but {RuleKeys.Name} a list of some.");

    private static SelectionRule.Bounds? BoundsOf(Dictionary<string, YamlNode> rule, string key)
    {
        if (!rule.TryGetValue(key, out var node))
        {
            return null;
        }

        var keys = Keys(node, RuleKeys.OfBounds, key);
        var bounds = new SelectionRule.Bounds(Number(RuleKeys.Min), Number(RuleKeys.Max));
        return bounds is { Min: null, Max: null } || bounds.Min > bounds.Max
            ? throw Refused("invalid", Line(node), $"must give {key} a {RuleKeys.Min}, a {RuleKeys.Max} not below it, or both.")
            : bounds;

        double? Number(string bound) => !keys.TryGetValue(bound, out var value) ? null
            : value is YamlScalarNode { Value: { } text } && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) && number >= 0 ? number
            : throw Refused("invalid", Line(value), $"must give {key} a {bound} that is a number, 0 or more.");
    }

    private static long Line(YamlNode? node) => node?.Start.Line ?? 1;

    private static CommandException Refused(string fault, long line, string sentence) => new(ExitCodes.Usage, $"{Kind}.{fault}", $"Line {line} of the rules {sentence}");
}
