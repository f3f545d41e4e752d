using ToNNO.Tests.Support;
using ToNNO.Tonno.Selection;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Tests.Selection;

/// <summary>Rules over archives written by hand.</summary>
public sealed class SelectionRulesTests : IDisposable
{
    private static readonly DicomBytes _ct = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("modality: ct", "thick,thin,enhanced")]
    [InlineData("modality: [MR, PT]", "mr")]
    [InlineData("imageType: [primary, ORIGINAL]", "thick,thin,mr,enhanced")]
    [InlineData("imageType: SECONDARY", "mip")]
    [InlineData("slices: {min: 4}", "thin,mip")]
    [InlineData("slices: {max: 3}", "thick,mr,enhanced")]
    [InlineData("slices: {min: 5, max: 5}", "thin")]
    [InlineData("thicknessMm: {max: 1.5}", "thin,enhanced")] // that of mr is not told
    [InlineData("thicknessMm: {min: 1.25}", "thick,mip,enhanced")]
    [InlineData("description: '*CHEST*'", "thick,thin")]
    [InlineData("description: ['chest 5 mm', 'brain?']", "thick,mr")]
    [InlineData("description: 'chest'", "")]
    public void List_OneRule_TakesTheSeriesThatMeetIt(string criterion, string taken)
    {
        WriteArchive();
        Assert.Equal(taken.Split(',').Append("plain").Where(name => name.Length > 0).Order(), Names(List($"take:\n  - name: one\n    {criterion}")));
    }

    [Fact]
    public void List_RulesAndExclusions_FirstThatFitsTakesAndAllIsAccountedFor()
    {
        WriteArchive();
        var listing = List(
            """
            take:
              - {name: thin, modality: CT, thicknessMm: {max: 1}}
              - {name: any CT, modality: CT}
              - {name: never, slices: {min: 100}}
            exclude:
              - {name: projections, description: "*mip*"}
              - {name: derived, imageType: DERIVED}
            """);
        Assert.Equal(["enhanced", "plain", "thick", "thin"], Names(listing));
        Assert.Equal(["enhanced: any CT", "thick: any CT", "thin: thin"], listing.TakenBy.Select(taken => $"{taken.Key}: {taken.Value}").Order());
        Assert.Equal(["mip: rules.excluded by projections", "mr: rules.not_taken by "], listing.LeftOut.Select(file => $"{Path.GetFileName(file.Source.Split('#')[0])}: {file.Reason} by {file.Rule}").Order());
        Assert.Equal(
            ["thin False 1 modality 1 thicknessMm 2", "any CT False 2 modality 1", "never False 0 slices 1", "projections True 1 ", "derived True 0 "],
            listing.Rules.Select(rule => $"{rule.Rule} {rule.Excludes} {rule.Took} {string.Join(' ', rule.LeftBy.Select(pair => $"{pair.Key} {pair.Value}"))}"));
    }

    [Fact]
    public void List_ExclusionsAlone_TakeTheRest()
    {
        WriteArchive();
        Assert.Equal(["enhanced", "mip", "plain", "thick", "thin"], Names(List("exclude:\n  - {name: MR, modality: MR}")));
    }

    [Fact]
    public void List_ManifestThatNamesAStudy_TheRulesPickItsSeries()
    {
        WriteArchive();
        File.WriteAllText(_folder["m.csv"], "id,uri\nstudy,in\n");
        Assert.Throws<Commands.CommandException>(() => List("take:\n  - {name: MR, modality: MR}", "m.csv")); // plain.nii beside it
        File.Delete(_folder["in/plain.nii"]);
        var listing = List("take:\n  - {name: MR, modality: MR}", "m.csv");
        Assert.Equal("study", Assert.Single(Names(listing)));
        Assert.Equal("MR", Assert.Single(listing.TakenBy).Value);
        Assert.Empty(List("take:\n  - {name: PET, modality: PT}", "m.csv").Inputs);
    }

    /// <summary>In whatever letters a file is written, a pattern in the user's meets them.</summary>
    [Theory]
    [InlineData("", "CT Kopf", "*kopf*")]
    [InlineData("ISO_IR 100", "Sch\u00E4del", "*SCH\u00C4DEL*")]
    [InlineData("ISO_IR 192", "Sch\u00C3\u00A4del", "*sch\u00E4del*")]
    [InlineData("ISO_IR 144", "\u00BC\u00DE\u00D7\u00D3", "*\u043C\u043E\u0437\u0433*")] // in Cyrillic
    [InlineData("\\ISO 2022 IR 87", "\u001B$B;3ED\u001B(B", "\u5C71\u7530")]
    public void List_DescriptionBeyondAscii_MetInItsOwnCharacterSet(string characterSet, string description, string pattern)
    {
        Write("a", (_ct with { Others = new Dictionary<uint, DicomAttribute?> { [0x0008_0005] = new(0, "CS", characterSet), [0x0008_103E] = new(0, "LO", description) } }).Stack(2));
        Assert.Empty(List($"exclude:\n  - {{name: it, description: '{pattern}'}}").Inputs);
    }

    private void WriteArchive()
    {
        static Dictionary<uint, DicomAttribute?> With(string? description, string? thickness = null, string modality = "CT")
        {
            var others = new Dictionary<uint, DicomAttribute?> { [0x0008_0060] = new(0, "CS", modality) };
            if (description is not null)
            {
                others[0x0008_103E] = new(0, "LO", description);
            }

            if (thickness is not null)
            {
                others[0x0018_0050] = new(0, "DS", thickness);
            }

            return others;
        }

        Write("thick", (_ct with { Series = "1.1", Others = With("Chest 5 mm", "5") }).Stack(3));
        Write("thin", (_ct with { Series = "1.2", Others = With("Chest 1 mm", "1") }).Stack(5));
        Write("mip", (_ct with { Series = "1.3", ImageType = @"DERIVED\SECONDARY", Others = With("Thorax MIP", "10", "OT") }).Stack(4));
        Write("mr", (_ct with { Series = "1.4", SopClass = "1.2.840.10008.5.1.4.1.1.4", Others = With("Brain1", null, "MR") }).Stack(2));
        var enhanced = _ct with { Series = "1.5", SopClass = DicomBytes.EnhancedCtClass, FramePositions = [.. _ct.Stack(3).Select(slice => slice.Position)], Others = With(null) };
        enhanced = enhanced with
        {
            Others = new Dictionary<uint, DicomAttribute?>(enhanced.Others)
            {
                [0x5200_9229] = DicomBytes.Sequence([DicomBytes.Sequence([new DicomAttribute(0x0018_0050, "DS", "1.25")]) with { Tag = 0x0028_9110 }]),
            },
        };
        Write("enhanced", [enhanced]);
        File.WriteAllBytes(_folder["in/plain.nii"], new NiftiBytes().Plain()); // no series: not for rules to choose
    }

    private void Write(string folder, IEnumerable<DicomBytes> slices)
    {
        Directory.CreateDirectory(_folder[$"in/{folder}"]);
        foreach (var (at, slice) in slices.Index())
        {
            File.WriteAllBytes(_folder[$"in/{folder}/{at}"], slice.ToArray());
        }
    }

    private SourceListing List(string rules, string source = "in") => SourceListing.List([_folder[source]], _folder["out"], RulesReader.Parse(rules), [], new AzureFiles(), "");

    private static IEnumerable<string> Names(SourceListing listing) => listing.Inputs.Select(input => input.VolumeId.Value).Order();
}
