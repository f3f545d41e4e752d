using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Selection;

namespace ToNNO.Tonno.Tests.Selection;

public class RulesReaderTests
{
    [Fact]
    public void Parse_EveryKey_IsRead()
    {
        var rules = RulesReader.Parse(
            """
            # thin chest CT
            take:
              - name: chest
                modality: CT
                imageType: [ORIGINAL, PRIMARY]
                slices: {min: 20, max: 2000}
                thicknessMm:
                  max: 2.5
                description: ["*chest*", "thorax ?"]
            exclude:
              - name: projections
                description: "*MIP*"
            """);
        var (take, exclude) = (Assert.Single(rules.Take), Assert.Single(rules.Exclude));
        Assert.Equal(("chest", "CT", "ORIGINAL,PRIMARY", "*chest*,thorax ?"), (take.Name, string.Join(',', take.Modality!), string.Join(',', take.ImageType!), string.Join(',', take.Description!)));
        Assert.Equal((new(20, 2000), new(null, 2.5)), (take.Slices!, take.ThicknessMm!));
        Assert.Equal(("projections", "*MIP*"), (exclude.Name, Assert.Single(exclude.Description!)));
        Assert.Null(exclude.Modality);
    }

    [Theory]
    [InlineData("take:\n  - name: a\n    modalty: CT", "rules.unknown_key", "Line 3 of the rules has the key 'modalty'")]
    [InlineData("takes: []", "rules.unknown_key", "Line 1 of the rules has the key 'takes'")]
    [InlineData("take:\n  - name: a\n    slices: {min: 1, most: 3}", "rules.unknown_key", "Line 3 of the rules has the key 'most'")]
    [InlineData("take:\n  - modality: CT", "rules.invalid", "Line 2 of the rules begins a rule without a name")]
    [InlineData("take:\n  - name: a", "rules.invalid", "Line 2 of the rules begins the rule a, which asks for nothing")]
    [InlineData("take:\n  - name: a\n    slices:\n      min: many", "rules.invalid", "Line 4 of the rules must give slices a min that is a number")]
    [InlineData("take:\n  - name: a\n    slices: {min: -1}", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    slices: {min: .nan}", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    slices: {min: 5, max: 4}", "rules.invalid", "Line 3 of the rules must give slices a min, a max not below it")]
    [InlineData("take:\n  - name: a\n    slices: {}", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    slices: 7", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    modality: []", "rules.invalid", "Line 3 of the rules must give modality a text")]
    [InlineData("take:\n  - name: a\n    modality: [[CT]]", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    modality:", "rules.invalid", "Line 3")]
    [InlineData("take:\n  - name: a\n    modality: CT\nexclude:\n  - name: a\n    modality: MR", "rules.invalid", "two rules named a")]
    [InlineData("take:\n  name: a", "rules.invalid", "Line 2 of the rules must give take a list")]
    [InlineData("take:\n  - a", "rules.invalid", "Line 2")]
    [InlineData("take:", "rules.invalid", "Line 1")]
    [InlineData("- a", "rules.invalid", "Line 1")]
    [InlineData("", "rules.invalid", "Line 1")]
    [InlineData("take: []\nexclude: []", "rules.invalid", "a file without a rule")]
    [InlineData("take: []\n---\ntake: []", "rules.invalid", "no other document")]
    [InlineData("take:\n  - name: a\n    modality: CT\n    modality: MR", "rules.unreadable", "Line 4 of the rules is no YAML")]
    [InlineData("take: [\n  a: b", "rules.unreadable", "of the rules is no YAML")]
    [InlineData("take: *none", "rules.unreadable", "Line 1 of the rules is no YAML")]
    public void Parse_WhatRulesDoNotHave_IsRefusedByItsLine(string text, string code, string said)
    {
        var refused = Assert.Throws<CommandException>(() => RulesReader.Parse(text));
        Assert.Equal((code, ExitCodes.Usage), (refused.Code, refused.ExitCode));
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NestedWithoutEnd_RefusedBeforeTheStackIs() =>
        Assert.Contains("Line 2 of the rules is nested deeper", Assert.Throws<CommandException>(() => RulesReader.Parse("take:\n" + new string('[', 200_000))).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_DamagedRules_ReadOrRefusedByTheirCode()
    {
        const string Sound = "take:\n  - name: chest\n    modality: [CT, &a MR]\n    slices: {min: 20, max: 2000}\nexclude:\n  - name: b\n    description: '*MIP*'\n    imageType: *a\n";
        const string Letters = "abc:-[]{}&*!|>'\"#%@`,?\t\n 019.\u00fc\0";
        Assert.Equal("MR", Assert.Single(RulesReader.Parse(Sound).Exclude[0].ImageType!));
        var (random, refused) = (new Random(8), 0);
        for (var round = 0; round < 5000; round++)
        {
            var text = new System.Text.StringBuilder(Sound);
            for (var change = random.Next(4); change >= 0; change--)
            {
                text[random.Next(text.Length)] = Letters[random.Next(Letters.Length)];
            }

            try
            {
                RulesReader.Parse(text.ToString(0, random.Next(1, text.Length + 1)));
            }
            catch (CommandException refusal)
            {
                Assert.StartsWith("rules.", refusal.Code, StringComparison.Ordinal);
                Assert.Contains(" of the rules ", refusal.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 500, 4990);
    }

    [Fact]
    public void ReadText_NoSuchFile_Refused() =>
        Assert.Equal("rules.unreadable", Assert.Throws<CommandException>(() => RulesReader.ReadText("/nowhere/rules.yaml")).Code);
}
