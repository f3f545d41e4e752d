using ToNNO.Imaging;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public sealed class EvaluationJobTests : IDisposable
{
    private readonly ResultFolders _folders = new();

    public void Dispose() => _folders.Dispose();

    /// <summary>On both validation patients half the peak is right; on the test patient it is too high, and taken nevertheless.</summary>
    [Fact]
    public void Run_Split_ThresholdsOfValidationPatientsAlone()
    {
        foreach (var (id, scale) in new[] { ("a", 1f), ("b", 100f) })
        {
            _folders.Result("store", id, ResultFolders.Ramp(20, scale));
            _folders.Mask($"{id}-mask.nii", ResultFolders.Range(10, 20)); // voxels above half the peak: 11 to 20
        }

        _folders.Result("store", "c", ResultFolders.Ramp(20));
        _folders.Mask("c-mask.nii", ResultFolders.Range(5, 20));
        var report = Evaluate("file,mask,patient,split", "a.nii,a-mask.nii,P,validation", "b.nii,b-mask.nii,Q,validation", "c.nii,c-mask.nii,R,test");
        var scores = Assert.Single(Assert.Single(report.Methods).Cases);
        Assert.Equal("c", scores.VolumeId);
        Assert.True(scores.Threshold is { OfPeak: true, Value: > 0.5 and <= 0.55 }, $"{scores.Threshold}");
        Assert.Equal(2.0 * 10 / (10 + 15), scores.Dice, 1e-12);
        Assert.Equal(scores.Dice, scores.DiceOfPeak);
        Assert.Equal(1, scores.DiceOwnBest);
        Assert.Equal(1, scores.AveragePrecision, 1e-12);
        Assert.True(scores.PeakInLesion);
        Assert.Equal(15 * 8 / 1000.0, scores.LesionMl, 1e-12);
        Assert.Equal((1, 1, ThresholdSource.ValidationPatients), (report.Volumes, report.Patients, report.Choosing));
    }

    /// <summary>Each patient has another best value; each is scored by the one that suits the other two.</summary>
    [Fact]
    public void Run_NoSplit_EachPatientByWhatTheOthersChoose()
    {
        var lines = new List<string> { "file,mask,patient" };
        foreach (var (id, first) in new[] { ("a", 12), ("b", 12), ("c", 4) })
        {
            _folders.Result("store", id, ResultFolders.Ramp(20));
            _folders.Mask($"{id}-mask.nii", ResultFolders.Range(first, 20));
            lines.Add($"{id}.nii,{id}-mask.nii,{id}");
        }

        var report = Evaluate([.. lines]);
        Assert.Equal(ThresholdSource.OtherPatients, report.Choosing);
        var scores = report.Methods[0].Cases;
        Assert.Equal(8.0 * 2 / (8 + 16), scores[2].Dice, 1e-12); // cut as a and b have it
        Assert.True(scores[0].Threshold.For(20) < 12.5); // b and c between them
        Assert.Equal(scores[0].Threshold, scores[1].Threshold);
    }

    [Fact]
    public void Run_TwoVolumesOfAPatient_CountAsOnePatient()
    {
        foreach (var (id, first) in new[] { ("a", 10), ("b", 10), ("c", 10) })
        {
            _folders.Result("store", id, ResultFolders.Ramp(20));
            _folders.Mask($"{id}-mask.nii", ResultFolders.Range(id == "c" ? 0 : first, 20));
        }

        var report = Evaluate(new HeatmapThreshold(0.501, OfPeak: true), "file,mask,patient", "a.nii,a-mask.nii,P", "b.nii,b-mask.nii,P", "c.nii,c-mask.nii,Q");
        Assert.Equal((3, 2), (report.Volumes, report.Patients));
        var dice = report.Methods[0].Estimates["dice"];
        Assert.Equal((1 + (2.0 * 10 / 30)) / 2, dice.Mean, 1e-12);
        Assert.Equal(2, dice.Patients);
        Assert.False(double.IsFinite(report.Methods[0].Cases[0].DiceFixed)); // nothing was chosen
    }

    [Fact]
    public void Run_TwoMethods_DifferencesOnTheSamePatients()
    {
        foreach (var id in new[] { "a", "b", "c", "d" })
        {
            _folders.Result("good", id, ResultFolders.Ramp(20));
            _folders.Result("poor", id, ResultFolders.Range(60, 80));
            _folders.Mask($"{id}-mask.nii", ResultFolders.Range(10, 20));
        }

        var report = Run(null, [_folders["good"], $"worse={_folders["poor"]}"], "file,mask,patient", "a,a-mask.nii,a", "b,b-mask.nii,b", "c,c-mask.nii,c", "d,d-mask.nii,d");
        Assert.Equal(["good", "worse"], report.Methods.Select(method => method.Name));
        var pair = Assert.Single(report.Pairs);
        Assert.Equal(new Estimate(1, 1, 1, 4), pair.Differences["dice"]);
        Assert.Equal(0, report.Methods[1].Estimates["peakInLesion"].Mean);
        Assert.All(report.Methods[1].Cases, scores => Assert.Equal(new LesionCounts(0, scores.Lesions, 1), scores.Found));
    }

    [Fact]
    public void Prepare_SeveralClasses_AsksWhich()
    {
        _folders.Result("store", "a", ResultFolders.Ramp(20), null, "cyst", "tumour");
        _folders.Mask("a-mask.nii", ResultFolders.Range(10, 20));
        Assert.Equal("class.unknown", Refused(() => Evaluate("file,mask,patient", "a.nii,a-mask.nii,P")));
        var request = Request(["store"], "file,mask,patient", "a.nii,a-mask.nii,P") with { ClassName = "tumour", Threshold = new(0.5, OfPeak: true) };
        Assert.Single(EvaluationJob.Prepare(request).Run((_, _) => { }, CancellationToken.None).Methods);
    }

    [Theory]
    [InlineData("results.missing", "a", "b.nii,mask.nii,Q")]
    [InlineData("results.unlisted", "a b", "a.nii,mask.nii,P")]
    [InlineData("results.ambiguous", "a c/1 c/2", "a.nii,mask.nii,P", "c.nii,mask.nii,Q")]
    [InlineData("references.mask_empty", "a", "a.nii,empty.nii,P")]
    [InlineData("references.grid_differs", "a", "a.nii,shifted.nii,P")]
    [InlineData("references.grid_differs", "a", "a.nii,smaller.nii,P")]
    [InlineData("references.files_missing", "a", "a.nii,gone.nii,P")]
    [InlineData("references.file_repeated", "a", "a.nii,mask.nii,P", "a.nii,mask.nii,P")]
    [InlineData("references.incomplete", "a", "a.nii,mask.nii,")]
    public void Prepare_Unfit_OneSentence(string code, string results, params string[] lines)
    {
        foreach (var result in results.Split(' '))
        {
            var parts = result.Split('/'); // the file's name, and what tells results of equal names apart
            _folders.Result("store", string.Concat(parts), ResultFolders.Ramp(20), $"{parts[0]}.nii");
        }

        _folders.Mask("mask.nii", ResultFolders.Range(10, 20));
        _folders.Mask("empty.nii", ResultFolders.Range(0, 0));
        _folders.Mask("shifted.nii", ResultFolders.Range(10, 20), shift: 0.5);
        _folders.Mask("smaller.nii", ResultFolders.Range(10, 20), shape: new(5, 5, 4));
        Assert.Equal(code, Refused(() => Evaluate(new HeatmapThreshold(0.5, OfPeak: true), ["file,mask,patient", .. lines])));
    }

    [Fact]
    public void Prepare_ResultsOfOneName_FoundByTheirFolders()
    {
        _folders.Result("store", "c1", ResultFolders.Ramp(20), "c.nii");
        _folders.Result("store", "c2", ResultFolders.Range(60, 80), "c.nii");
        _folders.Mask("mask.nii", ResultFolders.Range(10, 20));
        var report = Evaluate(new HeatmapThreshold(0.501, OfPeak: true), "file,mask,patient", "c2,mask.nii,P", "c1,mask.nii,Q");
        Assert.Equal([0, 1], report.Methods[0].Cases.Select(scores => scores.Dice));
    }

    [Fact]
    public void Prepare_OnePatientToChooseAndScore_Refused()
    {
        _folders.Result("store", "a", ResultFolders.Ramp(20));
        _folders.Mask("mask.nii", ResultFolders.Range(10, 20));
        Assert.Equal("references.one_patient", Refused(() => Evaluate("file,mask,patient", "a.nii,mask.nii,P")));
    }

    [Theory]
    [InlineData("references.patient_on_both_sides", "a,m,P,validation", "b,m,P,test")]
    [InlineData("references.split_one_side", "a,m,P,test", "b,m,Q,test")]
    [InlineData("references.invalid", "a,m,P,train")]
    public void Prepare_SplitUnfit_OneSentence(string code, params string[] lines)
    {
        _folders.Mask("m", ResultFolders.Range(10, 20));
        Assert.Equal(code, Refused(() => ReferenceSheet.Read(_folders.Sheet(["file,mask,patient,split", .. lines]), null)));
    }

    [Fact]
    public void Prepare_ListedOnly_LeavesOthersAside()
    {
        _folders.Result("store", "a", ResultFolders.Ramp(20));
        _folders.Result("store", "b", ResultFolders.Ramp(20));
        _folders.Mask("a-mask.nii", ResultFolders.Range(10, 20));
        var request = Request(["store"], "file,mask,patient", "a.nii,a-mask.nii,P") with { ListedOnly = true, Threshold = new(0.5, OfPeak: true) };
        Assert.Single(EvaluationJob.Prepare(request).Run((_, _) => { }, CancellationToken.None).Methods[0].Cases);
    }

    [Fact]
    public void Run_HeatmapChangedSince_Refused()
    {
        _folders.Result("store", "a", ResultFolders.Ramp(20));
        _folders.Mask("a-mask.nii", ResultFolders.Range(10, 20));
        var path = _folders["store/a/heatmap.nii"];
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal("results.damaged", Refused(() => Evaluate(new HeatmapThreshold(0.5, OfPeak: true), "file,mask,patient", "a.nii,a-mask.nii,P")));
    }

    [Fact]
    public void Prepare_StoresThatAreNone_OneSentence()
    {
        _folders.Result("store", "a", ResultFolders.Ramp(20));
        _folders.Mask("a-mask.nii", ResultFolders.Range(10, 20));
        Directory.CreateDirectory(_folders["empty"]);
        string[] lines = ["file,mask,patient", "a.nii,a-mask.nii,P"];
        Assert.Equal("results.missing", Refused(() => Run(null, [_folders["empty"]], lines)));
        Assert.Equal("results.missing", Refused(() => Run(null, [_folders["gone"]], lines)));
        Assert.Equal("results.name_taken", Refused(() => Run(null, [_folders["store"], _folders["store"]], lines)));
        Assert.Equal("results.no_sinogram", Refused(() => EvaluationJob.Prepare(Request(["store"], lines) with { Sweep = true })));
        File.WriteAllText(_folders["store/a/result.json"], "{}");
        Assert.Equal("results.damaged", Refused(() => Run(null, [_folders["store"]], lines)));
    }

    private static string Refused(Action act)
    {
        var error = Assert.ThrowsAny<Exception>(act);
        error = error is AggregateException many ? many.InnerException! : error;
        Assert.DoesNotContain('\n', error.Message);
        return error is CommandException refused ? refused.Code : Assert.IsType<ImagingException>(error).Code;
    }

    private EvaluationReport Evaluate(params string[] lines) => Evaluate(null, lines);

    private EvaluationReport Evaluate(HeatmapThreshold? threshold, params string[] lines) => Run(threshold, [_folders["store"]], lines);

    private EvaluationReport Run(HeatmapThreshold? threshold, string[] stores, params string[] lines) => EvaluationJob
        .Prepare(new EvaluationRequest { Stores = stores, References = _folders.Sheet(lines), Threshold = threshold })
        .Run((_, _) => { }, TestContext.Current.CancellationToken);

    private EvaluationRequest Request(string[] stores, params string[] lines) =>
        new() { Stores = [.. stores.Select(store => _folders[store])], References = _folders.Sheet(lines) };
}
