using System.Text.RegularExpressions;

namespace ToNNO.Deploy.Tests.Monitoring;

/// <summary>docs/operations.md, by what links lead to.</summary>
internal static partial class Handbook
{
    public const string Path = "docs/operations.md";

    /// <summary>Sections by their anchors, as GitHub makes those of headings.</summary>
    public static IReadOnlyDictionary<string, string> Sections(string text) => Heading().Split(text).Skip(1).Chunk(2)
        .ToDictionary(pair => $"{Path}#{Other().Replace(pair[0].ToLowerInvariant(), "").Replace(' ', '-')}", pair => pair[1]);

    /// <summary>True where a section says what an alert means and what to do.</summary>
    public static bool Explains(IReadOnlyDictionary<string, string> sections, string? runbook) =>
        runbook is not null && sections.TryGetValue(runbook, out var section) && Explanation().IsMatch(section);

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex Other();

    [GeneratedRegex(@"\A\s*\*\*Means:\*\* \S[^\n]+\n\n\*\*Do:\*\* \S")]
    private static partial Regex Explanation();
}
