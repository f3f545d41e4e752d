using ToNNO.Coordinator.Api;

namespace ToNNO.Tonno.Selection;

/// <summary>Which DICOM series of an archive are taken: those that no exclusion and the first of the rules fits.</summary>
/// <param name="Take">Where there are none, whatever is not excluded is taken.</param>
internal sealed record SelectionRules(IReadOnlyList<SelectionRule> Take, IReadOnlyList<SelectionRule> Exclude)
{
    /// <summary>Reasons of series that are left out.</summary>
    public const string Excluded = "rules.excluded";

    /// <inheritdoc cref="Excluded"/>
    public const string NotTaken = "rules.not_taken";

    public Verdict Judge(SeriesFacts series)
    {
        if (Exclude.FirstOrDefault(rule => rule.Unmet(series) is null) is { } exclusion)
        {
            return new(exclusion.Name, Excluded, []);
        }

        var unmet = new List<string>();
        foreach (var rule in Take)
        {
            if (rule.Unmet(series) is not { } criterion)
            {
                return new(rule.Name, null, unmet);
            }

            unmet.Add(criterion);
        }

        return new(null, Take.Count == 0 ? null : NotTaken, unmet);
    }

    /// <summary>What each rule took and left, in the order of the file, exclusions last.</summary>
    public IReadOnlyList<RuleAccount> Account(IReadOnlyCollection<Verdict> verdicts) =>
    [
        .. Take.Select((rule, at) => new RuleAccount(
            rule.Name,
            Excludes: false,
            verdicts.Count(verdict => verdict.Reason is null && verdict.Rule == rule.Name),
            verdicts.Where(verdict => verdict.Unmet.Count > at).CountBy(verdict => verdict.Unmet[at]).OrderBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary())),
        .. Exclude.Select(rule => new RuleAccount(rule.Name, Excludes: true, verdicts.Count(verdict => verdict.Reason == Excluded && verdict.Rule == rule.Name), new Dictionary<string, int>())),
    ];
}

/// <summary>What rules say of a series.</summary>
/// <param name="Rule">That took it or left it out; null where none did.</param>
/// <param name="Reason">Why it is left out; null where it is taken.</param>
/// <param name="Unmet">The criterion that it failed of each rule that it came to.</param>
internal sealed record Verdict(string? Rule, string? Reason, IReadOnlyList<string> Unmet);
