using System.Globalization;
using System.Text.RegularExpressions;
using k8s;
using ToNNO.Deploy.Tests.Kubernetes;
using ToNNO.Tests.Support;

namespace ToNNO.Deploy.Tests.Monitoring;

/// <summary>The rules, as they are applied, do what their tests say; dashboards are sound; and each alert is explained.</summary>
public sealed partial class MonitoringTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rules_AsTheyAreApplied_PassTheirTests()
    {
        using var folder = new TemporaryFolder();
        var manifests = await LoadAsync();
        await File.WriteAllTextAsync(folder["rules.yaml"], KubernetesYaml.Serialize(manifests.One<PrometheusRule>("tonno").Spec), Cancel);
        File.Copy(Repository.At("tests/Deploy.Tests/Monitoring/alerts.yaml"), folder["alerts.yaml"]);
        Assert.Equal("", await PrometheusTool.CheckAsync(folder.Path, "check", "rules", "rules.yaml"));
        Assert.Equal("", await PrometheusTool.CheckAsync(folder.Path, "test", "rules", "alerts.yaml"));
    }

    /// <summary>In the tests of the rules, in both ways, and in the handbook.</summary>
    [Fact]
    public async Task Alerts_AllOfThem_AreTriedAndExplained()
    {
        var tests = await File.ReadAllTextAsync(Repository.At("tests/Deploy.Tests/Monitoring/alerts.yaml"), Cancel);
        var handbook = await File.ReadAllTextAsync(Repository.At(Handbook.Path), Cancel);
        var alerts = (await LoadAsync()).One<PrometheusRule>("tonno").Spec.Groups.SelectMany(group => group.Rules).Where(rule => rule.Alert is not null).ToList();
        Assert.Equal(11, alerts.Count);
        Assert.All(alerts, rule =>
        {
            Assert.Contains($"alertname: {rule.Alert} }}", tests, StringComparison.Ordinal);
            Assert.Matches($@"alertname: {rule.Alert}\s+exp_alerts:", tests);
            Assert.True(rule is { Annotations.Count: > 0, Labels.Count: > 0 });
            Assert.True(Handbook.Explains(Handbook.Sections(handbook), rule.Annotations["runbook"]), $"{rule.Alert} leads nowhere");
            Assert.False(Handbook.Explains(Handbook.Sections(handbook.Replace($"### {rule.Alert}", $"### {rule.Alert}2", StringComparison.Ordinal)), rule.Annotations["runbook"]));
        });
        var explained = Handbook.Sections(handbook).Keys.Where(anchor => anchor.Contains("#tonno", StringComparison.Ordinal));
        Assert.Equal(explained.Order(StringComparer.Ordinal), alerts.Select(rule => rule.Annotations!["runbook"]).Order(StringComparer.Ordinal)); // and none of what is gone
    }

    /// <summary>Who scrapes by the monitor that comes along, has its name as the job's, and who does otherwise, the program's.</summary>
    [Theory]
    [InlineData("tonno", true)]
    [InlineData("strange/postgres", false)]
    [InlineData(null, true)]
    public async Task CoordinatorMissing_OfAJob_KnowsThePodsOfTheProgram(string? job, bool known)
    {
        var manifests = await LoadAsync();
        var rule = manifests.One<PrometheusRule>("tonno").Spec.Groups.SelectMany(group => group.Rules).Single(rule => rule.Alert == "TonnoCoordinatorMissing");
        Assert.Equal(known, Regex.IsMatch(job ?? $"tonno/{manifests.All<PodMonitor>().Single().Metadata.Name}", $"^({JobPattern().Match(rule.Expr).Groups[1].Value})$"));
    }

    /// <summary>What is looked back upon, in an alert's own words or in those of a rule that it asks, is shorter than what the alert waits for: else a single
    /// event would do.</summary>
    [Fact]
    public async Task Alerts_ThatWait_LookBackForLess()
    {
        var rules = (await LoadAsync()).One<PrometheusRule>("tonno").Spec.Groups.SelectMany(group => group.Rules).ToList();
        var recorded = rules.Where(rule => rule.Record is not null).ToList();
        var windows = rules.Where(rule => rule.For is not null).Select(rule => (
            Rule: rule, Windows: recorded.Where(one => rule.Expr.Contains(one.Record!, StringComparison.Ordinal)).Append(rule).SelectMany(one => Window().Matches(one.Expr)).ToList())).ToList();
        Assert.Equal(4, windows.Count(one => one.Windows.Count > 0));
        Assert.All(windows, one => Assert.All(one.Windows, window => Assert.True(Minutes(window.Groups[1].Value) < Minutes(one.Rule.For!), one.Rule.Alert)));
    }

    [Fact]
    public async Task Dashboards_AllOfThem_AreWhatGrafanaTakes()
    {
        var dashboards = Dashboard.AllOf(await LoadAsync());
        Assert.Equal(["archive", "cluster", "latency", "store"], dashboards.Select(dashboard => dashboard.Name).Order(StringComparer.Ordinal));
        Assert.Equal(dashboards.Count, dashboards.Select(dashboard => (string?)dashboard.Content["uid"]).Distinct().Count());
        Assert.Contains(dashboards.SelectMany(dashboard => dashboard.Queries), query => query.WantsExemplars);
        foreach (var dashboard in dashboards)
        {
            var variables = dashboard.Content["templating"]!["list"]!.AsArray().Select(variable => $"${variable!["name"]}").ToList();
            Assert.Equal(["$datasource", "$namespace"], variables);
            Assert.Equal(dashboard.Panels.Count(), dashboard.Panels.Select(panel => (int)panel["id"]!).Distinct().Count());
            Assert.All(dashboard.Panels, panel =>
            {
                Assert.Equal("${datasource}", (string?)panel["datasource"]!["uid"]);
                Assert.NotEmpty((string)panel["title"]!);
                Assert.NotEmpty((string)panel["fieldConfig"]!["defaults"]!["unit"]!);
                Assert.InRange((int)panel["gridPos"]!["x"]! + (int)panel["gridPos"]!["w"]!, 1, 24);
            });
            Assert.All(dashboard.Queries, query => Assert.DoesNotContain('$', query.Asked));
        }
    }

    internal static async Task<Manifests> LoadAsync() => Manifests.Load(await Kustomization.BaseAsync("monitoring"));

    private static int Minutes(string duration) => int.Parse(duration.Replace("h", "", StringComparison.Ordinal).Replace("m", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * (duration.EndsWith('h') ? 60 : 1);

    [GeneratedRegex("job=~\"([^\"]+)\"")]
    private static partial Regex JobPattern();

    [GeneratedRegex(@"\[(\d+[mh])\]")]
    private static partial Regex Window();
}
